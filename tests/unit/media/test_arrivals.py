"""Received sound on the line's time: what is missing is silence, what is late after all costs no time for good."""

from itertools import pairwise

import numpy as np
import pytest

from voicebot.media.arrivals import LATE_S, Arrivals
from voicebot.model.audio import FRAME_S, MEDIA_RATE

SPEECH = (np.sin(np.arange(160) * 0.3) * 8000).astype(np.int16).tobytes()
QUIET = bytes(320)


def play(packets, *, stall=(10.0, 0.0)):
    """A frame each 20 ms from `packets`; those of the stall (from, seconds) come at once after it. The frames and how
    far the time line ended ahead of the line's."""
    arrivals, frames, waiting, t = Arrivals(), [], b"", 0.0
    for number, packet in enumerate(packets):
        t = (number + 1) * FRAME_S
        waiting += packet
        if not stall[0] <= t < stall[0] + stall[1]:
            frame, waiting = arrivals.frame(waiting, t, t), b""
        else:
            frame = arrivals.frame(b"", t, t)
        if frame is not None:
            frames.append(frame)
    return frames, frames[-1].t_end - t


def test_sound_in_time_is_left_alone():
    frames, ahead = play([SPEECH] * 100)
    assert b"".join(f.pcm16 for f in frames) == SPEECH * 100
    assert ahead == pytest.approx(0)


def test_where_nothing_comes_there_is_silence():
    frames, ahead = play([SPEECH] * 10 + [b""] * 90)
    assert -LATE_S - FRAME_S < ahead <= 0
    assert not any(b"".join(f.pcm16 for f in frames)[3200:])


def test_after_a_stall_every_word_is_there_and_the_time_is_right_again_at_the_next_quiet():
    packets = [SPEECH] * 100 + [QUIET] * 50 + [SPEECH] * 20
    frames, ahead = play(packets, stall=(1.0, 0.5))
    heard = np.frombuffer(b"".join(f.pcm16 for f in frames), dtype=np.int16)
    said = np.frombuffer(SPEECH * 120, dtype=np.int16)
    assert np.count_nonzero(heard) == np.count_nonzero(said)
    assert ahead == pytest.approx(0, abs=FRAME_S)
    assert all(b.t == pytest.approx(a.t_end) for a, b in pairwise(frames))


def test_while_somebody_speaks_nothing_is_left_out():
    frames, ahead = play([SPEECH] * 100, stall=(1.0, 0.5))
    assert ahead == pytest.approx(LATE_S, abs=FRAME_S)
    assert sum(f.samples for f in frames) - 100 * 160 == pytest.approx(ahead * MEDIA_RATE)


def test_the_quiet_inside_a_word_is_not_left_out():
    _, ahead = play(([SPEECH] * 5 + [QUIET] * 5) * 10, stall=(1.0, 0.5))
    assert ahead == pytest.approx(LATE_S, abs=FRAME_S)


def test_a_burst_while_the_process_itself_was_late_is_no_surplus():
    arrivals = Arrivals()
    arrivals.frame(b"", 0.5, 0.5)  # silence stood in once
    late = arrivals.frame(QUIET * 25, 0.52, 1.0)  # half a second of quiet that is due by the true time
    assert late is not None
    assert late.duration == pytest.approx(0.5)
