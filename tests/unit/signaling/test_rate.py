"""Token buckets: whatever the clock and the sources do, no more than was promised, and nobody starves by others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.signaling.rate import ANSWERS_AT_ONCE, PROBATION_S, Asked, SourceRates, TokenBucket, Verdict

pauses = st.lists(st.floats(0, 5), min_size=1, max_size=120)


@given(pauses, st.floats(0.1, 50), st.integers(1, 40))
def test_never_more_than_the_burst_and_the_rate_in_any_time(waits: list[float], rate: float, burst: int) -> None:
    bucket, now, taken = TokenBucket.full(rate, burst, 0.0), 0.0, []
    for wait in waits:
        now += wait
        if bucket.take(now):
            taken.append(now)
    for i, first in enumerate(taken):
        for j in range(i, len(taken)):
            assert j - i + 1 <= burst + rate * (taken[j] - first) + 1e-6


@given(pauses, st.floats(0.1, 50), st.integers(1, 40))
def test_who_keeps_to_the_rate_is_never_refused(waits: list[float], rate: float, burst: int) -> None:
    bucket, now = TokenBucket.full(rate, burst, 0.0), 0.0
    for wait in waits:
        now += 1.001 / rate + wait
        assert bucket.take(now)


def test_a_clock_that_runs_backwards_gives_no_tokens() -> None:
    bucket = TokenBucket.full(1.0, 1.0, 100.0)
    assert bucket.take(100.0)
    assert not bucket.take(50.0)
    assert not bucket.take(100.5)
    assert bucket.take(101.1)


def test_a_burst_then_the_rate_then_refusals_then_silence() -> None:
    rates = SourceRates(10, 25, now=0.0)
    verdicts = [rates.take("carrier", 1.0) for _ in range(25 + int(ANSWERS_AT_ONCE) + 5)]
    assert verdicts[:25] == [Verdict.ADMIT] * 25
    assert verdicts[25:-5] == [Verdict.REFUSE] * int(ANSWERS_AT_ONCE)
    assert verdicts[-5:] == [Verdict.DROP] * 5
    assert rates.take("carrier", 1.1) is Verdict.ADMIT
    assert rates.take("carrier", 1.1) is Verdict.REFUSE


def test_no_limit_where_none_is_set() -> None:
    rates = SourceRates(0, 1, now=0.0)
    assert {rates.take("a", 0.0) for _ in range(10_000)} == {Verdict.ADMIT}
    assert rates.asked(0.0, 9) == {"a": Asked(10_000, 0, None)}


def test_who_asked_for_what_and_what_is_left() -> None:
    rates = SourceRates(2.0, 10, now=0.0)
    assert {rates.take("hasty", 1.0) for _ in range(10)} == {Verdict.ADMIT}
    assert rates.take("hasty", 1.0) is Verdict.REFUSE
    assert rates.no_room("hasty", 1.0) is Verdict.REFUSE
    assert rates.take("calm", 2.0) is Verdict.ADMIT
    assert rates.asked(2.5, 9) == {"calm": Asked(1, 0, 10.0), "hasty": Asked(9, 2, 3.0)}
    assert list(rates.asked(99.0, 1).items()) == [("calm", Asked(1, 0, 10.0))]


@given(st.lists(st.tuples(st.integers(0, 5000), st.floats(0, 0.2)), max_size=400), st.integers(1, 50))
def test_memory_is_bounded_whoever_comes(arrivals: list[tuple[int, float]], most: int) -> None:
    rates, now = SourceRates(5, 5, now=0.0, most=most), 0.0
    for source, wait in arrivals:
        now += wait
        rates.take(source, now)
        assert len(rates) <= most


@pytest.mark.parametrize("many", [1, 50, 10**9])
def test_a_flood_by_others_does_not_touch_who_was_there_before(many: int) -> None:
    rates = SourceRates(10, 10, now=0.0)
    assert rates.take("carrier", 0.0) is Verdict.ADMIT
    admitted = 0
    for tick in range(300):  # half a minute: 500 requests of `many` strangers a second, two of the carrier's
        now = PROBATION_S + 1 + tick / 10
        for i in range(50):
            admitted += rates.take(f"stranger {(50 * tick + i) % many}", now) is Verdict.ADMIT
        if tick % 5 == 0:
            assert rates.take("carrier", now) is Verdict.ADMIT
    assert 300 <= admitted <= 10 + 10 * 30 + 1


def test_after_the_flood_everybody_has_an_allowance_of_its_own_again() -> None:
    rates = SourceRates(1, 2, now=0.0)
    for source in "abc":
        for _ in range(5):
            rates.take(source, 0.0)
    assert [rates.take(source, 5.0) for source in "abc"] == [Verdict.ADMIT, Verdict.ADMIT, Verdict.REFUSE]
    assert [rates.take(source, 16.0) for source in "abcabc"] == [Verdict.ADMIT] * 6


def test_what_is_remembered_longest_unused_is_forgotten() -> None:
    rates = SourceRates(100, 100, now=0.0, most=2)
    for source in ("a", "b", "a", "c"):
        rates.take(source, 0.0)
    assert ("a" in rates, "b" in rates, "c" in rates) == (True, False, True)
