"""Never more calls than free lines minus the reserve, and no cap is passed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.pacing import Caps, InUse, room
from voicebot.errors import CampaignError


def test_free_lines_minus_the_reserve():
    assert room(Caps(8, 2), InUse(1, {"a": 2}), {"a"}).together == 3


def test_an_inbound_call_takes_a_line_of_the_campaigns():
    assert room(Caps(4, 1), InUse(3), {"a"}).together == 0
    assert room(Caps(4, 1), InUse(2), {"a"}).together == 1


def test_caps_across_campaigns():
    caps = Caps(20, 1, together=5, each=3, own={"small": 1})
    found = room(caps, InUse(0, {"small": 1, "big": 1}), {"small", "big", "new"})
    assert found.together == 3
    assert dict(found.each) == {"small": 0, "big": 2, "new": 3}


def test_what_no_campaign_may_take_is_an_error():
    with pytest.raises(CampaignError, match="none of the 2 line"):
        Caps(2, 2)


counts = st.integers(0, 12)
names = st.sampled_from(["a", "b", "c"])


@given(
    st.integers(1, 20),
    st.data(),
    counts,
    st.dictionaries(names, counts),
    st.none() | counts,
    st.none() | counts,
    st.dictionaries(names, counts),
)
def test_nothing_is_ever_passed(lines, data, others, used, together, each, own):
    reserve = data.draw(st.integers(0, lines - 1))
    found = room(Caps(lines, reserve, together, each, own), InUse(others, used), {"a", "b"})
    dialled = sum(used.values())
    assert found.together == 0 or others + dialled + found.together <= lines - reserve
    assert together is None or found.together == 0 or dialled + found.together <= together
    assert set(found.each) == {"a", "b"}
    for name, n in found.each.items():
        cap = own.get(name, each)
        assert 0 <= n <= found.together
        assert cap is None or n == 0 or used.get(name, 0) + n <= cap
