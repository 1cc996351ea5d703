"""scripts_templates/<code>/words.yaml -> Words. Every problem is noted with its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from voicebot.nlu.patterns import Pattern, PatternError, compile_pattern
from voicebot.nlu.tables import (
    AmountWords,
    DateWords,
    DigitWords,
    NegationWords,
    NumberWords,
    TimeWords,
    Words,
    YesNoWords,
)
from voicebot.nlu.tokens import Spelling, fold
from voicebot.nlu.yaml_nodes import Problems, Section, Text, read_file

DATE_FORMS = (
    "day_month_year", "day_month", "month_year", "month", "day", "day_this_month", "day_next_month", "today",
    "tomorrow", "day_after_tomorrow", "in_units", "in_couple_units", "weekday", "weekday_day", "next_weekday",
    "weekday_next_week", "month_end", "next_month_end", "month_middle", "next_month_start", "week_end",
    "next_week_end", "vague",
)  # fmt: skip
DATE_SLOTS = frozenset(
    {"day", "day_ordinal", "month", "month_ordinal", "year", "year_short", "number", "unit", "weekday"}
)
TIME_FORMS = (
    "hour_minute", "past", "to", "half_past", "quarter_past", "quarter_to", "hour", "alone", "noon", "midnight",
)  # fmt: skip
TIME_SLOTS = frozenset({"hour", "minute", "minute_unit", "minute_to"})
ORDERS = ("mdy", "dmy", "ymd")
SECTIONS = ("language", "spelling", "negation", "numbers", "digits", "dates", "times", "amounts", "yes_no", "ratings")


def read_words(path: Path, problems: Problems) -> Words:
    """Read the tables; what is wrong goes to `problems` and is left out of the result."""
    top = read_file(path, problems)
    top.allow(*SECTIONS)
    spelling_section = top.section("spelling")
    spelling = _spelling(spelling_section)
    return Words(
        spelling=spelling,
        dangling=_set(spelling_section.texts("dangling", required=False)),
        backchannel=_set(spelling_section.texts("backchannel", required=False)),
        negation=_negation(top.section("negation"), spelling),
        numbers=_numbers(top.section("numbers")),
        digits=_digits(top.section("digits")),
        dates=_dates(top.section("dates"), spelling),
        times=_times(top.section("times"), spelling),
        amounts=_amounts(top.section("amounts"), spelling),
        yes_no=_yes_no(top.section("yes_no"), spelling),
        ratings=_valued(top, "ratings", 5, spelling),
    )


def patterns(
    section: Section, texts: Iterable[Text], spelling: Spelling, slots: frozenset[str] = frozenset()
) -> tuple[Pattern, ...]:
    """Compile phrases, noting those that are not well formed."""
    found = []
    for text in texts:
        try:
            found.append(compile_pattern(text.value, spelling, slots))
        except PatternError as error:
            section.error(text.line, str(error))
    return tuple(found)


def _set(texts: Iterable[Text]) -> frozenset[str]:
    return frozenset(fold(text.value) for text in texts)


def _spelling(section: Section) -> Spelling:
    section.allow("rewrites", "contractions", "fillers", "dangling", "backchannel", "ordinal_suffixes")
    rewrites = section.section("rewrites", required=False)
    contractions = section.section("contractions", required=False)
    return Spelling(
        rewrites={fold(key): fold(rewrites.text(key).value) for key, _ in rewrites.lines()},
        contractions={fold(key): tuple(fold(contractions.text(key).value).split()) for key, _ in contractions.lines()},
        fillers=_set(section.texts("fillers", required=False)),
        ordinal_suffixes=_set(section.texts("ordinal_suffixes", required=False)),
    )


def _negation(section: Section, spelling: Spelling) -> NegationWords:
    section.allow("words", "answers", "harmless", "breaks")
    return NegationWords(
        words=_set(section.texts("words")),
        answers=_set(section.texts("answers", required=False)),
        harmless=patterns(section, section.texts("harmless", required=False), spelling),
        breaks=_set(section.texts("breaks", required=False)),
    )


def _numbers(section: Section) -> NumberWords:
    section.allow("decimal", "thousands", "cardinals", "multipliers", "joiners", "one", "half", "ordinals")
    decimal, thousands = section.text("decimal"), section.text("thousands")
    if decimal.value and decimal.value == thousands.value:
        section.error(thousands.line, "`decimal` and `thousands` must differ")
    return NumberWords(
        cardinals=section.numbers("cardinals", 0, 99),
        multipliers=section.numbers("multipliers", 100, 10**12),
        ordinals=section.numbers("ordinals", 1, 31),
        joiners=_set(section.texts("joiners", required=False)),
        one=_set(section.texts("one", required=False)),
        half=_set(section.texts("half", required=False)),
        decimal=decimal.value,
        thousands=thousands.value,
    )


def _digits(section: Section) -> DigitWords:
    section.allow("words", "repeat", "homophones")
    return DigitWords(
        words=section.numbers("words", 0, 9, required=False),
        repeat=section.numbers("repeat", 2, 4, required=False),
        homophones=section.numbers("homophones", 0, 9, required=False),
    )


def _forms(
    section: Section, names: tuple[str, ...], spelling: Spelling, slots: frozenset[str]
) -> Mapping[str, tuple[Pattern, ...]]:
    forms = section.section("forms")
    forms.allow(*names)
    return {name: patterns(forms, forms.texts(name, required=False), spelling, slots) for name in names}


def _dates(section: Section, spelling: Spelling) -> DateWords:
    section.allow("order", "months", "weekdays", "units", "forms", "year_zero")
    order = section.text("order")
    if order.value not in ORDERS:
        section.error(order.line, f"`order` must be one of {', '.join(ORDERS)}, not `{order.value}`")
    return DateWords(
        order=order.value if order.value in ORDERS else ORDERS[0],
        months=section.numbers("months", 1, 12),
        weekdays=section.numbers("weekdays", 1, 7),
        units=section.numbers("units", 1, 366),
        year_zero=_set(section.texts("year_zero", required=False)),
        forms=_forms(section, DATE_FORMS, spelling, DATE_SLOTS),
    )


def _times(section: Section, spelling: Spelling) -> TimeWords:
    section.allow("earliest_hour", "forms", "morning", "afternoon")
    hour = section.text("earliest_hour", "0")
    if not (hour.value.isdecimal() and int(hour.value) <= 12):
        section.error(hour.line, f"`earliest_hour` must be from 0 to 12, not `{hour.value}`")
    return TimeWords(
        earliest_hour=int(hour.value) if hour.value.isdecimal() else 0,
        forms=_forms(section, TIME_FORMS, spelling, TIME_SLOTS),
        morning=patterns(section, section.texts("morning", required=False), spelling),
        afternoon=patterns(section, section.texts("afternoon", required=False), spelling),
    )


def _amounts(section: Section, spelling: Spelling) -> AmountWords:
    section.allow("currency", "subunits", "not_money", "shares")
    currency = section.section("currency")
    return AmountWords(
        currency={fold(key): currency.text(key).value for key, _ in currency.lines()},
        subunits=_set(section.texts("subunits", required=False)),
        not_money=_set(section.texts("not_money", required=False)),
        shares=_valued(section, "shares", 100, spelling),
    )


def _valued(section: Section, key: str, most: int, spelling: Spelling) -> tuple[tuple[Pattern, int], ...]:
    """Phrases with a whole number from 1 to `most` each."""
    values = section.numbers(key, 1, most, required=False)
    lines = dict(section.section(key, required=False).lines())
    compiled = [(patterns(section, [Text(phrase, lines[phrase])], spelling), value) for phrase, value in values.items()]
    return tuple((found[0], value) for found, value in compiled if found)


def _yes_no(section: Section, spelling: Spelling) -> YesNoWords:
    section.allow("affirm", "deny", "unsure")
    affirm, deny = section.section("affirm"), section.section("deny")
    for part in (affirm, deny):
        part.allow("words", "phrases")
    return YesNoWords(
        affirm_words=_set(affirm.texts("words")),
        affirm=patterns(affirm, affirm.texts("phrases"), spelling),
        deny_words=_set(deny.texts("words")),
        deny=patterns(deny, deny.texts("phrases"), spelling),
        unsure=patterns(section, section.texts("unsure", required=False), spelling),
    )
