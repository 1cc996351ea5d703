"""S14: who gets which case."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.errors import ScoringError
from voicebot.scoring.assignment import Collector, assign, fairness
from voicebot.scoring.cases import CLASSES, CaseFacts, waiting_order
from voicebot.scoring.collector_score import CaseCounts, score, work
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.result import Result, reaches

DEFAULT = ScoringSettings().collector


def slow(cases: list[tuple[str, str]], collectors: list[Collector]) -> list[tuple[str, str]]:
    """The rule as it is written: look at everybody for every case."""
    loads = {c.id: work(c.counts, DEFAULT) for c in collectors}
    today = {c.id: c.today for c in collectors}
    weights = dict(zip(CLASSES, (DEFAULT.w_norm, DEFAULT.w_abn, DEFAULT.w_coop, DEFAULT.w_non), strict=True))
    found = []
    for account, case_class in cases:
        may = [
            (-score(loads[c.id], c.s, DEFAULT), today[c.id], c.id)
            for c in collectors
            if today[c.id] < (DEFAULT.daily_cap if c.cap is None else c.cap)
            and reaches(score(loads[c.id], c.s, DEFAULT), DEFAULT.theta_q)
        ]
        if may:
            chosen = min(may)[2]
            loads[chosen] += weights[case_class]
            today[chosen] += 1
            found.append((account, chosen))
    return found


@st.composite
def teams(draw: st.DrawFn) -> list[Collector]:
    n = draw(st.integers(0, 6))
    few = st.integers(0, 20)
    return [
        Collector(
            f"K-{i}",
            CaseCounts(draw(few), draw(few), draw(few), draw(few)),
            draw(st.floats(0, 100)),
            draw(st.integers(0, 3)),
            draw(st.none() | st.integers(0, 5)),
        )
        for i in range(n)
    ]


@given(teams(), st.lists(st.sampled_from(CLASSES), max_size=40))
def test_the_heap_does_what_the_rule_says(team: list[Collector], classes: list[str]) -> None:
    cases = [(f"A-{i}", name) for i, name in enumerate(classes)]
    batch = assign(cases, team, DEFAULT)
    assert [(a.account_id, a.collector_id) for a in batch.assigned] == slow(cases, team)
    assert len(batch.assigned) + len(batch.queue) == len(cases)
    assert bool(batch.why) == bool(batch.queue)
    for collector in team:
        got = sum(a.collector_id == collector.id for a in batch.assigned)
        cap = DEFAULT.daily_cap if collector.cap is None else collector.cap
        assert got <= max(0, cap - collector.today)


def test_the_highest_score_gets_the_case_then_the_fewest_today_then_the_id() -> None:
    team = [Collector("K-3"), Collector("K-2", today=1), Collector("K-1", CaseCounts(n_norm=1))]
    assert assign([("A", "normal")], team, DEFAULT).assigned[0].collector_id == "K-3"
    team = [Collector("K-3"), Collector("K-2")]
    assert assign([("A", "normal")], team, DEFAULT).assigned[0].collector_id == "K-2"


def test_work_is_counted_anew_after_every_case() -> None:
    batch = assign([(f"A-{i}", "normal") for i in range(4)], [Collector("K-1"), Collector("K-2")], DEFAULT)
    assert [a.collector_id for a in batch.assigned] == ["K-1", "K-2", "K-1", "K-2"]
    assert batch.assigned[0].score == 100
    assert batch.assigned[2].score == pytest.approx(100 * (1 - 0.6 * 0.012))
    assert batch.fairness.jain == 1.0


def test_nobody_gets_more_than_the_cap_and_who_is_full_gets_none() -> None:
    team = [Collector("K-1", cap=2), Collector("K-2", CaseCounts(n_abn=50), 10.0)]
    batch = assign([(f"A-{i}", "cooperative") for i in range(5)], team, DEFAULT)
    assert [a.collector_id for a in batch.assigned] == ["K-1", "K-1"]
    assert len(batch.queue) == 3
    assert batch.why == "of 2 collectors 1 are at their daily cap, 1 under the score 40"


def test_without_collectors_all_wait() -> None:
    batch = assign([("A-1", "normal")], [], DEFAULT)
    assert (batch.queue, batch.why) == ((("A-1", "normal"),), "there is no collector")


@pytest.mark.parametrize(
    ("loads", "jain"), [((1, 1, 1), 1.0), ((1, 0, 0), 1 / 3), ((0, 0), 1.0), ((4, 2), 36 / 40), ((), 1.0)]
)
def test_jains_index(loads: tuple[float, ...], jain: float) -> None:
    assert fairness(loads, [0] * len(loads)).jain == pytest.approx(jain)


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ScoringError, match="there twice"):
        assign([], [Collector("K-1"), Collector("K-1")], DEFAULT)
    with pytest.raises(ScoringError, match="is no class"):
        assign([("A", "hopeless")], [Collector("K-1")], DEFAULT)


def test_the_longest_overdue_come_first_and_who_is_not_overdue_never() -> None:
    found = waiting_order(
        [
            (CaseFacts(account, "C", days), Result("case", "", {}, {"class": "normal"}))
            for account, days in (("A-2", 5), ("A-1", 5), ("A-3", 9), ("A-4", 0))
        ]
    )
    assert [account for account, _ in found] == ["A-3", "A-1", "A-2"]


def test_a_large_batch_is_all_assigned() -> None:
    # 100,000 cases and 500 collectors take about a second (docs/scoring.md); a tenth of it here
    rnd = random.Random(1)
    team = [Collector(f"K-{i:03}", CaseCounts(rnd.randint(0, 9)), rnd.random() * 50, cap=400) for i in range(50)]
    cases = [(f"A-{i:05}", rnd.choice(CLASSES)) for i in range(10_000)]
    settings = DEFAULT.model_copy(update={"w_max": 2000.0})
    batch = assign(cases, team, settings)
    assert len(batch.assigned) == 10_000
    assert batch.fairness.assigned_max <= 400
