"""The draw of document V: its size, its evenness, and that it can be made again."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from fractions import Fraction
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.sampling import Lots, allocate, sample_size

RATIOS = st.sampled_from(["0.1", "0.05", "0.3", "0.07", "1", "0.001", "0.333"])


def drawn(ids, ratio=0.1, seed=7, strata=lambda _: ""):
    lots = Lots[str](seed)
    for account_id in ids:
        lots.add(account_id, account_id, strata(account_id))
    return lots.draw(ratio)


@given(RATIOS, st.integers(0, 10_000))
def test_the_size_is_exact(ratio, population):
    assert sample_size(float(ratio), population) == ceil(Fraction(ratio) * population)


def test_the_size_does_not_suffer_from_floats():
    assert sample_size(0.1, 30) == 3  # 0.1 * 30 is 3.0000000000000004
    assert sample_size(0.07, 100) == 7


@given(RATIOS, st.dictionaries(st.text(max_size=3), st.integers(0, 400), max_size=8))
def test_strata_get_their_share_and_together_the_whole(ratio, sizes):
    share = allocate(sizes, float(ratio))
    assert sum(share.values()) == sample_size(float(ratio), sum(sizes.values()))
    for name, size in sizes.items():
        exact = Fraction(ratio) * size
        assert int(exact) <= share[name] <= min(size, int(exact) + 1)


def test_the_same_seed_and_list_draw_the_same_in_any_order():
    ids = [f"A-{n}" for n in range(500)]
    mixed = random.Random(1).sample(ids, len(ids))
    assert drawn(ids) == drawn(mixed)
    assert drawn(ids)[1] != drawn(ids, seed=8)[1]
    assert drawn(ids)[0].list_sha == hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
    assert drawn(ids[1:])[0].list_sha != drawn(ids)[0].list_sha


def test_nobody_is_drawn_twice_and_everybody_may_be():
    ids = [f"A-{n}" for n in range(40)]
    counts = Counter(account for seed in range(2000) for account in drawn(ids, seed=seed)[1])
    assert all(len(set(drawn(ids, seed=seed)[1])) == 4 for seed in range(20))
    # Each is drawn 200 times of 2,000 on average, standard deviation 13.4: five of them is one in two millions.
    assert set(counts) == set(ids)
    assert all(133 <= count <= 267 for count in counts.values())


def test_an_empty_list_and_one_account():
    assert drawn([])[0].drawn == 0
    assert drawn(["A-1"], ratio=0.001)[1] == ["A-1"]


def test_strata_are_stored_with_their_sizes():
    draw, accounts = drawn([f"A-{n}" for n in range(100)], strata=lambda a: "low" if int(a[2:]) < 70 else "high")
    assert draw.strata == {"low": (70, 7), "high": (30, 3)}
    assert sum(int(a[2:]) < 70 for a in accounts) == 7


@pytest.mark.parametrize("seed", [0, 2**48 - 1])
def test_any_seed(seed):
    assert len(drawn(["A", "B"], ratio=1, seed=seed)[1]) == 2
