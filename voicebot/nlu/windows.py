"""When and where a customer does not want to be called: "not at work", "only after six". Pure; words from windows.yaml.

A time counts only right behind words that speak of calling ("don't call me in the morning"), so that neither "I can't
pay in the morning" nor "stop calling me, I'm at work" becomes a window: who wants no calls must not get fewer of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import time

from voicebot.model.intent import Intent
from voicebot.model.no_call import EVERY_DAY, NoCallWindow, write_windows
from voicebot.nlu.intents import STRONG
from voicebot.nlu.patterns import Pattern, Readers, match_at
from voicebot.nlu.tables import Words
from voicebot.nlu.times import find_times
from voicebot.nlu.tokens import Token
from voicebot.nlu.windows_file import WindowWords

BAD_TIME = "bad_time"
_DAY, _HALF = 1440, 720
#: "Not after" these hours, without morning or evening, means the evening.
_FIRST_GUESSED, _LAST_GUESSED = 480, 660
#: Added to the minutes of a time of which morning or afternoon was not said.
_AMBIGUOUS = 10_000
_LONGEST_TIME = 6
#: Words that may stand between "do not call me" and the time.
_MOST_BETWEEN = 3
_Minutes = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _When:
    """A part of the day (minutes [from, to), None: it is not known when that is) on weekdays, said by tokens up to
    `end`. `any_time`: only days were named; `any_day`: only hours; `guessed`: "after nine", taken for the evening's."""

    end: int
    hours: _Minutes | None
    weekdays: tuple[int, ...] = EVERY_DAY
    place: bool = False
    guessed: bool = False

    @property
    def any_time(self) -> bool:
        return self.hours == (0, _DAY)

    @property
    def any_day(self) -> bool:
        return self.weekdays == EVERY_DAY


def bad_times(tokens: Sequence[Token], table: WindowWords, words: Words, *, asked: bool) -> list[Intent]:
    """The intent `bad_time` with the windows named (slot `windows`, see model.no_call; none where a place without known
    hours was named); [] where none was. `asked`: the question was for such times, so they need no words of calling."""
    if not table.spans:
        return []
    readers = _readers(table, words)
    found: list[NoCallWindow] | None = None
    at = 0
    while at < len(tokens):
        said = _said_at(tokens, at, table, readers, words, asked=asked)
        if said is None:
            at += 1
            continue
        whens, only, at = said
        whens = [_wanted(when) for when in whens] if only else whens
        known = [when for when in whens if when.hours is not None]
        found = (found or []) + (_outside(known) if only else _inside(known))
    if found is None:
        return []
    slots = {"windows": write_windows(tuple(dict.fromkeys(found)))} if found else {}
    return [Intent(BAD_TIME, slots, STRONG)]


def _said_at(
    tokens: Sequence[Token], at: int, table: WindowWords, readers: Readers, words: Words, *, asked: bool
) -> tuple[list[_When], bool, int] | None:
    """Times that the words at this place begin to tell; whether only they are wanted; the place behind them."""
    ways = [(table.only, True, False), (table.never, False, False)]
    if asked:
        ways += [(table.only_asked, True, False), (table.never_asked, False, False)]
    else:
        ways += [(table.never_asked, False, True)]
    best: tuple[list[_When], bool, int] | None = None
    for phrases, only, places_only in ways:
        for end in _ends(phrases, tokens, at):
            whens = _behind(tokens, end, table, readers, words)
            if not whens or (places_only and not (whens[0].place and _opens(tokens, at, table, words))):
                continue
            if best is None or whens[-1].end > best[2] or (only and not best[1]):
                best = (whens, only, whens[-1].end)
    if best is None and asked and (whens := _whens(tokens, at, table, readers, words)):
        after = max(_ends(table.only_after, tokens, whens[-1].end), default=None)
        return whens, after is not None, after or whens[-1].end
    return best


def _ends(phrases: Iterable[Pattern], tokens: Sequence[Token], at: int) -> list[int]:
    return [match.end for pattern in phrases if (match := match_at(pattern, tokens, at, {})) and match.end > at]


def _behind(tokens: Sequence[Token], at: int, table: WindowWords, readers: Readers, words: Words) -> list[_When]:
    """Times right behind a phrase, or behind words that may stand between ("again, please, in the morning")."""
    for start in range(at, min(at + _MOST_BETWEEN, len(tokens) - 1) + 1):
        parted = tokens[start].clause != tokens[at - 1].clause
        if parted or (start > at and tokens[start - 1].text not in table.between):
            return []
        if whens := _whens(tokens, start, table, readers, words):
            return whens
    return []


def _opens(tokens: Sequence[Token], at: int, table: WindowWords, words: Words) -> bool:
    """Does a thought begin here ("please, not at work")? "I am not at work" is none of ours."""
    if at == 0 or tokens[at].clause != tokens[at - 1].clause:
        return True
    return tokens[at - 1].text in table.between | words.negation.breaks


def _whens(tokens: Sequence[Token], at: int, table: WindowWords, readers: Readers, words: Words) -> list[_When]:
    """Times one after the other in one thought, joined by "or" and the like."""
    found: list[_When] = []
    while at < len(tokens):
        when = _when(tokens, at, table, readers, words)
        if when is None:
            if not found or tokens[at].text not in table.join:
                break
            at += 1
            continue
        found.append(when)
        at = when.end
    return found


def _when(tokens: Sequence[Token], at: int, table: WindowWords, readers: Readers, words: Words) -> _When | None:
    """The longest time that begins here."""
    found = [*_spans(tokens, at, table), *_forms(tokens, at, table, readers)]
    found = [when for when in found if not _counts_something(tokens, when.end, words)]
    return max(found, key=lambda when: when.end, default=None)


def _counts_something(tokens: Sequence[Token], end: int, words: Words) -> bool:
    """ "after six days": no time of day."""
    return end < len(tokens) and tokens[end].text in words.dates.units


def _spans(tokens: Sequence[Token], at: int, table: WindowWords) -> Iterator[_When]:
    for span in table.spans:
        for end in _ends(span.phrases, tokens, at):
            hours = None if span.hours is None else (_minutes(span.hours[0]), _minutes(span.hours[1]) or _DAY)
            yield _When(end, hours, span.weekdays, span.place)


def _forms(tokens: Sequence[Token], at: int, table: WindowWords, readers: Readers) -> Iterator[_When]:
    for form, phrases in table.forms.items():
        for pattern in phrases:
            match = match_at(pattern, tokens, at, readers)
            if match is None:
                continue
            if form == "weekday":
                yield _When(match.end, (0, _DAY), (match.values["weekday"],))
                continue
            hours, guessed = _hours(form, match.values.get("since"), match.values.get("until"))
            if hours[0] != hours[1]:
                yield _When(match.end, hours, guessed=guessed)


def _hours(form: str, since: int | None, until: int | None) -> tuple[_Minutes, bool]:
    """Minutes of the day, and whether they are a guess. Where morning or afternoon was not said, "not before nine" is
    the morning's, "not after nine" the evening's, and a span runs forwards."""
    if form == "before":
        return (0, (until or 0) % _AMBIGUOUS), False
    start = (since or 0) % _AMBIGUOUS
    if form == "after":
        late = (since or 0) >= _AMBIGUOUS and _FIRST_GUESSED <= start < _LAST_GUESSED
        return (start + (_HALF if late else 0), _DAY), late
    end = (until or 0) % _AMBIGUOUS
    if (until or 0) >= _AMBIGUOUS and end <= start and end + _HALF < _DAY:
        end += _HALF
    return (start, end or _DAY), False


def _wanted(when: _When) -> _When:
    """ "Only after nine" is the morning's."""
    return replace(when, hours=(when.hours[0] - _HALF, when.hours[1])) if when.guessed and when.hours else when


def _readers(table: WindowWords, words: Words) -> Readers:
    days = {**words.dates.weekdays, **table.weekdays}

    def clock(tokens: Sequence[Token], at: int) -> list[tuple[int, int]]:
        found = []
        for end in range(at + 1, min(at + _LONGEST_TIME, len(tokens)) + 1):
            clocks = find_times(tokens[at:end], words)
            if clocks and clocks[0].start == 0 and clocks[0].end == end - at:
                found.append((_minutes(clocks[0].value) + (_AMBIGUOUS if clocks[0].ambiguous else 0), end))
        return found

    def weekday(tokens: Sequence[Token], at: int) -> list[tuple[int, int]]:
        value = days.get(tokens[at].text) if at < len(tokens) else None
        return [] if value is None else [(value, at + 1)]

    return {"since": clock, "until": clock, "weekday": weekday}


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


# --- from what was named to windows ------------------------------------------------------------------------------


def _inside(whens: Sequence[_When]) -> list[NoCallWindow]:
    """Hours on the days they were said of; days alone are whole ones."""
    days = _days(whens)
    timed = [when for when in whens if not when.any_time and when.hours is not None]
    if not timed:
        return [_window(0, _DAY, days)] if days else []
    return [_window(*when.hours, days if when.any_day and days else when.weekdays) for when in timed if when.hours]


def _outside(whens: Sequence[_When]) -> list[NoCallWindow]:
    """All that is left of the week."""
    allowed: dict[int, list[_Minutes]] = {day: [] for day in EVERY_DAY}
    for window in _inside(whens):
        since, until = _minutes(window.since), _minutes(window.until) or _DAY
        for day in window.weekdays:
            allowed[day] += [(since, until)] if since < until else [(since, _DAY), (0, until)]
    if not any(allowed.values()):
        return []
    by_gaps: dict[tuple[_Minutes, ...], list[int]] = {}
    for day, spans in allowed.items():
        by_gaps.setdefault(_gaps(spans), []).append(day)
    found = []
    for gaps, days in by_gaps.items():
        whole_week = len(days) == len(EVERY_DAY)
        found += [_window(since, until, tuple(days)) for since, until in (_over_midnight(gaps) if whole_week else gaps)]
    return found


def _over_midnight(gaps: tuple[_Minutes, ...]) -> tuple[_Minutes, ...]:
    """Every evening and every morning are one window."""
    if len(gaps) > 1 and gaps[0][0] == 0 and gaps[-1][1] == _DAY:
        return (*gaps[1:-1], (gaps[-1][0], gaps[0][1]))
    return gaps


def _gaps(spans: Sequence[_Minutes]) -> tuple[_Minutes, ...]:
    gaps, at = [], 0
    for since, until in sorted(spans):
        if since > at:
            gaps.append((at, since))
        at = max(at, until)
    return (*gaps, *([(at, _DAY)] if at < _DAY else []))


def _days(whens: Sequence[_When]) -> tuple[int, ...]:
    return tuple(sorted({day for when in whens if when.any_time for day in when.weekdays}))


def _window(since: int, until: int, weekdays: tuple[int, ...]) -> NoCallWindow:
    return NoCallWindow(_time(since), _time(until), weekdays)


def _time(minutes: int) -> time:
    return time(minutes % _DAY // 60, minutes % 60)
