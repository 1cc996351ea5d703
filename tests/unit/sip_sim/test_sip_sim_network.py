"""Loss and jitter are what was asked for, and the same for the same seed."""

from sip_sim.network import NetworkSpec, Shaper


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
