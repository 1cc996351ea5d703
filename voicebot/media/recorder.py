"""The stereo recording of a call: left the caller, right the bot, 8 kHz 16-bit WAV, growing as the call goes on.

The header is right after every second written, so a killed process leaves a file that plays up to its last second.
It says that the right side is a machine's voice (wav.py).
The caller's side stays silent until `open_caller`: nobody is recorded before the notice was said (rules.md section 6).
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from voicebot.media.wav import WavFile, ai_label
from voicebot.model.audio import MEDIA_RATE, AudioFrame

logger = logging.getLogger(__name__)


class Recorder:
    """Collects both sides on one time line and writes them in whole seconds."""

    def __init__(self, path: Path, voice: str = "voicebot") -> None:
        """`voice`: what speaks on the bot's side, for the label. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.touch(mode=0o600)  # what a customer said is for the owner's eyes only
        info = ai_label(voice, "the right channel is a synthetic voice", path.stem)
        self._wav: WavFile | None = WavFile(path, 2, MEDIA_RATE, info)
        self._pending = np.zeros((MEDIA_RATE * 4, 2), dtype=np.int16)
        self._start = 0  # sample index of _pending[0]
        self._caller_open = False
        self._caller_muted_until = 0.0
        self._over = False
        self.failed = False

    def open_caller(self) -> None:
        """From now on the caller's side is kept, unless it was refused (`stop`)."""
        self._caller_open = True

    def close_caller(self) -> None:
        """Another person came on, who has not heard the notice yet."""
        self._caller_open = False

    def caller(self, frame: AudioFrame) -> None:
        """Sound of the caller, at its time."""
        if self._caller_open and frame.t >= self._caller_muted_until:
            self._put(frame, 0)

    def bot(self, frame: AudioFrame) -> None:
        """Sound of the bot, at the time it goes out."""
        self._put(frame, 1)

    def _put(self, frame: AudioFrame, side: int) -> None:
        if self._over:
            return
        samples = np.frombuffer(frame.pcm16, dtype=np.int16)
        at = round(frame.t * MEDIA_RATE) - self._start
        if at < 0:  # later than what is written already: only the rest has a place
            samples = samples[-at:]
            at = 0
        end = at + len(samples)
        if end > len(self._pending):
            grow = max(end - len(self._pending), MEDIA_RATE)
            self._pending = np.vstack([self._pending, np.zeros((grow, 2), dtype=np.int16)])
        self._pending[at:end, side] = samples

    def advance(self, t: float) -> None:
        """Write every whole second before `t` (seconds from the answer); keep one for late sound."""
        whole = int(t - 1.0) * MEDIA_RATE - self._start
        if whole > 0 and not self._over:
            self._write(whole)

    def cut(self, t: float) -> None:
        """Sound of the bot from `t` on was never sent (flushed): take it out."""
        at = max(0, round(t * MEDIA_RATE) - self._start)
        self._pending[at:, 1] = 0

    def silence_caller(self, start: float, end: float) -> None:
        """Nothing that the caller said from `start` to `end` is kept, also where it is written already; nor what comes
        until `end` where that is still ahead."""
        self._caller_muted_until = max(self._caller_muted_until, end)
        first, last = (max(0, round(t * MEDIA_RATE)) for t in (start, end))
        self._pending[max(0, first - self._start) : max(0, last - self._start), 0] = 0
        if self._wav is not None and first < self._start:
            try:
                self._wav.silence(first, min(last, self._start), 0)
            except OSError as error:
                self._fail(error)

    def stop(self, t: float) -> None:
        """The caller does not want to be recorded: what was kept of the caller's sound goes, in the file too; the bot's
        side ends at `t`, and nothing is recorded any more."""
        if self._over:
            return
        self.silence_caller(0.0, t)
        self.close(t)
        self._over = True

    def close(self, t: float) -> None:
        """Write the rest up to `t` and close the file."""
        if self._over:
            return
        self._write(max(0, round(t * MEDIA_RATE) - self._start))
        if self._wav is not None:
            wav, self._wav = self._wav, None
            try:
                wav.close()
            except OSError as error:
                self._fail(error)

    def _write(self, samples: int) -> None:
        if len(self._pending) < samples:
            missing = samples - len(self._pending)
            self._pending = np.vstack([self._pending, np.zeros((missing, 2), dtype=np.int16)])
        if self._wav is not None and not self.failed:
            try:
                self._wav.write(self._pending[:samples].tobytes())
            except OSError as error:
                self._fail(error)
        self._pending = self._pending[samples:]
        self._start += samples

    def _fail(self, error: OSError) -> None:
        """A full disk ends the recording, never the call."""
        self.failed = True
        logger.error("the recording stops here: %s", error.strerror)
