"""Document R: features, the recogniser on made-up numbers, the applicant's risk."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest

from voicebot.errors import ScoringError
from voicebot.scoring.collection_numbers import NAMES, NumberCall, Place, distance_m, features, near, neighbours_of
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.pre_loan import PreLoanFacts, pre_loan, recency
from voicebot.scoring.recogniser import Sample, recognise

DEFAULT = ScoringSettings()
USED = DEFAULT.numbers.model_copy(update={"trees": 30})
DAY = datetime(2026, 11, 2, 9, tzinfo=UTC)


def call(
    minutes: int, other: str = "a", *, seconds: float = 30.0, answered: bool = True, out: bool = True
) -> NumberCall:
    return NumberCall(other, out, answered, DAY + timedelta(minutes=minutes), seconds, "cell-1")


def test_features_of_a_number() -> None:
    calls = [
        call(0),
        call(10, "b", seconds=10),
        call(20, "c", answered=False, seconds=0),
        call(30, "a", seconds=50, out=False),
        call(24 * 60, "d"),
    ]
    found = features(calls, frozenset({"cell-1"}), 3, DEFAULT.numbers)
    assert found is not None
    assert found.calls_per_day == 2.5
    assert found.others_per_day == 2
    assert found.new_other_share == 0.8
    assert found.outgoing_share == 0.8
    assert found.mean_duration_s == 30
    assert found.sd_duration_s == pytest.approx(math.sqrt(200))
    assert found.short_share == 0.25
    assert found.unanswered_share == 0.2
    assert found.hour_entropy == 0  # all at nine
    assert found.gap_cv == 0  # like a clock
    assert (found.cells, found.near_cells, found.neighbours, found.age_d) == (1, 1, 3, 1)
    assert len(found.row()) == len(NAMES)


def test_the_order_of_calls_does_not_matter_and_too_few_are_not_judged() -> None:
    calls = [call(7 * i * i, str(i % 3)) for i in range(8)]
    shuffled = random.Random(3).sample(calls, len(calls))
    assert features(calls, frozenset(), 0, USED) == features(shuffled, frozenset(), 0, USED)
    assert features(calls[:4], frozenset(), 0, USED) is None


def test_distance_and_nearness() -> None:
    assert distance_m(Place(0, 0), Place(0, 1)) == pytest.approx(111_195, abs=5)
    assert distance_m(Place(31.2, 121.5), Place(31.2, 121.5)) == 0
    cells = {"in": Place(31.2, 121.5), "out": Place(31.21, 121.5), "wide": Place(31.21, 121.5, 2000)}
    assert near(cells, [Place(31.2, 121.503)], DEFAULT.numbers) == {"in", "wide"}


def test_neighbours_share_a_prefix() -> None:
    assert neighbours_of(["02155550001", "02155550002", "13900000000"], DEFAULT.numbers) == {
        "02155550001": 1,
        "02155550002": 1,
        "13900000000": 0,
    }


def behaviour(rnd: random.Random, collection: bool) -> list[NumberCall]:
    """A call centre rings many people shortly; a person rings few for longer. Some of each look like the other."""
    odd = rnd.random() < 0.1
    centre = collection != odd
    calls = []
    for i in range(rnd.randint(20, 40)):
        at = DAY + timedelta(days=i % 5, minutes=rnd.randint(0, 600))
        other = f"o{rnd.randint(0, 200 if centre else 6)}"
        seconds = rnd.expovariate(1 / (20 if centre else 150))
        calls.append(NumberCall(other, rnd.random() < (0.95 if centre else 0.5), rnd.random() < 0.6, at, seconds))
    return calls


def samples(count: int = 90) -> list[Sample]:
    rnd = random.Random(5)
    found = []
    for i in range(count):
        collection = i % 2 == 0
        made = features(behaviour(rnd, collection), frozenset(), 0, USED)
        assert made is not None
        group = f"company {i % 9}" if collection else f"person {i}"
        found.append(Sample(f"{i:011}", made, collection, group))
    return found


def test_the_recogniser_tells_collection_numbers_of_companies_it_never_saw() -> None:
    known = samples()
    unknown = {sample.number: sample.features for sample in samples(100)[90:]}
    found = recognise(known, unknown, USED)
    assert found.figures["auc"] > 0.8
    assert found.figures["library_precision"] > 0.8
    assert set(found.p) == {sample.number for sample in known} | set(unknown)
    assert all(0 <= p <= 1 for p in found.p.values())
    assert sum(found.importance.values()) == pytest.approx(1)
    again = recognise(known, unknown, USED)
    assert again == found  # the seed is a setting
    assert recognise(known[:-1], unknown, USED).model != found.model


def test_the_recogniser_says_what_it_lacks() -> None:
    with pytest.raises(ScoringError, match="collection numbers of 2 companies"):
        recognise([s for s in samples() if s.group in ("company 0", "company 2") or not s.is_collection], {}, USED)
    with pytest.raises(ScoringError, match="of 0 companies"):
        recognise([], {}, USED)


@pytest.mark.parametrize(
    ("facts", "risk", "band"),
    [
        (PreLoanFacts(), 0.0, "pass"),
        (PreLoanFacts(1, 1, 0, 0.5), 100 * (1 - math.exp(-0.35)), "pass"),
        (PreLoanFacts(2, 5, 0, 0.5), 100 * (1 - math.exp(-0.85)), "manual"),
        (PreLoanFacts(3, 10, 0.5, 1.0, 2), 100 * (1 - math.exp(-2.8)), "high"),
    ],
)
def test_pre_loan_without_labels(facts: PreLoanFacts, risk: float, band: str) -> None:
    result = pre_loan(facts, DEFAULT.pre_loan)
    assert result.number("risk") == pytest.approx(risk)
    assert (result.values["band"], result.values["unfitted"]) == (band, True)
    assert 1 <= len(result.reasons) <= 3


def test_pre_loan_with_fitted_coefficients() -> None:
    fitted = DEFAULT.pre_loan.model_copy(update={"intercept": -3.0, "coefficients": (1.0, 0.2, -0.5, 2.0, 0.3)})
    result = pre_loan(PreLoanFacts(2, 5, 0.4, 0.5, 1), fitted)
    z = -3 + 2 + 1 - 0.2 + 1 + 0.3
    assert result.number("risk") == pytest.approx(100 / (1 + math.exp(-z)))
    assert result.values["unfitted"] is False
    assert result.reasons[0].startswith("distinct collection numbers: 2")


def test_recency_and_what_cannot_be() -> None:
    assert recency(30, DEFAULT.pre_loan) == pytest.approx(math.exp(-1))
    with pytest.raises(ScoringError, match="x1 is negative; x4 is more than 1"):
        pre_loan(PreLoanFacts(-1, 0, 0, 1.5), DEFAULT.pre_loan)
