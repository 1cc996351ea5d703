"""Jitter, arrivals and losses of packet traces whose truth is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from voicebot.demo.bench_packets import Packet, gaps, jitter, missing, packet_figures, read_packets


def stream(count: int = 100, first: int = 0, ssrc: int = 7) -> list[Packet]:
    """A packet each 20 ms, on time."""
    return [Packet(0.02 * i, (first + i) & 0xFFFF, (160 * i) & 0xFFFFFFFF, ssrc) for i in range(count)]


def test_packets_on_time_have_no_jitter() -> None:
    got = packet_figures(stream())
    assert got.jitter_ms == pytest.approx(0.0, abs=1e-9)
    assert got.between_ms == pytest.approx([20.0] * 99)
    assert (got.received, got.lost) == (100, 0)


def test_jitter_is_that_of_rfc_3550() -> None:
    # every other packet 4 ms late: |D| = 4 ms each time, and J rises to it as 1 - (15/16)^n
    late = [replace(p, t=p.t + 0.004 * (i % 2)) for i, p in enumerate(stream())]
    estimates = jitter(late)
    for n in (1, 16, 99):
        assert estimates[n - 1] == pytest.approx(0.004 * (1 - (15 / 16) ** n))


def test_a_pause_with_a_later_timestamp_is_no_jitter_and_no_arrival() -> None:
    spoken = stream(10)
    after = [replace(p, t=p.t + 5.0, sequence=10 + i, timestamp=p.timestamp + 40000) for i, p in enumerate(stream(10))]
    assert max(jitter(spoken + after)) == pytest.approx(0.0, abs=1e-9)
    assert len(gaps(spoken + after)) == 18


def test_losses_are_counted_over_the_wrap_and_out_of_order() -> None:
    whole = stream(100, first=65500)
    kept = [p for i, p in enumerate(whole) if i not in {20, 36, 70}]
    kept[40], kept[41] = kept[41], kept[40]
    assert missing(kept) == 3
    assert missing([]) == 0


def test_a_doubled_packet_is_no_loss() -> None:
    whole = stream(10)
    assert missing([*whole[:5], whole[4], *whole[5:]]) == 0


def test_streams_are_counted_each_for_itself() -> None:
    got = packet_figures([*stream(50), *stream(50, first=30000, ssrc=8)])
    assert (got.received, got.lost) == (100, 0)
    assert got.jitter_ms == pytest.approx(0.0, abs=1e-9)


def test_keys_are_no_measure_of_time() -> None:
    key = [replace(p, payload_type=101, timestamp=0) for p in stream(10)]
    assert packet_figures(key).jitter_ms is None
    assert packet_figures(key).received == 10


def test_a_trace_is_read(tmp_path: Path) -> None:
    path = tmp_path / "x.packets.csv"
    path.write_text("t,sequence,timestamp,ssrc,payload_type,size\n0.020000,1,160,9,8,172\n")
    assert read_packets(path) == [Packet(0.02, 1, 160, 9, 8)]
    assert read_packets(tmp_path / "none.csv") == []
