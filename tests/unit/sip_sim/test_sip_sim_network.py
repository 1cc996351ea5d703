"""Loss and jitter are what was asked for, and the same for the same seed."""

from itertools import pairwise

import pytest

from sip_sim.network import NetworkSpec, OneWaySpec, Shaper


def _journey(spec: NetworkSpec, seed: int, count: int = 2000) -> tuple[list[bytes], Shaper]:
    shaper, arrived = Shaper(spec, seed), []
    for index in range(count):
        now = index * 0.02
        arrived += shaper.due(now)
        shaper.push(now, index.to_bytes(4, "big"))
    return arrived + shaper.due(count * 0.02 + 1), shaper


def test_a_good_network_changes_nothing() -> None:
    arrived, shaper = _journey(NetworkSpec(), 1)
    assert arrived == [i.to_bytes(4, "big") for i in range(2000)]
    assert (shaper.lost, shaper.passed) == (0, 2000)


def test_loss_is_near_its_share_and_repeats_with_the_seed() -> None:
    first, shaper = _journey(NetworkSpec(loss=0.05), 7)
    assert 60 <= shaper.lost <= 140
    assert _journey(NetworkSpec(loss=0.05), 7)[0] == first
    assert _journey(NetworkSpec(loss=0.05), 8)[0] != first


def test_jitter_delays_and_reorders_but_loses_nothing() -> None:
    arrived, shaper = _journey(NetworkSpec(jitter_ms=60), 3)
    assert shaper.lost == 0
    assert sorted(arrived) == [i.to_bytes(4, "big") for i in range(2000)]
    assert arrived != sorted(arrived)


def test_no_packet_comes_before_its_time() -> None:
    shaper = Shaper(NetworkSpec(jitter_ms=40), 1)
    shaper.push(1.0, b"x")
    due = shaper.next_due()
    assert due is not None
    assert 1.0 <= due <= 1.04
    assert shaper.due(due - 1e-6) == []
    assert shaper.due(due) == [b"x"]
    assert shaper.next_due() is None


def _lost(arrived: list[bytes], count: int = 2000) -> list[int]:
    came = {int.from_bytes(packet, "big") for packet in arrived}
    return [index for index in range(count) if index not in came]


def _runs(lost: list[int]) -> list[int]:
    """Lengths of the stretches lost in a row."""
    lengths: list[int] = []
    before = -2
    for index in lost:
        if index == before + 1:
            lengths[-1] += 1
        else:
            lengths.append(1)
        before = index
    return lengths


def test_bursts_lose_the_asked_share_in_runs_of_the_asked_length() -> None:
    arrived, shaper = _journey(NetworkSpec(loss=0.05, burst=4), 7, 20_000)
    runs = _runs(_lost(arrived, 20_000))
    assert 0.04 <= shaper.lost / 20_000 <= 0.06
    assert 3.4 <= sum(runs) / len(runs) <= 4.6


def test_a_seed_always_loses_the_same_packets() -> None:
    arrived, shaper = _journey(NetworkSpec(loss=0.1, burst=3), 42, 100)
    assert shaper.lost == len(_lost(arrived, 100))
    assert _lost(arrived, 100) == [1, 9, 12, 19, 20, 21, 22, 67]
    assert _lost(_journey(NetworkSpec(loss=0.1), 42, 40)[0], 40) == [1, 7, 9, 12, 19, 26, 27]


def test_all_is_lost_where_all_is_to_be_lost() -> None:
    assert _journey(NetworkSpec(loss=1.0, burst=5), 1, 50)[0] == []


def test_reordering_puts_single_packets_after_their_successors() -> None:
    arrived, shaper = _journey(NetworkSpec(reorder=0.1), 3)
    numbers = [int.from_bytes(packet, "big") for packet in arrived]
    late = sum(later < earlier for earlier, later in pairwise(numbers))
    assert sorted(numbers) == list(range(2000))
    assert 150 <= shaper.reordered <= 250
    assert 0.8 * shaper.reordered <= late <= shaper.reordered
    assert max(abs(place - number) for place, number in enumerate(numbers)) <= 4


def test_duplicates_come_twice_and_nothing_is_lost() -> None:
    arrived, shaper = _journey(NetworkSpec(duplicate=0.2), 5)
    assert len(arrived) == 2000 + shaper.doubled
    assert 340 <= shaper.doubled <= 460
    assert len(set(arrived)) == 2000


def test_a_fixed_delay_is_exact() -> None:
    shaper = Shaper(NetworkSpec(delay_ms=300), 1)
    shaper.push(10.0, b"x")
    assert shaper.next_due() == pytest.approx(10.3)
    assert shaper.due(10.29) == []
    assert shaper.due(10.31) == [b"x"]


def test_one_way_audio_loses_one_side_for_the_time_asked() -> None:
    spec = NetworkSpec(one_way=OneWaySpec("bot", 1.0, 2.0))
    assert spec.silences("caller") is None
    shaper = Shaper(spec, 1, spec.silences("bot"))
    arrived = []
    for index in range(150):
        shaper.push(5 + index * 0.02, index.to_bytes(4, "big"))
        arrived += shaper.due(5 + index * 0.02)
    assert _lost(arrived, 150) == list(range(50, 100))
