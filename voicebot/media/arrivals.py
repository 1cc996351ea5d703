"""Received sound on the line's time: silence where nothing came, and where it came late after all, as much of the next
quiet left out. Without that, one stall of the network would leave the caller's time ahead of the line's for the rest of
the call, and every decision that compares both late by it. Pure; times in seconds from the answer."""

from __future__ import annotations

import numpy as np

from voicebot.model.audio import MEDIA_RATE, AudioFrame

#: Received sound may be late by so much before silence is put in its place.
LATE_S = 0.3
#: Under this level of its loudest sample nobody speaks: so much may be left out unheard.
QUIET_DBFS = -45.0
#: Quiet that lasts longer lies between words, not inside one.
PAUSE_S = 0.15


class Arrivals:
    """One call's received sound, at MEDIA_RATE, 16 bits."""

    def __init__(self) -> None:
        self._samples = 0  # on the time line so far
        self._quiet_s = 0.0  # how long it has been quiet, while late sound may come
        self._stood_in = 0  # of them silence for what did not come, and may come yet

    def frame(self, pcm16: bytes, t: float, now: float) -> AudioFrame | None:
        """What was received since the last tick, as the next frame; None where there is none. `t`: the line's time,
        which after a stall of the process lags; `now`: the true one."""
        count = len(pcm16) // 2
        behind = t - (self._samples + count) / MEDIA_RATE
        if behind > LATE_S:
            missing = int(behind * MEDIA_RATE)
            self._stood_in += missing
            self._quiet_s = 0.0
            pcm16 = bytes(2 * missing) + pcm16
        elif self._stood_in and pcm16:
            self._quiet_s = self._quiet_s + count / MEDIA_RATE if _quiet(pcm16) else 0.0
            ahead = self._samples + count - round(max(t, now) * MEDIA_RATE)
            surplus = min(self._stood_in, ahead, count)
            if surplus > 0 and self._quiet_s > PAUSE_S:
                self._stood_in -= surplus
                pcm16 = pcm16[2 * surplus :]
        if not pcm16:
            return None
        frame = AudioFrame(pcm16, MEDIA_RATE, self._samples / MEDIA_RATE)
        self._samples += frame.samples
        return frame


def _quiet(pcm16: bytes) -> bool:
    samples = np.frombuffer(pcm16, dtype=np.int16).astype(np.int32)
    return int(np.abs(samples).max()) < 32768 * 10 ** (QUIET_DBFS / 20)
