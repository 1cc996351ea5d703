"""The beep after which an answering machine records, told from speech, keys, ringing and music. Pure numpy, audio time.

A beep is one steady tone of 400 to 2000 Hz (FreeSWITCH's mod_avmd looks for the same range), at least 150 ms long. Per
20 ms a window of 40 ms is transformed: in a beep nearly all of the telephone band's energy lies in one line of the
spectrum, at the same frequency and level all the time. Voices have harmonics and glide; keys are two tones of different
frequency (ITU-T Q.23); ringing and busy tones that are two near tones beat; those that are one tone (425 Hz in most of
Europe, ITU-T E.180) repeat, so a tone of that region counts only when nothing like it follows. Three rising tones are
the special information tone before a carrier's announcement (ITU-T E.180).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from voicebot.model.audio import AudioFrame

Floats = NDArray[np.float64]

HOP_S = 0.02
WINDOW_S = 0.04
_FFT = 1024
#: The special information tone, with the variants of North America within 60 Hz.
SPECIAL_HZ = (950.0, 1400.0, 1790.0)
#: Energy is compared within the telephone band, Hz.
_BAND = (200.0, 3400.0)


@dataclass(frozen=True, slots=True)
class BeepOptions:
    """Frequencies in Hz, times in seconds of sound, `purity` the tone's share of the band's energy."""

    low_hz: float = 400.0
    high_hz: float = 2000.0
    min_s: float = 0.15
    max_s: float = 2.0
    voice_hz: float = (
        600.0  # under it a vowel's strongest harmonic may stand alone for a moment (measured: up to 0.26 s)
    )
    voice_min_s: float = 0.3
    steady_hz: float = 4.0  # largest spread of the frequency
    purity: float = 0.85
    drift_hz: float = 20.0
    floor_dbfs: float = -45.0
    ripple: float = 0.2  # spread of the level in 5 ms pieces, share of its mean: two tones that beat have 0.3 and more
    settle_s: float = (
        0.12  # silence, or speech, after the tone: a tone at once followed by another is music or a signal
    )
    progress_hz: tuple[float, float] = (400.0, 510.0)  # region of ringing, busy and dial tones
    progress_s: float = 1.2  # how long such a tone must not come again
    cadence_s: float = 6.0  # the same tone again within so long is a signal, not a beep


class ToneKind(StrEnum):
    """What a tone was."""

    BEEP = "beep"
    SPECIAL_INFORMATION = "special_information"


@dataclass(frozen=True, slots=True)
class Tone:
    """A tone that counts, from `t0` to `t1` (seconds from the answer), at `hz`."""

    kind: ToneKind
    t0: float
    t1: float
    hz: float


@dataclass(slots=True)
class _Run:
    """Windows of one steady tone. `misses`: windows without it since its last one (a lost packet)."""

    t0: float
    t1: float
    hz: list[float] = field(default_factory=list)
    levels: list[Floats] = field(default_factory=list)
    misses: int = 0

    @property
    def centre(self) -> float:
        return float(np.median(self.hz))

    @property
    def ripple(self) -> float:
        """Spread of the level within a window; the median over windows, so that a lost packet does not count."""
        spreads = [float(np.std(pieces) / max(float(np.mean(pieces)), 1.0)) for pieces in self.levels]
        return float(np.median(spreads))


class BeepDetector:
    """Feed it one caller's sound in order; `accept` returns tones as they become certain."""

    def __init__(self, options: BeepOptions | None = None) -> None:
        self._options = options or BeepOptions()
        self._rate = 0
        self._samples: Floats = np.zeros(0)
        self._t = 0.0
        self._run: _Run | None = None
        self._chain: list[_Run] = []  # tones that followed each other at once, not settled yet
        self._past: list[tuple[float, float]] = []  # (end, frequency) of every steady tone

    def accept(self, frame: AudioFrame) -> tuple[Tone, ...]:
        """Take sound of any length; one rate for a whole call."""
        if frame.rate != self._rate:
            self._rate, self._samples = frame.rate, np.zeros(0)
        if not self._samples.size:
            self._t = frame.t
        pcm = np.frombuffer(frame.pcm16, dtype=np.int16).astype(np.float64)
        self._samples = np.concatenate((self._samples, pcm))
        window, hop = round(WINDOW_S * self._rate), round(HOP_S * self._rate)
        found: list[Tone] = []
        while self._samples.size >= window:
            found += self._window(self._samples[:window])
            self._samples = self._samples[hop:]
            self._t += HOP_S
        return tuple(found)

    def _window(self, samples: Floats) -> list[Tone]:
        hz = self._tone(samples)
        now = self._t + WINDOW_S
        run = self._run
        if hz is not None and run is not None and abs(hz - run.centre) <= self._options.drift_hz:
            run.t1, run.misses = now, 0
            run.hz.append(hz)
            run.levels.append(_levels(samples, self._rate))
        elif hz is not None:
            self._end_run()
            self._run = _Run(self._t, now, [hz], [_levels(samples, self._rate)])
        elif run is not None:
            run.misses += 1
            if run.misses > 2:
                self._end_run()
        return self._settle(now)

    def _tone(self, samples: Floats) -> float | None:
        """The frequency of the one tone this window holds; None where it holds anything else."""
        options = self._options
        level = float(np.sqrt(np.mean(samples**2)))
        if level < 32768.0 * 10 ** (options.floor_dbfs / 20):
            return None
        power = np.abs(np.fft.rfft(samples * np.hanning(samples.size), _FFT)) ** 2
        step = self._rate / _FFT
        low, high = (round(hz / step) for hz in _BAND)
        peak = low + int(np.argmax(power[low:high]))
        # The main lobe of a Hann window is four bins of its own length wide.
        lobe = round(2.2 / WINDOW_S / step)
        share = float(power[max(peak - lobe, low) : peak + lobe + 1].sum() / max(float(power[low:high].sum()), 1e-9))
        if share < options.purity or not 0 < peak < power.size - 1:
            return None
        before, here, after = np.log(power[peak - 1 : peak + 2] + 1e-9)
        bend = before - 2 * here + after
        hz = (peak + (0.5 * (before - after) / bend if bend else 0.0)) * step
        return float(hz) if options.low_hz <= hz <= options.high_hz else None

    def _end_run(self) -> None:
        run, self._run = self._run, None
        options = self._options
        if run is None or float(np.std(run.hz)) > options.steady_hz:
            return
        if run.t1 - run.t0 >= (options.min_s if run.centre >= options.voice_hz else options.voice_min_s):
            self._chain.append(run)

    def _settle(self, now: float) -> list[Tone]:
        """Decide on the tones that ended, once it is certain that nothing belonging to them follows."""
        if not self._chain:
            return []
        last, options = self._chain[-1], self._options
        if self._run is not None and self._run.t0 - last.t1 < options.settle_s:
            return []  # perhaps one more tone of the same signal
        progress = options.progress_hz[0] <= last.centre <= options.progress_hz[1]
        if now - last.t1 < (options.progress_s if progress else options.settle_s):
            return []
        chain, self._chain = self._chain, []
        found = self._judged(chain)
        self._past += [(run.t1, run.centre) for run in chain]
        return [found] if found is not None else []

    def _judged(self, chain: list[_Run]) -> Tone | None:
        options, first = self._options, chain[0]
        heights = [run.centre for run in chain]
        if len(chain) == 3 and all(abs(hz - near) <= 60 for hz, near in zip(heights, SPECIAL_HZ, strict=True)):
            return Tone(ToneKind.SPECIAL_INFORMATION, first.t0, chain[-1].t1, heights[0])
        if len(chain) > 1 or first.t1 - first.t0 > options.max_s or first.ripple > options.ripple:
            return None
        near = (end for end, hz in self._past if abs(hz - first.centre) <= options.drift_hz)
        if any(first.t0 - end < options.cadence_s for end in near):
            return None
        return Tone(ToneKind.BEEP, first.t0, first.t1, first.centre)


def _levels(samples: Floats, rate: int) -> Floats:
    """RMS of the window's middle in pieces of 5 ms."""
    piece = rate // 200
    middle = samples[samples.size // 4 : samples.size // 4 + 4 * piece]
    return np.asarray(np.sqrt(np.mean(middle.reshape(-1, piece) ** 2, axis=1)))
