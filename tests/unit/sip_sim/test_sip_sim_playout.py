"""The jitter buffer keeps an exact timeline."""

import numpy as np

from sip_sim.g711 import FRAME
from sip_sim.playout import PlayoutBuffer


def _frame(value: int) -> np.ndarray:
    return np.full(FRAME, value, dtype=np.int16)


def _pull(buffer: PlayoutBuffer, count: int) -> list[int]:
    return [int(buffer.pull()[0]) for _ in range(count)]


def test_silence_before_anything_comes() -> None:
    assert _pull(PlayoutBuffer(), 3) == [0, 0, 0]


def test_frames_come_out_in_order_after_the_depth() -> None:
    buffer = PlayoutBuffer(depth=2 * FRAME)
    for index in range(4):
        buffer.put(1, 1000 + index * FRAME, _frame(index + 1))
    assert _pull(buffer, 6) == [0, 0, 1, 2, 3, 4]


def test_reordered_packets_are_put_right_and_a_lost_one_leaves_silence() -> None:
    buffer = PlayoutBuffer(depth=2 * FRAME)
    for index in (1, 0, 3):
        buffer.put(1, 5000 + index * FRAME, _frame(index + 1))
    assert _pull(buffer, 6) == [0, 1, 2, 0, 4, 0]
    assert buffer.missing == 1


def test_a_late_packet_pushes_the_timeline_back_instead_of_being_lost() -> None:
    buffer = PlayoutBuffer(depth=FRAME)
    buffer.put(1, 0, _frame(1))
    assert _pull(buffer, 4) == [0, 1, 0, 0]
    buffer.put(1, FRAME, _frame(2))
    assert buffer.late == 1
    assert buffer.lag_s == 0.04
    assert _pull(buffer, 1) == [2]


def test_the_timestamp_wraps_round() -> None:
    buffer = PlayoutBuffer(depth=FRAME)
    start = 2**32 - 2 * FRAME
    for index in range(4):
        buffer.put(1, (start + index * FRAME) % 2**32, _frame(index + 1))
    assert _pull(buffer, 5) == [0, 1, 2, 3, 4]


def test_a_new_source_starts_anew() -> None:
    buffer = PlayoutBuffer(depth=FRAME)
    buffer.put(1, 0, _frame(1))
    buffer.put(2, 999_999, _frame(7))
    assert _pull(buffer, 2) == [0, 7]


def test_delay_shrinks_again_in_silence() -> None:
    buffer = PlayoutBuffer(depth=FRAME)
    buffer.put(1, 0, _frame(1))
    _pull(buffer, 8)
    for index in range(1, 40):  # seven frames late from here on
        buffer.put(1, index * FRAME, _frame(0))
        _pull(buffer, 1)
    for index in range(40, 45):
        buffer.put(1, index * FRAME, _frame(5))
    pulled = _pull(buffer, 8)
    assert pulled.index(5) <= 2


def test_a_sender_that_lost_time_for_good_is_heard_again() -> None:
    """The sender stood still for 0.7 s and goes on where it was: longer than the delay grows."""
    buffer = PlayoutBuffer(depth=2 * FRAME)
    for index in range(10):
        buffer.put(1, index * FRAME, _frame(1))
        _pull(buffer, 1)
    _pull(buffer, 35)
    heard = []
    for index in range(10, 60):
        buffer.put(1, index * FRAME, _frame(2))
        heard += _pull(buffer, 1)
    assert heard.count(2) >= 38
    assert heard[-30:] == [2] * 30


def test_nothing_is_lost_while_the_phones_own_clock_stands_still() -> None:
    buffer = PlayoutBuffer(depth=FRAME)
    for index in range(10):
        buffer.put(1, index * FRAME, _frame(index + 1))
    assert _pull(buffer, 5) == [0, 1, 2, 3, 4]
    for index in range(10, 110):  # two seconds come at once
        buffer.put(1, index * FRAME, _frame(index + 1))
    assert _pull(buffer, 106) == list(range(5, 111))
    assert buffer.missing == 0


def test_the_timeline_goes_on_after_a_hole_in_the_sound() -> None:
    buffer = PlayoutBuffer(depth=FRAME)
    buffer.put(1, 0, _frame(1))
    assert _pull(buffer, 200)[:3] == [0, 1, 0]
    buffer.put(1, 205 * FRAME, _frame(2))
    assert _pull(buffer, 8) == [0, 0, 0, 0, 0, 0, 2, 0]


def test_a_jump_of_the_timestamps_starts_anew() -> None:
    buffer = PlayoutBuffer(depth=FRAME)
    buffer.put(1, 0, _frame(1))
    _pull(buffer, 3)
    buffer.put(1, 5_000_000, _frame(2))
    assert _pull(buffer, 2) == [0, 2]
