"""The words of a scenario, as types."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from sip_sim.network import NetworkSpec


@dataclass(frozen=True, slots=True)
class Persona:
    """A customer: who, with what voice, how quick to answer and how long they wait for something they understand."""

    name: str = "caller"
    voice: str = "joe"
    reaction_ms: float = 300.0
    patience_s: float = 25.0


@dataclass(frozen=True, slots=True)
class CallSpec:
    """The call of a scenario. `number` is the customer's; it may come from the portfolio by `account`."""

    flow: str = ""
    account: str = ""
    number: str = ""
    direction: str = "outbound"  # as the bank sees it: outbound = the bot dials
    codec: str = "PCMA"
    network: NetworkSpec = field(default_factory=NetworkSpec)
    seed: int | None = None
    max_s: float = 150.0


@dataclass(frozen=True, slots=True)
class Answers:
    """How the phone is picked up: after `after_s` of ringing, or refused with `status`, or never."""

    after_s: float = 0.6
    status: int = 200
    never: bool = False
    provisional: tuple[int, ...] | None = None  # one after the other while it rings; None: 180 where it rings
    early_media: str = ""  # an announcement before the final answer, with 183
    forks: int = 1  # phones that ring; one answers, the others' 180 have tags of their own

    @property
    def rings(self) -> tuple[int, ...]:
        """Provisional statuses in order."""
        if self.provisional is not None:
            return self.provisional
        return (180,) if self.status == 200 or self.never else ()


@dataclass(frozen=True, slots=True)
class Agent:
    """The bank's colleague at a desk phone, called when the bot transfers the call."""

    number: str
    answers: str = "yes"  # yes, no (rings on), busy
    after_s: float = 0.6
    hears: tuple[str, ...] = ()
    accepts: str = ""  # the key pressed when the bot has spoken; empty: none
    says: str = ""
    voice: str = "heart-low"


@dataclass(frozen=True, slots=True)
class Voicemail:
    """An answering machine: a greeting, a beep (where it has one), then it records."""

    greeting: str
    beep: bool = True


@dataclass(frozen=True, slots=True)
class Step:
    """One thing the caller waits for and then does."""

    line: int
    hears: tuple[str, ...] = ()
    not_hears: tuple[str, ...] = ()
    anything: bool = False
    says: str = ""
    plays: Path | None = None
    presses: str = ""
    voice: str = ""
    silent_s: float = 0.0
    after_s: float = 0.0
    barge_in_ms: float | None = None
    hangs_up: bool = False
    optional: bool = False
    within_s: float | None = None
    backchannel: str = ""
    stops_within_ms: float | None = None
    voicemail: Voicemail | None = None
    hold: str = ""  # sendonly, inactive
    resume: bool = False
    codec: str = ""  # change to this one

    @property
    def spoken(self) -> str:
        """The words (or file) this step makes the customer's side say, empty for none."""
        greeting = self.voicemail.greeting if self.voicemail else ""
        return self.says or self.backchannel or greeting or str(self.plays or "")

    @property
    def waits_for_speech(self) -> bool:
        """Does the step begin when the bot has said something?"""
        return bool(self.hears) or self.anything or self.barge_in_ms is not None


@dataclass(frozen=True, slots=True)
class Expect:
    """What must come of it. The simulator checks `reply_within_ms` and `sip`; the bot's driver checks `outcome`."""

    reply_within_ms: float | None = None
    sip: tuple[str, ...] = ()
    outcome: dict[str, str] = field(default_factory=dict)
    agent: str = ""  # reached, not_reached


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file."""

    path: Path
    name: str
    persona: Persona
    call: CallSpec
    answers: Answers
    caller: tuple[Step, ...]
    not_hears: tuple[str, ...]
    expect: Expect
    agent: Agent | None = None
    label: str = ""  # where another file of the run has the same name

    @property
    def slug(self) -> str:
        """The file's name without its ending (or its label): names the scenario in reports and file names."""
        return self.label or self.path.stem
