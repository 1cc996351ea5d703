"""Q5: points, levels, rules, willingness, lost contact; W-Q1; tags and the portrait."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from voicebot.errors import ScoringError
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.early_warning import (
    CustomerFacts,
    band,
    customer_level,
    lost_contact,
    points,
    rules,
    warning_level,
    willingness,
)
from voicebot.scoring.tags import Tag, TagFacts, changed, portrait, tags_of
from voicebot.scoring.unpaid import DueGroup, unpaid_shares

DEFAULT = ScoringSettings()
USED = DEFAULT.early_warning
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("points_given", "score", "level"),
    [
        ({}, 0, "green"),
        ({"contract": 20, "willingness": 9.9}, 29.9, "green"),
        ({"contract": 20, "willingness": 10}, 30, "yellow"),
        ({"contract": 20, "willingness": 20, "financial": 19}, 59, "yellow"),
        ({"contract": 20, "willingness": 20, "financial": 20}, 60, "orange"),
        (dict.fromkeys(("contract", "willingness", "financial", "behavioural"), 20), 80, "red"),
    ],
)
def test_levels(points_given: dict[str, float], score: float, level: str) -> None:
    result = warning_level(points_given, USED)
    assert result.number("score") == pytest.approx(score)
    assert result.values["level"] == level


def test_a_rule_lifts_to_orange_and_is_the_first_reason() -> None:
    result = warning_level({"contract": 6}, USED, ("dispute", "W-V1"))
    assert (result.values["level_of_score"], result.values["level"]) == ("green", "orange")
    assert result.values["rules"] == ("W-V1", "dispute")
    assert result.reasons[0] == "rule: another voice in a verification call"


@pytest.mark.parametrize(
    ("kept", "promised", "refusals", "expected"),
    [(0, 0, 0, 0.5), (3, 3, 0, 0.8), (0, 3, 0, 0.2), (1, 2, 1, 0.4), (0, 3, 5, 0.0)],
)
def test_willingness_has_a_prior_and_pays_for_refusals(
    kept: int, promised: int, refusals: int, expected: float
) -> None:
    assert willingness(kept, promised, refusals, USED) == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [(-1, 0, 0), (2, 1, 0), (0, 0, -1)])
def test_impossible_promises_are_refused(wrong: tuple[int, int, int]) -> None:
    with pytest.raises(ScoringError):
        willingness(*wrong, USED)


def test_contact_is_lost_after_three_days_without_the_right_party() -> None:
    assert lost_contact(False, [False, False, False, True], USED)
    assert not lost_contact(False, [False, False], USED)
    assert not lost_contact(False, [False, True, False], USED)
    assert lost_contact(True, [], USED)


def test_a_band_is_the_last_one_reached() -> None:
    bands = ((1.0, 6.0), (2.0, 12.0))
    assert [band(value, bands) for value in (None, 0, 1, 1.9, 2, 50)] == [0, 0, 6, 6, 12, 12]


def test_nothing_known_is_held_against_nobody() -> None:
    result = customer_level(CustomerFacts(), USED)
    assert (result.number("score"), result.values["level"], result.reasons) == (0, "green", ())
    assert result.number("willing") == 0.5


def test_the_worst_indicator_of_a_dimension_counts() -> None:
    facts = CustomerFacts(overdue=1, broken=3, refusals=1, anomaly=0.8, lost=1)
    found = points(facts, USED)
    assert (found["contract"], found["behavioural"]) == (20, 20)
    assert rules(facts, USED) == ("broken_promises",)


def test_devices_and_pre_loan_risk_are_off_until_they_are_allowed() -> None:
    facts = CustomerFacts(shared_device=4, pre_loan=90.0)
    off = customer_level(facts, USED)
    assert (off.values["level"], off.inputs["shared_device"], off.inputs["pre_loan"]) == ("green", None, None)
    allowed = USED.model_copy(update={"use_devices": True, "use_pre_loan": True})
    on = customer_level(facts, allowed)
    assert on.values["level"] == "orange"
    assert (on.number("related_party"), on.number("financial")) == (20, 20)
    assert on.version != off.version


def groups(*shares: int, dimension: str = "product") -> list[DueGroup]:
    return [DueGroup(dimension, f"P{i}", 100, unpaid) for i, unpaid in enumerate(shares)]


def test_one_group_far_above_the_others_is_abnormal() -> None:
    found = unpaid_shares(groups(4, 5, 6, 30), {}, DEFAULT.unpaid)
    assert [name for name, result in found.items() if result.values["abnormal"]] == ["product:P3"]
    assert "over" in found["product:P3"].reasons[0]


def test_like_groups_are_not() -> None:
    assert not any(r.values["abnormal"] for r in unpaid_shares(groups(10, 11, 9, 10), {}, DEFAULT.unpaid).values())


def test_more_than_one_and_a_half_times_last_month_is_abnormal() -> None:
    found = unpaid_shares(groups(16), {"product:P0": 0.10}, DEFAULT.unpaid)
    assert found["product:P0"].values["abnormal"] is True
    assert found["product:P0"].values["limit"] is None  # one group has no peers
    assert not unpaid_shares(groups(15), {"product:P0": 0.10}, DEFAULT.unpaid)["product:P0"].values["abnormal"]


def test_small_groups_and_tiny_shares_never_warn() -> None:
    small = [DueGroup("channel", "X", 10, 10)]
    assert unpaid_shares(small, {"channel:X": 0.0}, DEFAULT.unpaid) == {}
    assert not unpaid_shares(groups(1), {"product:P0": 0.0}, DEFAULT.unpaid)["product:P0"].values["abnormal"]


def test_groups_are_compared_within_their_dimension() -> None:
    mixed = [*groups(5, 5, 5), *groups(40, 41, 40, dimension="funding")]
    assert not any(r.values["abnormal"] for r in unpaid_shares(mixed, {}, DEFAULT.unpaid).values())


def test_tags_say_what_is_known_and_nothing_else() -> None:
    assert tags_of(TagFacts("C-1"), NOW, DEFAULT.tags) == ()
    facts = TagFacts(
        "C-1",
        attempts=8,
        answered_hours=(18, 18, 9),
        language="en",
        willing=0.7,
        level="yellow",
        concerns=("hardship", "hardship", "refusal"),
        number_faults=("powered_off",),
    )
    found = {tag.name: tag for tag in tags_of(facts, NOW, DEFAULT.tags)}
    values = {name: tag.value for name, tag in found.items()}
    assert values == {
        "reach": "fair",
        "best_hour": "18",
        "willingness": "high",
        "language": "en",
        "level": "yellow",
        "concern": "hardship",
        "number": "powered_off",
    }
    assert found["best_hour"].confidence == pytest.approx(2 / 3)
    assert found["reach"].valid_to == NOW + timedelta(days=90)


def tag(value: str, source: str, days_ago: int = 0, **more: object) -> Tag:
    at = NOW - timedelta(days=days_ago)
    end = at + timedelta(days=90) if source == "batch" else None
    return Tag("C-1", "best_hour", value, source, 1.0, at, **{"valid_to": end, **more})  # type: ignore[arg-type]


def test_a_persons_tag_beats_a_newer_automatic_one() -> None:
    assert portrait([tag("18", "human", 30), tag("09", "batch")], NOW)["best_hour"].value == "18"
    assert portrait([tag("18", "batch", 3), tag("09", "batch")], NOW)["best_hour"].value == "09"
    ended = tag("18", "human", 30, valid_to=NOW)
    assert portrait([ended, tag("09", "batch")], NOW)["best_hour"].value == "09"
    assert portrait([tag("09", "batch", 91)], NOW) == {}


def test_only_what_changed_is_written() -> None:
    new = (tag("09", "batch"),)
    assert changed(new, {}) == new
    assert changed(new, {"best_hour": tag("09", "batch", 1)}) == ()
    assert changed(new, {"best_hour": tag("09", "batch", 60)}) == new  # ends soon
    assert changed(new, {"best_hour": tag("18", "batch", 1)}) == new
    assert changed(new, {"best_hour": tag("18", "human", 1)}) == ()
