"""A flow as it is after loading: immutable, every name resolved, every part with its place in the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from voicebot.flow.findings import Where
from voicebot.model.outcome import Disposition, WarningCode

#: A value that `set:` stores.
Plain = str | bool | None

#: Answers to a question that are not meanings: what happens on silence and on speech that was not understood.
NO_INPUT, NO_MATCH = "no_input", "no_match"
#: Results of a transfer.
ACCEPTED, FAILED = "accepted", "failed"
#: What a step of the flow `everywhere` returns to the question it interrupted.
RESUME, GIVE_UP = "resume", "give_up"
#: The flow whose steps answer what may be said at any moment.
EVERYWHERE = "everywhere"
#: Targets of `everywhere` that are not steps: say the last prompt again; go on listening, longer and silently.
ACTIONS = frozenset({"repeat", "wait"})


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for every step of a flow that does not say otherwise. `no_input_s`: seconds of silence after the
    prompt; `tries`: how often a question is asked before `give_up` (a step of the same flow)."""

    barge_in: bool = True
    no_input_s: float = 6.0
    tries: int = 3
    give_up: str = ""


class Challenge(StrEnum):
    """When random digits are to be repeated before an accepted voice counts."""

    NEVER = "never"
    RISK = "risk"
    ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class VoicePolicy:
    """How sure of the voice a flow must be; None: as the settings say. `alpha`: share of impostors let in, `beta`:
    share of customers turned away, that the limits are set for."""

    alpha: float | None = None
    beta: float | None = None
    challenge: Challenge | None = None


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a result leads; `where` is the line that says so."""

    target: str
    where: Where


@dataclass(frozen=True, slots=True)
class Step:
    """One step. Exactly one of listen, check, call, transfer, end, returns, goto decides what comes next."""

    name: str
    where: Where
    say: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()
    next: Mapping[str, Branch] = field(default_factory=dict)
    store: Mapping[str, str] = field(default_factory=dict)
    check: tuple[str, ...] = ()
    call: str = ""
    transfer: str = ""
    end: Disposition | None = None
    returns: str = ""
    goto: str = ""
    set: Mapping[str, Plain] = field(default_factory=dict)
    counts_as: Disposition | None = None
    barge_in: bool | None = None
    no_input_s: float | None = None
    tries: int | None = None
    give_up: str = ""

    def targets(self) -> tuple[Branch, ...]:
        """Every step of the same flow this one can lead to."""
        extra = tuple(Branch(name, self.where) for name in (self.goto, self.give_up) if name)
        return (*self.next.values(), *extra)


@dataclass(frozen=True, slots=True)
class Flow:
    """One script, or one sub-flow (it has `results`)."""

    name: str
    version: str
    where: Where
    first: str
    steps: Mapping[str, Step]
    defaults: Defaults = Defaults()
    results: tuple[str, ...] = ()
    everywhere: Mapping[str, Branch] = field(default_factory=dict)
    on_voice_lost: str = ""
    warning: WarningCode | None = None
    items: tuple[str, ...] = ()
    voiceprint: VoicePolicy = VoicePolicy()

    def give_up(self, step: Step) -> str:
        """The step to go to when `step` got no answer it understands; "" where none is set."""
        return step.give_up or self.defaults.give_up


@dataclass(frozen=True, slots=True)
class FlowBook:
    """All flows of a folder. `digest`: a hash of their text, part of every attempt's script version."""

    flows: Mapping[str, Flow]
    digest: str = ""

    def step(self, flow: str, step: str) -> Step:
        """One step; KeyError where unknown (loading makes sure that no flow names an unknown one)."""
        return self.flows[flow].steps[step]

    @property
    def scripts(self) -> tuple[str, ...]:
        """Names of the flows a call can start with (not sub-flows)."""
        return tuple(n for n, f in sorted(self.flows.items()) if not f.results and n != EVERYWHERE)
