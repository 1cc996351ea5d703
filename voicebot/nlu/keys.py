"""Keys pressed on the telephone (RFC 4733 events 0-9, * and #) -> the same intents as speech gives."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal

from voicebot.model.intent import Intent, SlotValue
from voicebot.nlu.language import AFFIRM, DENY, Language
from voicebot.nlu.values import value_intents

#: Keys that mean the same everywhere, pressed alone.
HUMAN_KEY, STOP_KEY = "0", "9"
#: Keys of a yes/no question.
YES_KEY, NO_KEY = "1", "2"
#: Keys of a question for a rating.
RATING_KEYS = ("1", "2", "3", "4", "5")
_KEYED = 0.98


def understand_keys(keys: str, expects: Sequence[str], language: Language, today: date) -> tuple[Intent, ...]:
    """Meanings of keys, best first; () where they mean nothing here. `#` ends an entry and is left out; `*` parts
    amounts at the decimal point. Dates are eight keys in the language's order (birth dates also six)."""
    pressed = keys.strip().rstrip("#")
    if not pressed or any(key not in "0123456789*" for key in pressed):
        return ()
    found: list[Intent] = []
    for kind in expects:
        found += _kind(kind, pressed, language, today)
    if pressed in (YES_KEY, NO_KEY) and any(_is_yes_no(kind, language) for kind in expects):
        found = [intent for intent in found if not intent.slots]  # a yes is not an amount of one
    if any("date" in intent.slots for intent in found):
        found = [intent for intent in found if "amount" not in intent.slots]  # nor a day one of eleven millions
    if pressed == HUMAN_KEY and "human" in language.intents:
        found.insert(0, Intent("human", {}, _KEYED))
    if pressed == STOP_KEY and "stop_calling" in language.intents:
        found.insert(0, Intent("stop_calling", {}, _KEYED))
    return tuple(found)


def _is_yes_no(kind: str, language: Language) -> bool:
    return kind == "affirm_deny" or kind in language.groups


def _kind(kind: str, pressed: str, language: Language, today: date) -> list[Intent]:
    if _is_yes_no(kind, language):
        group = language.groups.get(kind)
        sides = {YES_KEY: group.affirm if group else AFFIRM, NO_KEY: group.deny if group else DENY}
        return [Intent(sides[pressed], {}, _KEYED)] if sides.get(pressed) else []
    if kind.startswith("digits"):
        length = kind.partition(":")[2]
        fits = pressed.isdecimal() and (len(pressed) == int(length) if length else len(pressed) > 1)
        return [Intent("digits", {"digits": pressed}, _KEYED)] if fits else []
    if kind in ("amount", "promise"):
        amount = _amount(pressed)
        slots: dict[str, SlotValue] = {"amount": amount} if amount else {}
        return [Intent(kind, slots, _KEYED)] if slots else []
    if kind == "rating":
        return [Intent("rating", {"rating": int(pressed)}, _KEYED)] if pressed in RATING_KEYS else []
    text = ""
    if kind in ("date", "birth_date") and len(pressed) in (6, 8):
        text = pressed
    elif kind == "time" and len(pressed) == 4:
        text = f"{pressed[:2]}:{pressed[2:]}"
    return value_intents(kind, language.tokens(text), language, today) if text.isdecimal() or ":" in text else []


def _amount(pressed: str) -> Decimal | None:
    whole, _, cents = pressed.partition("*")
    if not whole or len(whole) > 9 or len(cents) > 2 or "*" in cents or pressed in (HUMAN_KEY, STOP_KEY):
        return None
    value = Decimal(f"{whole}.{cents or 0}")
    return value if value > 0 else None
