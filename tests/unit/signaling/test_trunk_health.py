"""Health of trunks: which are dialled, when one is left out, when it comes back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.signaling.trunk_health import (
    LONGEST_REST_S,
    LONGEST_RETRY_S,
    REST_S,
    TrunkHealth,
    order,
    retry_pause_s,
)

GOOD = TrunkHealth(asked=True, allowed=2)
UNASKED = TrunkHealth(asked=False, allowed=2)


def test_misses_in_a_row_make_it_unhealthy_and_the_first_answer_healthy():
    once = GOOD.missed()
    assert once.healthy(0)
    assert once.answered().missed().healthy(0)
    twice = once.missed()
    assert not twice.healthy(0)
    assert not twice.missed().healthy(1e9)
    assert twice.missed().answered().healthy(0)


def test_a_call_without_an_answer_counts_as_all_the_misses():
    assert not GOOD.silent(5).healthy(5)
    assert not GOOD.silent(5).healthy(1e9)
    assert GOOD.silent(5).answered().healthy(5)


def test_without_options_time_heals():
    silent = UNASKED.silent(5)
    assert not silent.healthy(5 + REST_S - 0.1)
    assert silent.healthy(5 + REST_S)


def test_a_rest_that_was_asked_for_is_kept_through_answers():
    resting = GOOD.overloaded(10, 30).answered()
    assert not resting.healthy(39.9)
    assert resting.healthy(40)
    assert GOOD.overloaded(10, 1e9).healthy(10 + LONGEST_REST_S)


def test_without_its_registration_it_is_unhealthy():
    assert not GOOD.registration(False).healthy(0)
    assert not GOOD.registration(False).answered().healthy(0)
    assert GOOD.registration(False).registration(True).healthy(0)
    assert GOOD.missed().missed().registration(True).healthy(0), "a registrar that answers is there"


@pytest.mark.parametrize(
    ("healths", "wanted"),
    [
        ((GOOD, GOOD), (0, 1)),
        ((GOOD.silent(0), GOOD), (1,)),
        ((GOOD, GOOD.silent(0), GOOD), (0, 2)),
        ((GOOD.silent(0), GOOD.silent(0)), (0, 1)),
        ((GOOD.silent(0),), (0,)),
    ],
)
def test_the_healthy_ones_in_their_order_else_all(healths, wanted):
    assert order(healths, 1.0) == wanted


STEPS = st.lists(st.sampled_from(["missed", "answered", "silent", "overloaded", "lost", "registered"]))


@given(STEPS, st.booleans())
def test_whatever_happened_it_can_come_back(steps, asked):
    health = TrunkHealth(asked=asked, allowed=2)
    for now, step in enumerate(steps):
        health = {
            "missed": health.missed,
            "answered": health.answered,
            "silent": lambda h=health, t=now: h.silent(t),
            "overloaded": lambda h=health, t=now: h.overloaded(t, 10),
            "lost": lambda h=health: h.registration(False),
            "registered": lambda h=health: h.registration(True),
        }[step]()
        assert order([health], now) == (0,), "the only trunk is always dialled"
    assert health.registration(True).answered().healthy(len(steps) + LONGEST_REST_S)


def test_the_pause_grows_to_its_limit():
    pauses = [retry_pause_s(n) for n in range(1, 40)]
    assert pauses[:4] == [5, 10, 20, 40]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_RETRY_S
