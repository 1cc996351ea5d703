"""The line's echo of the bot's own voice, taken out of the caller's sound. Pure numpy; audio time, never the clock.

What was sent is known to the sample, so the echo is found by correlation and predicted by a short filter: the delay is
where sent and received agree most (normalised cross-correlation), the filter around it is the least-squares solution
over the last third of a second (Haykin, Adaptive Filter Theory, "method of least squares"), fitted anew only while the
old one explains too little. That needs no step size and cannot diverge while both talk: a fit that does not explain
what came back is not taken. What is left of a frame that was nothing but echo is turned down to the noise of an idle
line (a voice activity detector that hears digital silence for long doubts the word after it).

On a line that returns nothing, and while the bot is silent, a frame costs one comparison.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from voicebot.model.audio import MEDIA_RATE, AudioFrame

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EchoOptions:
    """Times in seconds of sound; shares are of energy."""

    #: How much later the echo comes than the line thinks its original left; earlier where the line's clock of received
    #: sound lags (voicebot.call.line).
    earliest_s: float = -0.32
    latest_s: float = 0.64
    window_s: float = 0.32  # sound that is compared and fitted
    look_s: float = 0.06  # at most so often
    taps_s: float = 0.012  # length of the echo's path, around the delay
    lead_s: float = 0.002  # of that before the delay
    similar: float = 0.45  # correlation from which it is an echo
    explained: float = 0.3  # share that a filter must explain to be used
    enough: float = 0.85  # share from which no better one is looked for
    surely_similar: float = 0.7  # the same of half the window, where chance agrees more
    surely_explained: float = 0.6
    better: float = 0.1  # where a new filter explains no more than that, the noise is what is not explained
    leak: float = 0.25  # share of the predicted echo that may be left and is silenced
    floor_dbfs: float = -66.0  # under it nothing comes back
    idle_dbfs: float = -72.0  # noise put in the place of what is taken out
    patience_s: float = 0.8  # on a noisy line without an echo it is looked for no more often


@dataclass(frozen=True, slots=True)
class EchoPath:
    """The filter from sent to received sound: `taps[k]` for a delay of `delay + k` samples."""

    delay: int
    taps: Samples

    @property
    def delay_s(self) -> float:
        """Delay of the strongest reflection, seconds."""
        return (self.delay + int(np.argmax(np.abs(self.taps)))) / MEDIA_RATE


class Track:
    """Sound by time: sample i stands for time i / MEDIA_RATE of the call. Older sound than `keep_s` is forgotten."""

    def __init__(self, keep_s: float) -> None:
        self._keep = round(keep_s * MEDIA_RATE)
        self._first = 0
        self._samples: Samples = np.zeros(0, dtype=np.float32)
        self._size = 0  # of what is there; behind it lie zeros, room for what comes

    @property
    def end(self) -> int:
        """Number of the first sample that is not there yet."""
        return self._first + self._size

    def put(self, at: int, samples: Samples) -> None:
        """Sound from sample `at` on; it replaces what was there."""
        if at < self._first:
            at, samples = self._first, samples[self._first - at :]
        self._reach(at + samples.size)
        self._samples[at - self._first : at - self._first + samples.size] = samples

    def cut(self, at: int) -> None:
        """From sample `at` on nothing was sent."""
        size = min(self._size, max(0, at - self._first))
        self._samples[size : self._size] = 0.0
        self._size = size

    def forget(self, before: int) -> None:
        """Sound before sample `before` is not asked for any more (kept a while: each cut copies)."""
        spare = before - self._keep - self._first
        if spare > MEDIA_RATE:
            self._samples = self._samples[spare:].copy()
            self._first += spare
            self._size = max(0, self._size - spare)

    def take(self, a: int, b: int) -> Samples:
        """Samples [a, b), zeros where there are none."""
        found = np.zeros(b - a, dtype=np.float32)
        low, high = max(a, self._first), min(b, self.end)
        if low < high:
            found[low - a : high - a] = self._samples[low - self._first : high - self._first]
        return found

    def _reach(self, end: int) -> None:
        size = end - self._first
        if size > self._samples.size:  # with room to spare: each growth copies
            grown = np.zeros(size + MEDIA_RATE, dtype=np.float32)
            grown[: self._size] = self._samples[: self._size]
            self._samples = grown
        self._size = max(self._size, size)


class EchoCanceller:
    """One call's echo. Sound is at MEDIA_RATE; `t` of frames in seconds from the answer."""

    def __init__(self, options: EchoOptions | None = None) -> None:
        self._options = options or EchoOptions()
        self._sent = Track(2.0)
        self._heard = Track(2.0)
        self._path: EchoPath | None = None
        self._next_look = 0.0  # sample number
        self._pause_s = self._options.look_s
        self._leak = 0.0
        self._idle = np.random.default_rng(1).standard_normal(MEDIA_RATE).astype(np.float32)
        self._idle *= np.float32(32768.0 * 10 ** (self._options.idle_dbfs / 20))
        self._floor = (32768.0 * 10 ** (self._options.floor_dbfs / 20)) ** 2
        self._window = _samples(self._options.window_s)
        self._earliest, self._latest = _samples(self._options.earliest_s), _samples(self._options.latest_s)

    @property
    def path(self) -> EchoPath | None:
        """The echo's path in force; None where none was found."""
        return self._path

    def sent(self, frame: AudioFrame) -> None:
        """Sound of the bot, at the time it leaves; may lie in the future."""
        self._sent.put(_samples(frame.t), _floats(frame))

    def cut(self, t: float) -> None:
        """Sound of the bot from `t` on was never sent."""
        self._sent.cut(_samples(t))

    def clean(self, frame: AudioFrame) -> AudioFrame:
        """The caller's sound without the bot's; times and length stay."""
        samples, at = _floats(frame), _samples(frame.t)
        self._heard.put(at, samples)
        end = at + samples.size
        self._heard.forget(end)
        self._sent.forget(end)
        if self._sent.end + self._latest <= at or _power(samples) < self._floor:
            return frame
        if end >= self._next_look:
            found = self._look(end)
            self._pause_s = self._options.look_s if found else min(2 * self._pause_s, self._options.patience_s)
            self._next_look = end + self._pause_s * MEDIA_RATE
        if self._path is None:
            return frame
        return self._without(frame, samples, self._predict(self._path, at, end))

    def _without(self, frame: AudioFrame, samples: Samples, echo: Samples) -> AudioFrame:
        rest = samples - echo
        left, whole = _power(rest), _power(samples)
        if left >= whole:  # not what came back: another delay by now, or the bot is not heard
            self._leak = 0.0
            return frame
        self._leak = max(self._options.leak * _power(echo), self._leak / 2)
        if left > 0:
            share = np.float32(np.sqrt(max(0.0, 1.0 - self._leak / left)))
            rest = rest * share + np.resize(self._idle, rest.size) * (1 - share)
        pcm16 = np.clip(np.round(rest), -32768, 32767).astype(np.int16).tobytes()
        return AudioFrame(pcm16, frame.rate, frame.t)

    # -- finding the path --------------------------------------------------------------------------------------

    def _look(self, end: int) -> bool:
        """Fit the path anew where the one in force explains too little of the last window, or of its last half (where
        the delay has just changed); False where it is no use to look again soon."""
        options = self._options
        return self._look_at(end, self._window, options.similar, options.explained) or self._look_at(
            end, self._window // 2, options.surely_similar, options.surely_explained
        )

    def _look_at(self, end: int, window: int, similar: float, explained: float) -> bool:
        begin = end - window
        heard = self._heard.take(begin, end)
        whole = _power(heard)
        if whole < self._floor:
            return True
        kept = 0.0
        if self._path is not None:
            kept = 1.0 - _power(heard - self._predict(self._path, begin, end)) / whole
            if kept >= self._options.enough:
                return True
        delay = self._delay(heard, begin, similar)
        path = self._fit(heard, begin, delay) if delay is not None else None
        if path is None:
            return False
        share = 1.0 - _power(heard - self._predict(path, begin, end)) / whole
        if share > max(kept, explained):
            self._path = path
        return share > kept + self._options.better

    def _delay(self, heard: Samples, begin: int, wanted: float) -> int | None:
        """Samples from sent to heard, where both agree most; None where they nowhere agree enough."""
        span = self._latest - self._earliest
        sent = self._sent.take(begin - self._latest, begin - self._earliest + heard.size)
        size = _fast(sent.size)
        product = np.fft.rfft(sent, size) * np.conj(np.fft.rfft(heard, size))
        agreement = np.fft.irfft(product, size)[: span + 1]
        energy = np.cumsum(np.concatenate(([0.0], sent.astype(np.float64) ** 2)))
        energies = (energy[heard.size :] - energy[: -heard.size])[: span + 1]
        scale = np.sqrt(np.maximum(energies, self._floor * heard.size) * float(np.sum(heard.astype(np.float64) ** 2)))
        similar = np.abs(agreement) / scale
        best = int(np.argmax(similar))
        return self._latest - best if similar[best] >= wanted else None

    def _fit(self, heard: Samples, begin: int, delay: int) -> EchoPath | None:
        """The least-squares filter around a delay; None where it makes louder, which no echo does."""
        first, count = delay - _samples(self._options.lead_s), _samples(self._options.taps_s)
        sent = self._sent.take(begin - first - count + 1, begin - first + heard.size)
        rows = np.lib.stride_tricks.sliding_window_view(sent, count)[:, ::-1]
        normal = rows.T @ rows
        normal[np.diag_indices(count)] += 1e-3 * float(np.trace(normal)) / count + 1e-3
        try:
            taps = np.linalg.solve(normal, rows.T @ heard)
        except np.linalg.LinAlgError:
            return None
        if float(np.dot(taps, taps)) > 1.0:
            return None
        return EchoPath(first, np.asarray(taps, dtype=np.float32))

    def _predict(self, path: EchoPath, a: int, b: int) -> Samples:
        """The echo in samples [a, b)."""
        sent = self._sent.take(a - path.delay - path.taps.size + 1, b - path.delay)
        return np.asarray(np.convolve(sent, path.taps, mode="valid"), dtype=np.float32)


def _samples(seconds: float) -> int:
    return round(seconds * MEDIA_RATE)


def _floats(frame: AudioFrame) -> Samples:
    return np.frombuffer(frame.pcm16, dtype=np.int16).astype(np.float32)


def _power(samples: Samples) -> float:
    return float(np.dot(samples, samples)) / samples.size if samples.size else 0.0


def _fast(size: int) -> int:
    """A length a Fourier transform likes: the next multiple of 1024 with factors 2, 3 and 5 only."""
    blocks = -(-size // 1024)
    while _rest(blocks) != 1:
        blocks += 1
    return blocks * 1024


def _rest(number: int) -> int:
    for factor in (2, 3, 5):
        while number % factor == 0:
            number //= factor
    return number
