"""Keeps the numbers of payment cards out of what a call leaves: transcript, live view, slots and recording.

After one was said, the code and the day it ends may follow: for a while no number of an answer is kept, and the
caller's side of the recording stays silent.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from voicebot.model.records import Turn
from voicebot.nlu.card_numbers import MASK, edge_digits, holds_card, is_card, without_digits
from voicebot.nlu.tables import Words

logger = logging.getLogger(__name__)

#: After a card's number, seconds in which answers are kept without their numbers and their sound.
AFTER_S = 30.0
#: Keys that follow others so soon belong together, although each was an answer of its own: seconds.
TYPED_S = 3.0
#: Silenced before and after an answer: where it begins is not known to the sample. After a card's number more: what
#: was too long is cut, and who was cut short goes on while nobody listens.
EDGE_S, REST_S = 1.0, 10.0
#: An answer of so many seconds may have been cut; where it then ends in so many digits, it may be half a card's number.
CUT_S, CUT_DIGITS = 7.5, 6


@dataclass(frozen=True, slots=True)
class _Half:
    """An answer that ended in digits, and no card yet."""

    digits: str
    t0: float
    t1: float


class CardGuard:
    """One per call. `silence`: takes the caller's sound from .. until .. (seconds from the answer) out of the
    recording."""

    def __init__(self, words: Words, silence: Callable[[float, float], None]) -> None:
        self._words = words
        self._silence = silence
        self._until = 0.0
        self._half: _Half | None = None
        self._typed: float | None = None
        self._masked: set[float] = set()

    def look(self, text: str, t0: float, t1: float, *, typed: bool = False) -> None:
        """An answer was heard (or `typed`: its keys) from `t0` to `t1`."""
        if typed:
            if self._typed is not None and t0 - self._typed < TYPED_S:
                self._masked.add(t0)  # a number typed where one key is an answer comes key by key
            self._typed = t1
        first, last = edge_digits(text, self._words)
        half, self._half = self._half, _Half(last, t0, t1) if last else None
        found = holds_card(text, self._words)
        if not found and half is not None and first and t0 - half.t1 < AFTER_S and is_card(half.digits + first):
            found, t0 = True, half.t0
        found = found or (t1 - t0 >= CUT_S and len(last) >= CUT_DIGITS)
        if found:
            logger.info("a card number was said: its digits and its sound are not kept")
            self._half = None
            self._until = max(self._until, t1 + AFTER_S)
            self._silence(t0 - EDGE_S, t1 + REST_S)
        elif t0 < self._until:
            self._silence(t0 - EDGE_S, t1 + EDGE_S)

    def kept(self, text: str, t0: float) -> str:
        """What is kept of an answer that began at `t0`, after `look`."""
        return without_digits(text, self._words) if self._hides(t0) else text

    def turn(self, turn: Turn) -> Turn:
        """The turn as it may be stored."""
        if turn.reply_text is None or turn.reply_t0 is None or not self._hides(turn.reply_t0):
            return turn
        slots = {name: re.sub(r"\d[\d\s.,/-]*", MASK, value) for name, value in turn.slots.items()}
        return replace(turn, reply_text=self.kept(turn.reply_text, turn.reply_t0), slots=slots)

    def _hides(self, t0: float) -> bool:
        return t0 < self._until or t0 in self._masked
