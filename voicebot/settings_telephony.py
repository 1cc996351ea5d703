"""The settings of SIP and RTP: the user agent and its trunks. They are read as part of voicebot.settings."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator


class Section(BaseModel):
    """A table of the settings file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class TelephonySettings(Section):
    """The SIP user agent."""

    #: The SIP stack.
    driver: Literal["baresip", "pyvoip"] = "baresip"
    #: Where SIP and RTP are received.
    address: str = "127.0.0.1"
    #: SIP port; 0 = any free one.
    port: int = Field(default=5060, ge=0, le=65535)
    #: Offered in this order (G.711 A-law and mu-law).
    codecs: tuple[Literal["PCMU", "PCMA"], ...] = ("PCMA", "PCMU")
    #: Lowest and highest RTP port; two a call.
    rtp_ports: tuple[int, int] = (10000, 20000)
    #: Take RTP only from the port that the far end's SDP names, from its address (any port), or from anywhere.
    rtp_source: Literal["port", "address", "any"] = "port"
    #: Calls at a time, in and out; more are refused.
    max_calls: int = Field(default=8, ge=1)
    #: Seconds after which a call that is refused (no line is free, too many at once, shutting down) may be tried again.
    retry_after_s: int = Field(default=10, ge=1, le=3600)
    #: Addresses and networks (CIDR) that may send us SIP requests, beside the trunks' own; empty: anybody.
    carriers: tuple[str, ...] = Field(default=(), max_length=128)
    #: New calls a second from one source address in the long run, and as many other requests; 0: no limit.
    calls_per_s: float = Field(default=10.0, ge=0)
    #: New calls from one source address at once.
    burst: int = Field(default=40, ge=1)
    #: Seconds of ringing before CANCEL.
    ring_timeout_s: float = Field(default=30.0, gt=0)
    #: Seconds after which a call is ended.
    max_call_s: float = Field(default=600.0, gt=0)
    #: PEM file with our key and certificate, for TLS.
    certificate: Path | None = None
    #: End a call when no RTP at all has come for so long (0 = never).
    rtp_timeout_s: int = Field(default=30, ge=0)
    #: Session timer offered (RFC 4028): a call whose far end is gone ends within so many seconds; 0: none.
    session_expires_s: int = Field(default=1800, ge=0)
    #: Longest hold by the far end; then the call is ended.
    max_hold_s: float = Field(default=120.0, gt=0)
    #: Receive jitter buffer of the default driver, least and most; 0 and 0: none. People need one to hear no gaps; a
    #: recogniser does not, and late packets would be dropped.
    jitter_buffer_ms: tuple[int, int] = (0, 0)
    #: Record calls (the greeting says so).
    recording: bool = True
    #: Write SIP messages to the stack's log; they hold numbers.
    sip_trace: bool = False

    @field_validator("carriers")
    @classmethod
    def _are_networks(cls, carriers: tuple[str, ...]) -> tuple[str, ...]:
        for carrier in carriers:
            try:
                ipaddress.ip_network(carrier)
            except ValueError as error:  # "... has host bits set", "... does not appear to be an IPv4 or IPv6 network"
                raise ValueError(f"{error}; write an address or NETWORK/BITS, as 192.0.2.0/24") from None
        return carriers


class TrunkSettings(Section):
    """The SIP server calls go through. `register` false: a trunk without registration (known by address). More trunks,
    in the order they are tried: `[[fallback_trunks]]`, with the same settings ([trunks.md](trunks.md))."""

    #: What it is called in the attempt's row, the log and the console; empty: `trunk-1`, `trunk-2`, ...
    name: str = Field(default="", pattern=r"^[\w.-]{0,40}$")
    #: HOST:PORT calls are sent to.
    server: str = "127.0.0.1:5070"
    #: Our user name there.
    user: str = "voicebot"
    #: For digest authentication; better given in the environment.
    password: str = ""
    #: Where it differs from `user`.
    auth_user: str = ""
    #: Of our address; empty: the server.
    domain: str = ""
    #: To the server. tls: its certificate is checked against `ca_file`.
    transport: Literal["udp", "tcp", "tls"] = "udp"
    #: PEM file with the certificates the server's may be signed by.
    ca_file: Path | None = None
    #: Sound on the line. srtp: keys in the SDP (RFC 4568), wanted but not demanded; srtp-mand: no call without;
    #: dtls_srtp: keys by DTLS (RFC 5763).
    media_encryption: Literal["none", "srtp", "srtp-mand", "dtls_srtp"] = "none"
    #: Provisional answers acknowledged (PRACK, RFC 3262): where the far end can, not at all, or no call without.
    prack: Literal["yes", "no", "required"] = "yes"
    #: Send REGISTER at start.
    register_trunk: bool = Field(default=False, alias="register")
    #: Seconds a registration is asked for.
    register_interval_s: int = Field(default=300, ge=10)
    #: Seconds a trunk gets for its first answer to an INVITE before the next trunk is tried, and for that to OPTIONS.
    no_answer_s: float = Field(default=5.0, gt=0)
    #: OPTIONS is sent so often, to see whether the trunk is there (0 = never).
    options_s: float = Field(default=30.0, ge=0)
    #: OPTIONS in a row without an answer that make a trunk unhealthy: it is not dialled while another one is healthy.
    options_misses: int = Field(default=2, ge=1)
