"""From what was heard to a branch: the first meaning that the question, its flow or `everywhere` knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from voicebot.flow.book import EVERYWHERE, Branch, FlowBook
from voicebot.flow.state import FlowState
from voicebot.model.flow import Heard
from voicebot.model.intent import Intent, SlotValue
from voicebot.model.speech import Digits

#: The key that asks for a human in every step.
HUMAN_KEY = "0"


def choose(book: FlowBook, state: FlowState, event: Heard) -> tuple[Intent, Branch, bool] | None:
    """The meaning to act on, its branch, and whether it comes from the flow `everywhere`; None: nothing fits.
    Meanings are tried best first; for each, the step decides before its flow, and its flow before `everywhere`."""
    current = book.step(state.flow, state.step)
    own = book.flows[state.flow].everywhere if state.flow != EVERYWHERE else {}
    shared = book.flows[EVERYWHERE].everywhere if EVERYWHERE in book.flows else {}
    intents = (Intent("human"), *event.intents) if _asks_for_human(event) else event.intents
    for intent in intents:
        if intent.name in current.next:
            return intent, current.next[intent.name], False
        if intent.name in own:
            return intent, own[intent.name], False
        if intent.name in shared:
            return intent, shared[intent.name], True
    return None


def stored(store: Mapping[str, str], intent: Intent, event: Heard, accepted: Iterable[str]) -> dict[str, object]:
    """Slots as facts, by the step's `store`. Beside each fact, `FACT_heard` holds its values over all hypotheses of
    the recogniser (best first), for checks that compare with something known. A slot that the chosen meaning lacks is
    taken from another the step accepts ("on Friday" and "at three" may come as two meanings)."""
    facts: dict[str, object] = {}
    others = [i for i in event.intents if i.name != intent.name and i.name in set(accepted)]
    for slot, fact in store.items():
        alike = [i.slots[slot] for i in (intent, *event.intents) if i.name == intent.name and slot in i.slots]
        found = alike or [i.slots[slot] for i in others if slot in i.slots]
        values: list[SlotValue] = list(dict.fromkeys(found))
        if values:
            facts[fact] = values[0]
            facts[f"{fact}_heard"] = tuple(values)
    return facts


def _asks_for_human(event: Heard) -> bool:
    return isinstance(event.source, Digits) and event.source.keys.rstrip("#") == HUMAN_KEY
