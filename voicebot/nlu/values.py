"""Answers that hold a value: a day, digits, an amount, a time, a promise, an appointment, a purpose."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from voicebot.model.intent import Intent, SlotValue
from voicebot.nlu.amounts import Money, find_amounts
from voicebot.nlu.dates import Day, find_days
from voicebot.nlu.digits import best_digits
from voicebot.nlu.intents import combined, negated_places
from voicebot.nlu.language import Language
from voicebot.nlu.ratings import find_rating
from voicebot.nlu.times import Clock, find_times
from voicebot.nlu.tokens import Token

_SURE, _UNSURE, _OTHER = 0.95, 0.85, 0.55
#: A promise or appointment of which a part is missing: a later hypothesis that has both comes first.
_PART = 0.8


def value_intents(kind: str, tokens: Sequence[Token], language: Language, today: date) -> list[Intent]:
    """Intents of a built-in kind of answer, best first; [] where no value was said."""
    words = language.words
    found: list[Intent] = []
    if kind.startswith("digits"):
        length = int(kind.partition(":")[2] or 0) or None
        found = [Intent("digits", {"digits": text}, level) for text, level in best_digits(tokens, words, length)]
    elif kind in ("date", "birth_date"):
        found = _date_intents(find_days(tokens, words, today, past=kind == "birth_date"))
    elif kind == "amount":
        found = _amount_intents(find_amounts(tokens, words))
    elif kind == "time":
        found = [Intent("time", _time_slots(clock), _time_level(clock)) for clock in find_times(tokens, words)[:1]]
    elif kind == "promise":
        found = _promise(tokens, language, today)
    elif kind == "appointment":
        found = _appointment(tokens, language, today)
    elif kind == "purpose":
        found = _purpose(tokens, language)
    elif kind == "rating" and (rating := find_rating(tokens, words)) is not None:
        found = [Intent("rating", {"rating": rating}, _SURE)]
    return found


def _date_intents(days: Sequence[Day]) -> list[Intent]:
    for day in days:
        if day.value is not None:
            slots = _date_slots(day)
            found = [Intent("date", slots, _UNSURE if day.ambiguous else _SURE)]
            if day.alternative is not None:
                found.append(Intent("date", {"date": day.alternative, "ambiguous": True}, _OTHER))
            return found
    return []


def _date_slots(day: Day | None) -> dict[str, SlotValue]:
    if day is None or day.value is None:
        return {}
    slots: dict[str, SlotValue] = {"date": day.value}
    if day.ambiguous:
        slots["ambiguous"] = True
    return slots


def _amount_intents(amounts: Sequence[Money]) -> list[Intent]:
    if not amounts:
        return []
    best = amounts[0]
    plain = not best.named and best.value is not None and best.value < 10
    return [Intent("amount", _amount_slots(best), 0.6 if plain else _UNSURE if best.ambiguous else _SURE)]


def _amount_slots(money: Money | None) -> dict[str, SlotValue]:
    if money is None:
        return {}
    if money.value is None:
        return {"share": Decimal(money.share or 0) / 100}
    slots: dict[str, SlotValue] = {"amount": money.value}
    if money.ambiguous:
        slots["ambiguous"] = True
    return slots


def _time_slots(clock: Clock | None) -> dict[str, SlotValue]:
    if clock is None:
        return {}
    slots: dict[str, SlotValue] = {"time": clock.value}
    if clock.ambiguous:
        slots["ambiguous"] = True
    return slots


def _time_level(clock: Clock) -> float:
    return _UNSURE if clock.ambiguous else _SURE


def _promise(tokens: Sequence[Token], language: Language, today: date) -> list[Intent]:
    """An amount, a day or both, where no negation stands before them ("I can't pay two thousand on Friday")."""
    turned = negated_reach(tokens, language)
    days = [day for day in find_days(tokens, language.words, today, past=False) if not turned[day.start]]
    times = [(clock.start, clock.end) for clock in find_times(tokens, language.words) if not clock.bare]
    spans = [(day.start, day.end) for day in find_days(tokens, language.words, today, past=False)]
    taken = [*spans, *(span for span in times if not _after_at_amount(span, tokens, language))]
    amounts = [
        money
        for money in find_amounts(tokens, language.words, taken)
        if not turned[money.start] and (money.named or money.value is None or money.value >= 10)
    ]
    day = next((day for day in days if day.value is not None and day.value >= today), None)
    money = amounts[0] if amounts else None
    slots = {**_amount_slots(money), **_date_slots(day)}
    if not slots:
        return []
    whole = day is not None and money is not None
    found = [Intent("promise", slots, _SURE if whole else _PART)]
    if day is not None and day.alternative is not None:
        found.append(Intent("promise", {**slots, "date": day.alternative}, _OTHER))
    return found


def _after_at_amount(span: tuple[int, int], tokens: Sequence[Token], language: Language) -> bool:
    """A span that only looks like a time because a currency follows ("about five dollars")."""
    end = span[1]
    return end < len(tokens) and tokens[end].text in {
        *language.words.amounts.currency,
        *language.words.numbers.multipliers,
    }


def negated_reach(tokens: Sequence[Token], language: Language) -> list[bool]:
    """For each place: does its thought hold a negation before it?"""
    near = negated_places(tokens, language.words.negation)
    state, turned = False, []
    for at, token in enumerate(tokens):
        if at and (token.text in language.words.negation.breaks or token.clause != tokens[at - 1].clause):
            state = False
        state = state or near[at]
        turned.append(state)
    return turned


def _appointment(tokens: Sequence[Token], language: Language, today: date) -> list[Intent]:
    days = find_days(tokens, language.words, today, past=False)
    day = next((day for day in days if day.value is not None and day.value >= today), None)
    clocks = find_times(_without(tokens, days), language.words) if days else find_times(tokens, language.words)
    clock = clocks[0] if clocks else None
    slots = {**_time_slots(clock), **_date_slots(day)}
    if not slots:
        return []
    whole = day is not None and clock is not None
    found = [Intent("appointment", slots, _SURE if whole else _PART)]
    if day is not None and day.alternative is not None:
        found.append(Intent("appointment", {**slots, "date": day.alternative}, _OTHER))
    return found


def _without(tokens: Sequence[Token], days: Sequence[Day]) -> list[Token]:
    """The tokens without those of days that name a value; a mark is left so that what stood apart stays apart."""
    gone = {at for day in days if day.value is not None for at in range(day.start, day.end)}
    return [Token("\n", None, False, token.clause) if at in gone else token for at, token in enumerate(tokens)]


def _purpose(tokens: Sequence[Token], language: Language) -> list[Intent]:
    scores: dict[str, float] = dict(language.purpose_phrases.find(tokens, language.words.negation))
    for label, like in language.purpose_likeness.likeness(tokens).items():
        level = combined(like)
        if label and level is not None and level > scores.get(label, 0.0):
            scores[label] = level
    ordered: list[tuple[str, float]] = sorted(scores.items(), key=lambda score: -score[1])
    found: list[tuple[Mapping[str, SlotValue], float]] = [({"purpose": name}, level) for name, level in ordered]
    return [Intent("purpose", slots, round(level, 3)) for slots, level in found]
