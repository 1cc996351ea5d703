"""Campaigns: what is to be done for whom, what the gate reads before each dial, and what it decided."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from enum import StrEnum

from voicebot.model.outcome import AnsweredBy, Disposition


class CampaignKind(StrEnum):
    """What a campaign is for: document V (verification V2a, invitation V2b) and document Q (follow-up Q2, reminder Q3)."""

    VERIFICATION = "verification"
    INVITATION = "invitation"
    FOLLOW_UP = "follow_up"
    REMINDER = "reminder"


class CampaignState(StrEnum):
    """draft: planned, nothing rings. stopped and done do not start again."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class Method(StrEnum):
    """How a customer is contacted."""

    PHONE = "phone"
    EMAIL = "email"
    SMS = "sms"


class JobState(StrEnum):
    """pending: waits for its time. leased: a process has it. human: a person has to go on."""

    PENDING = "pending"
    LEASED = "leased"
    DONE = "done"
    CANCELLED = "cancelled"
    HUMAN = "human"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class NewJob:
    """One contact as planned. `key`: what it is about (rule and due date or batch day): the same key is planned once.
    Moments carry an offset (UTC)."""

    campaign_id: str
    account_id: str
    customer_id: str
    method: Method
    flow: str
    rule: str
    key: str
    not_before: datetime
    not_after: datetime | None = None
    priority: int = 0
    assignee_id: str | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """A planned contact and where it stands. `tries`: attempts so far."""

    id: int
    plan: NewJob
    state: JobState = JobState.PENDING
    state_reason: str | None = None
    tries: int = 0
    attempt_id: int | None = None


@dataclass(frozen=True, slots=True)
class ConsentFact:
    """The newest answer to one purpose; `granted` None: asked, no clear answer. Missing is no consent."""

    granted: bool | None
    basis: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PastContact:
    """One attempt (a bot's or a person's) of the last 30 days or more, to this customer or this number. `effective`: a
    human answered; `conversation`: the right party talked (an inbound call counts too)."""

    at: datetime
    customer_id: str | None
    account_id: str | None
    number_hash: str
    inbound: bool
    effective: bool
    conversation: bool
    disposition: Disposition | None = None
    answered_by: AnsweredBy | None = None


@dataclass(frozen=True, slots=True)
class NoCallWindow:
    """When this person does not want to be called: local time, ISO weekdays; over midnight where `until` <= `since`."""

    since: time
    until: time
    weekdays: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True)
class GateFacts:
    """All that the gate decides from; nothing else is asked, so a stored decision can be decided again.

    `purpose`: "service" (verification, reminder, follow-up) or "marketing" (invitation). `zones`: IANA names the callee
    may be in, () = unknown. `role`: "debtor" or "contact_person". `lists`: do-not-call lists that hold the number."""

    customer_id: str
    account_id: str
    number_hash: str
    purpose: str
    zones: tuple[str, ...] = ()
    region: str | None = None
    line_type: str | None = None
    role: str = "debtor"
    consents: Mapping[str, ConsentFact] = field(default_factory=dict)
    do_not_call: bool = False
    lists: tuple[str, ...] = ()
    wrong_party: bool = False
    stopped_by: str | None = None  # "dispute" | "hardship" | "complaint" | "human": automation has ended for the case
    no_call_windows: tuple[NoCallWindow, ...] = ()
    contacts: tuple[PastContact, ...] = ()


@dataclass(frozen=True, slots=True)
class GateDecision:
    """May this call be made now? `rule`: the one that said no, or "allowed"; `version`: of profile and gate;
    `retry_at`: the first moment at which the same facts may say yes (None: not by waiting)."""

    allowed: bool
    rule: str
    reason: str
    profile: str
    version: str
    at: datetime
    retry_at: datetime | None = None
    inputs: Mapping[str, object] = field(default_factory=dict)
