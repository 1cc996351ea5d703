"""The caller's own recording: both directions on one timeline, sample-exact from the answer."""

from __future__ import annotations

import threading
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from sip_sim.g711 import RATE, Samples
from sip_sim.hearing import speech_spans


@dataclass(frozen=True, slots=True)
class Mark:
    """A measured stretch of the recording, seconds; `kind`: gap (until the bot replied), stop (until it was silent)."""

    kind: str
    t0: float
    t1: float


@dataclass(frozen=True, slots=True)
class Timing:
    """What the caller experienced, in seconds, measured on the recording."""

    first_audio_s: float | None  # answer -> first sound of the bot
    reply_gaps_s: tuple[float, ...]  # end of the caller's speech -> start of the bot's
    caller_speech_s: float
    bot_speech_s: float
    length_s: float
    stops_s: tuple[float, ...] = ()  # the caller cut in -> the bot fell silent
    marks: tuple[Mark, ...] = ()  # where all these lie


@dataclass(slots=True)
class Recorder:
    """Left = the caller as sent (after the phone's codec), right = the far end as heard; 8 kHz, 16 bit."""

    _sent: list[Samples] = field(default_factory=list)
    _heard: list[Samples] = field(default_factory=list)
    _voice: list[Samples] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, sent: Samples, heard: Samples, voice: Samples | None = None) -> None:
        """One tick: 160 samples of each direction; `voice`: the caller's own, without the noise around them."""
        with self._lock:
            self._sent.append(sent)
            self._heard.append(heard)
            self._voice.append(sent if voice is None else voice)

    def tracks(self) -> tuple[Samples, Samples]:
        """(sent, heard), equally long."""
        with self._lock:
            sent, heard = list(self._sent), list(self._heard)
        empty = np.zeros(0, dtype=np.int16)
        return (np.concatenate(sent) if sent else empty, np.concatenate(heard) if heard else empty)

    def voice(self) -> Samples:
        """The caller's own voice, without noise and echo: what is measured."""
        with self._lock:
            voice = list(self._voice)
        return np.concatenate(voice) if voice else np.zeros(0, dtype=np.int16)

    def timing(self) -> Timing:
        """Measure this recording."""
        return measure(self.voice(), self.tracks()[1])

    def save(self, path: Path) -> None:
        """Write the stereo WAV."""
        sent, heard = self.tracks()
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(RATE)
            out.writeframes(np.stack([sent, heard], axis=1).astype("<i2").tobytes())


def measure(sent: Samples, heard: Samples) -> Timing:
    """Reply gaps: from the end of each stretch of the caller's speech to the next start of the bot's.

    A stretch during which, or before whose successor, the bot does not begin to speak (it was barged in on, or it was
    itself talking on) gives no gap: a gap is counted only where the bot was silent when the caller ended.
    """
    caller, bot = speech_spans(sent), speech_spans(heard, join_s=0.3)
    gaps: list[Mark] = []
    stops = [Mark("stop", start, start + stop) for start, _ in caller if (stop := stop_after(bot, start)) is not None]
    for index, (_, end) in enumerate(caller):
        following = caller[index + 1][0] if index + 1 < len(caller) else float("inf")
        talking_over = any(start <= end < stop for start, stop in bot)
        nxt = next((start for start, _ in bot if start >= end), None)
        if not talking_over and nxt is not None and nxt < following:
            gaps.append(Mark("gap", end, nxt))
    return Timing(
        first_audio_s=round(bot[0][0], 3) if bot else None,
        reply_gaps_s=tuple(round(mark.t1 - mark.t0, 3) for mark in gaps),
        caller_speech_s=round(sum(end - start for start, end in caller), 2),
        bot_speech_s=round(sum(end - start for start, end in bot), 2),
        length_s=round(sent.size / RATE, 2),
        stops_s=tuple(round(mark.t1 - mark.t0, 3) for mark in stops),
        marks=tuple(sorted((*gaps, *stops), key=lambda mark: mark.t0)),
    )


def stop_after(bot: list[tuple[float, float]], start: float) -> float | None:
    """How long the bot went on after `start`, seconds; None where it was silent then. A pause of 0.3 s ends it."""
    return next((round(end - start, 3) for begun, end in bot if begun <= start < end), None)


def percentile(values: tuple[float, ...], share: float) -> float | None:
    """Nearest-rank percentile (`share` 0-1), None for no values."""
    if not values:
        return None
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, int(np.ceil(share * len(ordered))) - 1))]
