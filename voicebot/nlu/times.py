"""Times of day as people say them; the words come from the language's table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import time

from voicebot.nlu.patterns import Match, Pattern, find, match_at
from voicebot.nlu.readers import time_readers
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Token

#: Minutes from the hour, by form.
_FIXED = {"half_past": 30, "quarter_past": 15, "quarter_to": -15, "hour": 0, "alone": 0}


@dataclass(frozen=True, slots=True)
class Clock:
    """A time meant by tokens [start, end). `ambiguous`: morning or afternoon was not said. `bare`: only a number."""

    value: time
    start: int
    end: int
    ambiguous: bool = False
    bare: bool = False


def find_times(tokens: Sequence[Token], words: Words) -> tuple[Clock, ...]:
    """Times named, the best first (longer phrases first, then later ones). A lone number counts only where it is the
    whole answer or "in the morning" and the like goes with it."""
    readers = time_readers(words)
    found: list[Clock] = []
    for form, phrases in words.times.forms.items():
        for pattern in phrases:
            for match in find(pattern, tokens, readers):
                clock = _clock(form, match, tokens, words)
                if clock:
                    found.append(clock)
    ordered = sorted(found, key=lambda clock: (clock.start - clock.end, -clock.start))
    kept: list[Clock] = []
    for clock in ordered:
        if all(clock.end <= other.start or clock.start >= other.end for other in kept):
            kept.append(clock)
    return tuple(kept)


def _clock(form: str, match: Match, tokens: Sequence[Token], words: Words) -> Clock | None:
    if form == "noon":
        return Clock(time(12), match.start, match.end)
    if form == "midnight":
        return Clock(time(0), match.start, match.end)
    hour, minute = match.values["hour"], _minute(form, match.values)
    if form == "hour_minute" and not _clock_like(match, tokens):
        return None
    half, end = _half(tokens, match, words)
    if form in ("alone", "hour") and half is None and not _whole(match, tokens, form):
        return None
    minutes = hour * 60 + minute
    if hour <= 12 and half is not None:
        minutes = (hour % 12 + (12 if half == "afternoon" else 0)) * 60 + minute
    guessed = half is None and 1 <= hour <= 12
    if guessed and hour < words.times.earliest_hour:
        minutes += 720
    minutes %= 1440
    return Clock(time(minutes // 60, minutes % 60), match.start, end, guessed, form == "alone" and half is None)


def _minute(form: str, values: Mapping[str, int]) -> int:
    if form == "past":
        return values["minute_to"]
    if form == "to":
        return -values["minute_to"]
    return _FIXED.get(form, values.get("minute", values.get("minute_unit", 0)))


def _clock_like(match: Match, tokens: Sequence[Token]) -> bool:
    """Figures must be written as a time: "3:30", "3.30", "3 30", not "3,30" nor "3-30"."""
    figures = [tokens[i] for i in range(match.start, match.end) if tokens[i].is_number]
    return len(figures) < 2 or figures[1].glue in (":", ".", None)


def _half(tokens: Sequence[Token], match: Match, words: Words) -> tuple[str | None, int]:
    """The half of the day said right after the time, or anywhere else in the answer; the place after it."""
    for name, phrases in (("morning", words.times.morning), ("afternoon", words.times.afternoon)):
        ends = [found.end for pattern in phrases if (found := match_at(pattern, tokens, match.end, {}))]
        if ends:
            return name, max(ends)
    for name, phrases in (("morning", words.times.morning), ("afternoon", words.times.afternoon)):
        if any(_anywhere(pattern, tokens) for pattern in phrases):
            return name, match.end
    return None, match.end


def _anywhere(pattern: Pattern, tokens: Sequence[Token]) -> bool:
    return next(find(pattern, tokens, {}), None) is not None


def _whole(match: Match, tokens: Sequence[Token], form: str) -> bool:
    if form == "hour":  # "at five hundred" and "by two thousand" are no times; "at 15th" neither
        return match.end == len(tokens) or not (tokens[match.end].is_number or tokens[match.end].glue == "")
    return match.start == 0 and match.end == len(tokens)
