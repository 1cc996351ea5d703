"""The state of one conversation: frozen; `engine.step` returns the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from voicebot.model.flow import Say
from voicebot.model.outcome import Disposition

_EMPTY: Mapping[str, object] = MappingProxyType({})
_NO_COUNTS: Mapping[str, int] = MappingProxyType({})


class Waiting(StrEnum):
    """What the conversation waits for."""

    START = "start"
    ANSWER = "answer"
    CHECK = "check"
    TRANSFER = "transfer"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Frame:
    """Where to go on when a sub-flow returns. `interrupted`: the step is a question that something said at any moment
    interrupted (its `reached` comes back with it); otherwise the step is a `call`."""

    flow: str
    step: str
    interrupted: bool = False
    reached: Disposition | None = None


@dataclass(frozen=True, slots=True)
class FlowState:
    """All that the engine knows. `verified`: private things may be said; only a granting check sets it.
    `asked`: how often each question ("flow.step") has been asked; `reached`: the disposition if the caller hung up now
    (None: HUNG_UP); `facts`: what was stated, decided and set; `intents`: names of the meanings acted on, in order."""

    root: str
    flow: str
    step: str
    waiting: Waiting = Waiting.START
    stack: tuple[Frame, ...] = ()
    verified: bool = False
    asked: Mapping[str, int] = field(default_factory=lambda: _NO_COUNTS)
    silences: int = 0
    facts: Mapping[str, object] = field(default_factory=lambda: _EMPTY)
    last_said: tuple[Say, ...] = ()
    reached: Disposition | None = None
    ended: Disposition | None = None
    hung_up: bool = False
    intents: tuple[str, ...] = ()
    items: tuple[str, ...] = ()
    turns: int = 0
    voice_losses: int = 0
    voice_loss_pending: bool = False

    @property
    def at(self) -> str:
        """The step, with its flow: "identity.ask_birth_date"."""
        return f"{self.flow}.{self.step}"

    @property
    def over(self) -> bool:
        """True where no event can produce another effect."""
        return self.waiting is Waiting.OVER


def with_facts(state: FlowState, new: Mapping[str, object]) -> FlowState:
    """The state with facts added (a value of None stays: it says that nothing is known any more)."""
    return replace(state, facts=MappingProxyType({**state.facts, **new})) if new else state


def with_asked(state: FlowState, key: str, count: int) -> FlowState:
    """The state with one question's counter set."""
    return replace(state, asked=MappingProxyType({**state.asked, key: count}))


def entering(state: FlowState, flow: str, items: tuple[str, ...] = ()) -> FlowState:
    """The state as it is when a flow begins: its questions have not been asked, its items are to be reported."""
    asked = {key: count for key, count in state.asked.items() if not key.startswith(f"{flow}.")}
    added = tuple(item for item in items if item not in state.items)
    return replace(state, asked=MappingProxyType(asked), items=state.items + added)
