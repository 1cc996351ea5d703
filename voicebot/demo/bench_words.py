"""Words: how many the bot misheard, how many of its own never reached the caller. Pure but for the recogniser given."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from voicebot.demo.bench_sound import FLOOR, RATE, SAME, Samples, Span, find, levels

#: Pieces in which a prompt is looked for in the recording.
PIECE = RATE // 5
#: A prompt begins in the recording at most so much before and after the bot's own clock says.
EARLY_S = 1.0
LATE_S = 4.0
#: A prompt may pause so long and go on.
LONGEST_HOLD_S = 3.0
#: A phone's buffer that late packets have filled is emptied in the bot's pauses: what follows comes so much earlier.
CAUGHT_UP_S = 0.6
#: A prompt that goes on later than this after a probe was not held back but ended.
RESUMED_S = 2.5
#: Loudness (RMS) a piece needs to be looked for: silence is found everywhere.
_AUDIBLE = 4 * FLOOR


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt of the bot. `t0`, `t1`: by the bot's clock, seconds from the answer; `whole`: said to its end, as far as
    the bot knows; `sound`: as it was rendered, 8 kHz."""

    text: str
    t0: float
    t1: float
    whole: bool
    sound: Samples


@dataclass(frozen=True, slots=True)
class Placed:
    """Where a prompt lies in the caller's recording. `pieces`: (sample in the prompt, sample in the recording, None
    where it is not there) of each audible piece."""

    pieces: tuple[tuple[int, int | None], ...]

    @property
    def complete(self) -> bool:
        """Did every piece arrive?"""
        return all(at is not None for _, at in self.pieces)

    @property
    def span(self) -> Span | None:
        """From the first piece found to the last, seconds."""
        found = [at for _, at in self.pieces if at is not None]
        return (found[0] / RATE, (found[-1] + PIECE) / RATE) if found else None


def place(prompt: Prompt, bot: Samples) -> Placed:
    """Find a prompt in the recording, piece by piece, so that one that was held back and went on is found whole."""
    sound, found = prompt.sound, list[tuple[int, int | None]]()
    offset: int | None = None
    least = round((prompt.t0 - EARLY_S) * RATE)
    for start in range(0, sound.size - PIECE + 1, PIECE):
        piece = sound[start : start + PIECE]
        if float(levels(piece).max(initial=0.0)) < _AUDIBLE:
            continue
        if offset is None:
            window = (least + start, round((prompt.t0 + LATE_S) * RATE) + start + PIECE)
        else:
            first = start + offset - round(CAUGHT_UP_S * RATE)
            window = (first, start + offset + round(LONGEST_HOLD_S * RATE) + PIECE)
        near = (start + offset - 8, start + offset + PIECE + 8) if offset is not None else window
        at, quality = find(piece, bot, *near)
        if quality < SAME:
            at, quality = find(piece, bot, *window)
        if quality >= SAME:
            offset = at - start
            found.append((start, at))
        else:
            found.append((start, None))
    return Placed(tuple(found))


def went_on(prompt: Prompt, bot: Samples, probe: Span) -> bool | None:
    """Did the prompt go on to its end after a probe? None where the probe came too late to stop anything.

    It was stopped for good where its end is not there, or comes so late that it was said again.
    """
    placed = place(prompt, bot)
    before = [(start, at) for start, at in placed.pieces if at is not None and at / RATE < probe[0]]
    if not placed.pieces or not before:
        return None
    last_start, last_at = placed.pieces[-1]
    expected = before[-1][1] + last_start - before[-1][0]
    if expected / RATE < probe[0] + 0.3:
        return None
    return last_at is not None and (last_at - expected) / RATE <= RESUMED_S


def clipped(prompt: Prompt, bot: Samples, recognise: Callable[[Samples], str]) -> int:
    """Words of a whole prompt that are not in the caller's recording.

    Where every audible piece of its sound is there, none is missing. Else the recogniser listens to the prompt as it
    was rendered and as it arrived: words of the first that are not in the second, in order.
    """
    placed = place(prompt, bot)
    if placed.complete:
        return 0
    t0, t1 = placed.span or (prompt.t0, prompt.t1)
    arrived = bot[round(max(0.0, t0 - 0.1) * RATE) : round((t1 + 0.2) * RATE)]
    meant, got = normal(recognise(prompt.sound)), normal(recognise(arrived))
    return len(meant) - common(meant, got)


def lead_s(sound: Samples) -> float:
    """Silence before the first sound of a prompt, seconds."""
    loud = levels(sound) > FLOOR
    return float(loud.argmax()) * 0.02 if loud.any() else 0.0


# -- words -------------------------------------------------------------------------------------------------------------


def normal(text: str) -> list[str]:
    """Words without case and punctuation; numbers digit by digit, however they are written."""
    plain = re.sub(r"(?<=\d)[,.](?=\d)", "", text.lower())
    plain = re.sub(r"(\d)(st|nd|rd|th)\b", r"\1", plain)
    words = re.findall(r"[a-z']+|\d", plain)
    known = _spoken_numbers()
    found: list[str] = []
    at = 0
    while at < len(words):
        size = next((n for n in range(_LONGEST_NUMBER, 0, -1) if tuple(words[at : at + n]) in known), 0)
        found += known[tuple(words[at : at + size])] if size else [words[at]]
        at += max(1, size)
    return found


_LONGEST_NUMBER = 6


@functools.cache
def _spoken_numbers() -> dict[tuple[str, ...], str]:
    """Words in a row to digits: 0 to 99 and the years from 1900 on, cardinal and ordinal."""
    from num2words import num2words

    known: dict[tuple[str, ...], str] = {("oh",): "0"}
    for number in [*range(100), *range(1900, 2100)]:
        for how in ("cardinal", "ordinal", "year") if number >= 1900 else ("cardinal", "ordinal"):
            words = re.findall(r"[a-z]+", num2words(number, to=how))
            known.setdefault(tuple(words), str(number))
            known.setdefault(tuple(word for word in words if word != "and"), str(number))
    return known


def distance(a: Sequence[str], b: Sequence[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(b) + 1))
    for i, word in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (word != other))
    return row[-1]


def common(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence."""
    row = [0] * (len(b) + 1)
    for word in a:
        before = 0
        for j, other in enumerate(b, 1):
            before, row[j] = row[j], before + 1 if word == other else max(row[j], row[j - 1])
    return row[-1]


@dataclass(frozen=True, slots=True)
class Taken:
    """What the bot's record says it heard: seconds from the answer by the bot's clock."""

    t0: float
    t1: float
    text: str


#: The bot's clock and the caller's differ by less.
CLOCKS_S = 0.6


def taken_for(span: Span, record: Sequence[Taken]) -> str:
    """All that the bot took down while this was said; "" for nothing."""
    near = [
        one for one in record
        if min(one.t1, span[1]) - max(one.t0, span[0]) > -CLOCKS_S and (one.t0 + one.t1) / 2 < span[1] + CLOCKS_S
    ]  # fmt: skip
    return " ".join(one.text for one in near)
