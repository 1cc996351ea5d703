"""The queues between the event loop and pyVoIP's RTP threads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.signaling.pyvoip_sound import FRAME_BYTES, ReceiveQueue, SendQueue, mos


class Clock:
    """A clock that moves when someone sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.oversleep = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.oversleep


def queue() -> tuple[SendQueue, Clock]:
    clock = Clock()
    return SendQueue(clock, clock.sleep), clock


def frame(number: int) -> bytes:
    return number.to_bytes(2, "little") * 160


def test_what_is_queued_is_known_and_thrown_away_by_clear() -> None:
    line, _ = queue()
    assert line.put(bytes(1601)) == 1600
    assert line.queued_s == pytest.approx(0.1)
    line.frame()
    assert line.queued_s == pytest.approx(0.08)
    line.clear()
    assert line.queued_s == 0
    assert line.frame() == bytes(FRAME_BYTES)
    assert line.sent == 2


def test_the_last_piece_is_filled_up_with_silence() -> None:
    line, _ = queue()
    line.put(b"\1\2" * 10)
    assert line.frame() == b"\1\2" * 10 + bytes(300)


def test_oversleeping_does_not_add_up() -> None:
    line, clock = queue()
    clock.oversleep = 0.003
    line.frame()
    began = clock.now
    for _ in range(500):
        line.frame()
    assert clock.now - began == pytest.approx(10.0, abs=0.005)


def test_after_a_long_stop_there_is_no_burst() -> None:
    line, clock = queue()
    line.frame()
    clock.now += 5
    line.frame()
    then = clock.now
    line.frame()
    assert clock.now - then == pytest.approx(0.02)


def put(line: ReceiveQueue, *sequences: int, ssrc: int = 1) -> None:
    for sequence in sequences:
        line.put(sequence & 0xFFFF, sequence * 160, ssrc, frame(sequence & 0xFFFF), sequence * 0.02)


def got(line: ReceiveQueue) -> list[int]:
    sound = line.take(10**6)
    return [int.from_bytes(sound[i : i + 2], "little") for i in range(0, len(sound), FRAME_BYTES)]


def test_what_is_in_order_is_there_at_once_over_the_wrap_too() -> None:
    line = ReceiveQueue()
    put(line, 65534, 65535, 65536, 65537)
    assert got(line) == [65534, 65535, 0, 1]
    assert got(line) == []
    assert line.lost == 0


def test_packets_that_overtook_others_are_put_right_and_copies_dropped() -> None:
    line = ReceiveQueue(hold=2)
    put(line, 1, 3, 4)
    assert got(line) == [1]
    put(line, 2, 2, 1, 5)
    assert got(line) == [2, 3, 4, 5]
    assert line.lost == 0


def test_a_lost_packet_is_silence_of_its_length() -> None:
    line = ReceiveQueue(hold=2)
    put(line, 1, 3, 4, 5)
    assert got(line) == [1, 0, 3, 4, 5]
    assert line.lost == 1


@pytest.mark.parametrize("first", [1000, 30000, 65000])
def test_another_stream_begins_anew(first: int) -> None:
    line = ReceiveQueue()
    put(line, 10, 11)
    put(line, first, first + 1, ssrc=2)
    put(line, 500, 501, ssrc=2)
    assert got(line) == [10, 11, first, first + 1, 500, 501]
    assert line.lost == 0


def test_sound_that_nobody_reads_does_not_grow_without_bound() -> None:
    line = ReceiveQueue()
    put(line, *range(1000))
    assert len(line.take(10**7)) == 5 * 16000


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 3), st.integers(0, 400)), max_size=200))
def test_no_packets_in_any_order_break_it(packets: list[tuple[int, int, int]]) -> None:
    line = ReceiveQueue()
    for sequence, ssrc, size in packets:
        line.put(sequence, sequence * 7, ssrc, bytes(size * 2), sequence / 50)
        assert len(line._held) <= 3
    assert len(line.take(10**7)) % 2 == 0


def test_jitter_of_a_steady_stream_is_none() -> None:
    line = ReceiveQueue()
    put(line, *range(100))
    assert line.jitter_s == pytest.approx(0)
    for number in range(100, 200):
        line.put(number, number * 160, 1, frame(number), number * 0.02 + (number % 2) * 0.01)
    assert line.jitter_s == pytest.approx(0.01, rel=0.1)


def test_the_estimate_falls_with_loss() -> None:
    """4.41 without loss (G.107 with default values); G.711 without concealment is bad at 5 %."""
    assert mos(0) == pytest.approx(4.41, abs=0.01)
    assert mos(0.01) > mos(0.05) > mos(0.5) >= 1
    assert mos(0.05) < 2.5
