"""Three facts that are never merged (network, who answered, business result) and what a call leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from voicebot.model.no_call import NoCallWindow


class Disposition(StrEnum):
    """The business result of an attempt; exactly one each."""

    NO_ANSWER = "NO_ANSWER"
    BUSY = "BUSY"
    FAILED = "FAILED"
    VOICEMAIL = "VOICEMAIL"
    WRONG_PARTY = "WRONG_PARTY"
    RPC_VERIFIED = "RPC_VERIFIED"
    RPC_NOT_VERIFIED = "RPC_NOT_VERIFIED"
    VOICE_MISMATCH = "VOICE_MISMATCH"
    PROMISE_TO_PAY = "PROMISE_TO_PAY"
    REFUSED = "REFUSED"
    DISPUTE = "DISPUTE"
    HARDSHIP = "HARDSHIP"
    INVITATION_ACCEPTED = "INVITATION_ACCEPTED"
    INVITATION_DECLINED = "INVITATION_DECLINED"
    CALLBACK = "CALLBACK"
    DO_NOT_CALL = "DO_NOT_CALL"
    TRANSFERRED = "TRANSFERRED"
    HUNG_UP = "HUNG_UP"
    TECHNICAL_FAILURE = "TECHNICAL_FAILURE"


class AnsweredBy(StrEnum):
    """Who or what answered."""

    HUMAN = "human"
    VOICEMAIL = "voicemail"
    IVR = "ivr"
    SCREENING = "screening"
    UNKNOWN = "unknown"


class ItemResult(StrEnum):
    """One item of the verification, compared with the bank's record (document V, step V2a-3)."""

    MATCH = "match"
    MISMATCH = "mismatch"
    UNCLEAR = "unclear"
    REFUSED = "refused"
    NOT_ASKED = "not_asked"


class WarningCode(StrEnum):
    """Warnings that a call itself raises (specification, sections 1 and 8); scoring has its own."""

    W_V1 = "W-V1"
    W_V2 = "W-V2"
    W_V3 = "W-V3"
    W_V4 = "W-V4"
    W_V5 = "W-V5"
    W_Q3 = "W-Q3"


@dataclass(frozen=True, slots=True)
class Promise:
    """A promise to pay (PTP): amount in the loan's currency, by this day."""

    amount: Decimal
    due_on: date


@dataclass(frozen=True, slots=True)
class WarningRaised:
    """A warning for a person at the bank, with what it rests on. `evidence`: plain JSON values, no transcript."""

    code: WarningCode
    reason: str
    evidence: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one attempt leaves. Missing is None, never a default "yes" (specification, section 7)."""

    disposition: Disposition
    right_party: bool | None = None
    promise: Promise | None = None
    appointment: datetime | None = None
    callback_at: datetime | None = None
    items: Mapping[str, ItemResult] = field(default_factory=dict)
    intents: tuple[str, ...] = ()
    refusal: bool | None = None
    dispute: bool | None = None
    hardship: bool | None = None
    opt_out: bool | None = None
    transferred: bool | None = None
    hung_up_by: str | None = None  # "caller" | "bot"
    last_step: str | None = None
    warnings: tuple[WarningRaised, ...] = ()
    error: str | None = None  # an error's code, never its text
    complaint: bool | None = None
    needs_human: str | None = None  # "complaint" | "review": what a person has to look into
    rating: int | None = None  # of the service, by the customer: 1 (bad) to 5
    no_call: tuple[NoCallWindow, ...] = ()  # when the customer does not want to be called
