"""What the flow engine takes in and gives out. The engine is sans-IO: `step(state, event) -> state, effects`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from voicebot.model.intent import Intent
from voicebot.model.outcome import Disposition
from voicebot.model.speech import Digits, Utterance

# --- events ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The call is answered and sound flows. `direction`: "outbound" | "inbound"."""

    direction: str


@dataclass(frozen=True, slots=True)
class PromptDone:
    """The prompt of the last Say has been heard (or was interrupted: `completed` False)."""

    completed: bool = True


@dataclass(frozen=True, slots=True)
class Heard:
    """The caller answered. `intents`: best first, over all hypotheses; never empty. `source` is what was heard."""

    intents: tuple[Intent, ...]
    source: Utterance | Digits


@dataclass(frozen=True, slots=True)
class NoInput:
    """Nothing was said in the time the step allows."""


@dataclass(frozen=True, slots=True)
class NoMatch:
    """Something was said and not understood."""

    source: Utterance | Digits


@dataclass(frozen=True, slots=True)
class CheckDone:
    """A RunCheck ended: `result` is one of the results the checks declare; `facts` are stored in the state."""

    result: str
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VoiceLost:
    """The voice that was accepted is no longer the one that speaks (change of speaker, or a mismatch decided late).
    The permission to speak of the loan is taken away before the next prompt."""

    reason: str


@dataclass(frozen=True, slots=True)
class TransferDone:
    """A Transfer ended."""

    accepted: bool


@dataclass(frozen=True, slots=True)
class HungUp:
    """The caller ended the call."""


Event = CallStarted | PromptDone | Heard | NoInput | NoMatch | CheckDone | VoiceLost | TransferDone | HungUp

# --- effects --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Say:
    """Say a prompt (a block of the flow's template). `asked`: how often this step has been asked, from 1;
    `tone`: None | "no_input" | "no_match" tells the template why it is asked again; `barge_in`: may be interrupted.
    The text is rendered when the effect runs, with `loan` in the context only while the state says `verified`."""

    step: str
    prompt: str
    asked: int = 1
    tone: str | None = None
    barge_in: bool = True


@dataclass(frozen=True, slots=True)
class Listen:
    """Listen for an answer. `expects`: kinds of answer (see nlu); `no_input_s`: seconds of silence after the prompt."""

    step: str
    expects: tuple[str, ...]
    no_input_s: float


@dataclass(frozen=True, slots=True)
class RunCheck:
    """Run checks written in Python, in this order; the first result that is not `passed` is the step's result."""

    step: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Transfer:
    """Hand the call to a human; where no agent is there, a callback ticket."""

    step: str
    reason: str


@dataclass(frozen=True, slots=True)
class EndCall:
    """End the call when everything said has been heard."""

    disposition: Disposition
    step: str


Effect = Say | Listen | RunCheck | Transfer | EndCall
