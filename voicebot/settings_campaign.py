"""The settings of campaigns: pacing, retries, the trunk's breaker, email and SMS. They are read as part of
voicebot.settings."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from voicebot.settings_telephony import Section


class CampaignSettings(Section):
    """Who is called when ([campaigns.md](campaigns.md)). Hours of a day are the customer's local time."""

    #: The rules of calling (a file of `paths.calling_rules`) for calls outside campaigns; `auto`: `none` while every
    #: trunk is on this machine (a simulator), else nobody is called until rules are named.
    profile: str = "auto"
    #: Flows that offer something: other consents are needed than for a service call.
    marketing_flows: tuple[str, ...] = ("invitation",)
    #: Lines kept free for inbound calls: campaigns dial into the others only.
    reserve_lines: int = Field(default=1, ge=0)
    #: Most lines of all campaigns together; 0: all but the reserve.
    max_lines: int = Field(default=0, ge=0)
    #: Most lines of one campaign that names no number itself; 0: as `max_lines`.
    max_lines_each: int = Field(default=0, ge=0)
    #: Tries of one due date without reaching anybody after which a person takes over.
    max_auto_attempts: int = Field(default=3, ge=1)
    #: Busy: again after so many minutes.
    busy_min: float = Field(default=15.0, gt=0)
    #: No answer: again after so many hours, and in another of the `bands`.
    no_answer_h: float = Field(default=4.0, gt=0)
    #: Hours at which the parts of a day begin; the last one ends the day.
    bands: tuple[int, ...] = Field(default=(8, 12, 17, 21), min_length=3)
    #: Our own failure or the network's: again after so many minutes.
    failure_min: float = Field(default=10.0, gt=0)
    #: And at most so often.
    failure_tries: int = Field(default=3, ge=1)
    #: Failures of the trunk in a row after which nobody is dialled for `breaker_s`.
    breaker_failures: int = Field(default=5, ge=1)
    #: Then one call tries whether it works again.
    breaker_s: float = Field(default=60.0, gt=0)
    #: A promise is kept by so much of its amount ...
    promise_share: float = Field(default=0.99, gt=0, le=1)
    #: ... at most so many days after its day.
    promise_days: int = Field(default=1, ge=0)
    #: How often payments are applied and leases of dead processes freed.
    housekeeping_s: float = Field(default=20.0, gt=0, le=30)
    #: How often pause, resume and stop by other processes are looked for.
    look_s: float = Field(default=0.5, gt=0, le=1)

    @model_validator(mode="after")
    def _bands_rise(self) -> CampaignSettings:
        if list(self.bands) != sorted(set(self.bands)) or not 0 <= self.bands[0] < self.bands[-1] <= 24:
            raise ValueError("bands: write rising hours, such as [8, 12, 17, 21]")
        return self


class EmailSettings(Section):
    """The mail server that campaigns send by; without a server emails wait."""

    #: HOST:PORT.
    server: str = Field(default="", pattern=r"^(\S+:\d{1,5})?$")
    #: tls: from the first byte (port 465); starttls: before the login (587); none: only for a server on this machine.
    security: Literal["starttls", "tls", "none"] = "starttls"
    #: PEM file with the certificates the server's may be signed by; none: the system's.
    ca_file: Path | None = None
    #: Login; empty: none.
    user: str = ""
    #: Better given in the environment.
    password: str = ""
    #: The sender's address.
    sender: str = "noreply@bank.example"
    #: Longest wait for the server.
    timeout_s: float = Field(default=30.0, gt=0)


class SmsSettings(Section):
    """The HTTP gateway for short messages: JSON {to, from, text, id} by POST; without a url SMS wait."""

    #: Where messages are posted; http:// only to this machine.
    url: str = Field(default="", pattern=r"^(https?://\S+)?$")
    #: Sent as `Authorization: Bearer ...`; better given in the environment.
    token: str = ""
    #: The sender as customers see it.
    sender: str = "BANK"
    #: Longest wait for the gateway.
    timeout_s: float = Field(default=20.0, gt=0)
