"""scripts_templates/<code>/windows.yaml -> WindowWords: how people say when and where they do not want to be called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import time
from pathlib import Path

from voicebot.model.no_call import EVERY_DAY
from voicebot.nlu.patterns import Pattern
from voicebot.nlu.tokens import Spelling, fold
from voicebot.nlu.words_file import patterns
from voicebot.nlu.yaml_nodes import Problems, Section, read_file

FILE = "windows.yaml"
FORMS = ("before", "after", "between", "weekday")
SLOTS = frozenset({"since", "until", "weekday"})
_WAYS = ("never", "never_asked", "only", "only_asked", "only_after")
MIDNIGHT = time()


@dataclass(frozen=True, slots=True)
class Span:
    """A named part of the day or week, or a place. `hours` None: nobody knows when that is; `whole_day`: hours were not
    written, the weekdays were."""

    phrases: tuple[Pattern, ...]
    hours: tuple[time, time] | None
    weekdays: tuple[int, ...] = EVERY_DAY
    place: bool = False


@dataclass(frozen=True, slots=True)
class WindowWords:
    """The table of one language; an empty one understands nothing. `never`, `only`: phrases before the time (`_asked`:
    where times were asked for; `only_after`: behind it); `between`: words that may stand between."""

    never: tuple[Pattern, ...] = ()
    never_asked: tuple[Pattern, ...] = ()
    only: tuple[Pattern, ...] = ()
    only_asked: tuple[Pattern, ...] = ()
    only_after: tuple[Pattern, ...] = ()
    between: frozenset[str] = frozenset()
    join: frozenset[str] = frozenset()
    weekdays: Mapping[str, int] = field(default_factory=dict)
    forms: Mapping[str, tuple[Pattern, ...]] = field(default_factory=dict)
    spans: tuple[Span, ...] = ()


def read_windows_file(path: Path, spelling: Spelling, problems: Problems) -> WindowWords:
    """Read the table; what is wrong goes to `problems`. A file that is not there is an empty table."""
    if not path.is_file():
        return WindowWords()
    top = read_file(path, problems)
    top.allow(*_WAYS, "between", "join", "weekdays", "forms", "spans")
    ways = {way: patterns(top, top.texts(way, required=False), spelling) for way in _WAYS}
    forms = top.section("forms")
    forms.allow(*FORMS)
    spans = top.section("spans")
    return WindowWords(
        **ways,
        between=frozenset(fold(text.value) for text in top.texts("between", required=False)),
        join=frozenset(fold(text.value) for text in top.texts("join", required=False)),
        weekdays=top.numbers("weekdays", 1, 7, required=False),
        forms={name: patterns(forms, forms.texts(name, required=False), spelling, SLOTS) for name in FORMS},
        spans=tuple(_span(spans.section(name), spelling) for name, _ in spans.lines()),
    )


def _span(section: Section, spelling: Spelling) -> Span:
    section.allow("phrases", "hours", "weekdays", "place")
    phrases = patterns(section, section.texts("phrases"), spelling)
    hours, days = section.text("hours", ""), section.text("weekdays", "")
    weekdays = tuple(int(day) for day in days.value if day in "1234567") or EVERY_DAY
    if days.value and "".join(map(str, weekdays)) != days.value:
        section.error(days.line, f"`weekdays` are digits from 1 (Monday) to 7, such as 12345, not `{days.value}`")
    place = section.flag("place")
    if not hours.value:
        return Span(phrases, (MIDNIGHT, MIDNIGHT) if days.value else None, weekdays, place)
    since, _, until = hours.value.partition("-")
    try:
        return Span(phrases, (time.fromisoformat(since), time.fromisoformat(until)), weekdays, place)
    except ValueError:
        section.error(hours.line, f"`hours` must be such as 09:00-17:00, not `{hours.value}`")
        return Span(phrases, None, weekdays, place)
