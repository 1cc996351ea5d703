"""The breaker opens after N failures in a row, lets one probe through, and closes when it worked."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.breaker import Breaker, BreakerState

NEW = Breaker(failures=3, pause_s=60, longest_s=200)


def opened(now: float = 0.0) -> Breaker:
    return NEW.failed(now).failed(now).failed(now)


def test_it_opens_after_so_many_in_a_row():
    assert NEW.failed(0).failed(0).state(0) is BreakerState.CLOSED
    assert NEW.failed(0).failed(0).worked().failed(0).failed(0).allows(0) is None
    assert opened().state(0) is BreakerState.OPEN
    assert opened().allows(59.9) == 0


def test_one_probe_goes_and_decides():
    probing = opened().started(60)
    assert opened().allows(60) == 1
    assert probing.allows(61) == 0
    assert probing.worked().allows(61) is None
    again = probing.failed(61)
    assert again.allows(180.9) == 0
    assert again.allows(181) == 1


def test_a_probe_that_says_nothing_lets_the_next_one_go():
    assert opened().started(60).given_up().allows(60) == 1


def test_the_pause_grows_and_has_an_end():
    breaker, now = opened(), 0.0
    pauses = []
    for _ in range(5):
        pauses.append(breaker.until() - now)
        now = breaker.until()
        breaker = breaker.started(now).failed(now)
    assert pauses == [60, 120, 200, 200, 200]


def test_calls_that_were_under_way_do_not_open_it_again():
    assert opened(10).failed(20) == opened(10)


@given(st.lists(st.tuples(st.sampled_from(["failed", "worked", "started", "given_up"]), st.floats(0, 100))))
def test_it_is_closed_or_lets_at_most_one_through(events):
    breaker, now = NEW, 0.0
    row = 0
    for event, later in events:
        now += later
        was_open = breaker.opened_at is not None
        breaker = getattr(breaker, event)(*((now,) if event in ("failed", "started") else ()))
        row = 0 if event == "worked" else row + (event == "failed" and not was_open)
        assert (breaker.opened_at is not None) == (row >= 3)
        allowed = breaker.allows(now)
        assert allowed is None if breaker.opened_at is None else allowed in (0, 1)
        assert not (breaker.probing and allowed)
