"""Campaigns: what is to be done for whom, what the gate reads before each dial, and what it decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum

from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import AnsweredBy, Disposition
from voicebot.model.portfolio import Account


class CampaignKind(StrEnum):
    """What a campaign is for: V2a and V2b of document V, Q2 and Q3 of document Q."""

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
class ClosedTry:
    """How a job's attempt ended, as far as it matters for what comes next. `answered`: somebody or something took the
    call. `unanswered`: tries of this and the customer's other jobs about the same day that reached nobody, this one
    included; `third_party`: somebody else answered at the customer's number."""

    disposition: Disposition
    sip_status: int | None = None
    sip_cause: int | None = None
    answered: bool = False
    answered_by: AnsweredBy | None = None
    callback_at: datetime | None = None
    error: str | None = None
    refusal: bool = False
    unanswered: int = 0
    timezone: str = "UTC"
    third_party: bool = False


#: What comes next for a job: its state, why, and for `pending` the moment from which.
Settled = tuple[JobState, str, datetime | None]
Settle = Callable[[Job, ClosedTry, datetime], Settled]


@dataclass(frozen=True, slots=True)
class TrunkTries:
    """What the breaker knows of the trunk: failures in a row, since when nobody is dialled (None: it works), how often
    a probe failed since, and the job that is the probe right now."""

    in_a_row: int = 0
    opened_at: datetime | None = None
    reopened: int = 0
    probe: int | None = None


@dataclass(frozen=True, slots=True)
class LinesTaken:
    """What all living processes of a database do right now. `others`: calls of no job in other processes (a process
    counts its own itself); `campaigns`: calls of each campaign's jobs, and those about to be dialled."""

    others: int = 0
    campaigns: Mapping[str, int] = field(default_factory=dict)
    trunk: TrunkTries = field(default_factory=TrunkTries)


@dataclass(frozen=True, slots=True)
class Room:
    """Calls that may be started: in all, and of each campaign. `probe`: the call tries whether the trunk works."""

    together: int
    each: Mapping[str, int]
    probe: bool = False


Pace = Callable[[LinesTaken], Room]


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a campaign stands: jobs by state, attempts by disposition ("" = running), when the next job is due."""

    jobs: Mapping[JobState, int]
    outcomes: Mapping[str, int]
    messages: Mapping[str, int]
    next_due: datetime | None = None


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


@dataclass(frozen=True, slots=True)
class Answered:
    """A campaign's answered calls of some days: those a person answered, those of them in which the bot did not speak
    in time although the person waited, and what was taken for a machine and heard nothing."""

    people: int = 0
    abandoned: int = 0
    silent_machines: int = 0


@dataclass(frozen=True, slots=True)
class CampaignRow:
    """A campaign as it is stored. `definition`: the YAML text it was started with; `profile`: rules of calling;
    `ratio`, `seed`, `list_sha`, `population`, `drawn`: a drawing (V2a-1) that can be made again."""

    id: str
    name: str
    kind: CampaignKind
    flow: str
    profile: str
    definition: str
    definition_sha: str
    created_at: datetime
    state: CampaignState = CampaignState.DRAFT
    state_reason: str | None = None
    ratio: float | None = None
    seed: int | None = None
    list_sha: str | None = None
    population: int | None = None
    drawn: int | None = None
    strata: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Instalment:
    """One line of a schedule. `paid`: what came in for it (payments fill the oldest instalment first)."""

    n: int
    due_on: date
    due: Decimal
    paid: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the rules of campaigns choose from: an account and what is known about it on that day.

    `unpaid`: instalments not wholly paid, the oldest first. `followed_up`: a follow-up call of this loan reached the
    right party. Classes and ids are None where unknown."""

    account: Account
    product_id: str | None = None
    product_class: str | None = None
    channel_id: str | None = None
    channel_class: str | None = None
    funding_source_id: str | None = None
    agent_id: str | None = None
    branch: str | None = None
    region: str | None = None
    risk_level: str | None = None
    unpaid: tuple[Instalment, ...] = ()
    followed_up: bool = False
    has_voiceprint: bool = False
    email: str | None = None
    right_party_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class PaymentEffects:
    """What payments changed: jobs cancelled, promises kept and broken."""

    cancelled: int
    kept: int
    broken: int
