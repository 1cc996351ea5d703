"""What is written about an attempt while it runs. Times of day are UTC ISO 8601 strings; call times are seconds from
the answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.model.outcome import AnsweredBy


@dataclass(frozen=True, slots=True)
class AttemptStart:
    """The row that is committed before the INVITE leaves (or before an inbound call is answered)."""

    account_id: str | None
    customer_id: str | None
    flow: str
    script_version: str  # hash of flow and templates
    direction: str  # "outbound" | "inbound"
    number_hash: str  # keyed hash of the number; the number itself stays in customers
    driver: str  # "baresip" | "pyvoip"
    planned_at: str
    campaign_id: str | None = None
    local_time: str | None = None
    timezone: str | None = None
    job_id: int | None = None  # what a campaign planned; the attempt counts as its try


@dataclass(frozen=True, slots=True)
class AttemptProgress:
    """Network facts as they become known; None = not known yet."""

    sip_call_id: str | None = None
    sip_status: int | None = None
    sip_reason: str | None = None
    answered_by: AnsweredBy | None = None
    answered_by_cause: str | None = None
    answered_at: str | None = None
    ended_at: str | None = None
    talk_s: float | None = None
    recording: str | None = None  # path below the recordings folder
    last_step: str | None = None
    media: Mapping[str, float] | None = None  # the leg's statistics
    sip_cause: int | None = None  # Q.850, where the Reason header tells it
    trunk: str | None = None  # the name of the trunk that had the call last


@dataclass(frozen=True, slots=True)
class Turn:
    """One prompt and the reply. `prompt_text` is what was said, word by word; `heard_s` how much of it was heard before
    the caller interrupted (None: all of it). `voice_state` is the decision in force when the prompt began."""

    step: str
    prompt: str
    prompt_text: str
    prompt_t0: float
    prompt_t1: float
    heard_s: float | None = None
    reply_text: str | None = None
    reply_t0: float | None = None
    reply_t1: float | None = None
    reply_confidence: float | None = None
    intent: str | None = None
    slots: Mapping[str, str] = field(default_factory=dict)
    event: str | None = None  # Heard | NoInput | NoMatch | HungUp
    barged_in: bool = False
    reply_gap_s: float | None = None  # end of the reply to the start of the next prompt, by our own clock
    voice_state: str | None = None
    asr_engine: str | None = None


@dataclass(frozen=True, slots=True)
class CheckRecord:
    """One check and its result. `detail`: plain JSON values, no transcript."""

    step: str
    name: str
    result: str
    t: float
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Consent:
    """Agreement to one purpose (voiceprint, recording, marketing, ...). `granted` None: asked, no clear answer."""

    customer_id: str
    purpose: str
    basis: str  # "spoken" | "written" | "import"
    text_version: str
    granted: bool | None
    at: str
    evidence: Mapping[str, object] = field(default_factory=dict)
