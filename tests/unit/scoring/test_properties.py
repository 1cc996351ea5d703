"""Properties of the formulas, as the specification names them, for any input that can be."""

from __future__ import annotations

import dataclasses

from hypothesis import given
from hypothesis import strategies as st

from voicebot.scoring.collector_score import CaseCounts, collector_score
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.config_cases import FEEDBACK
from voicebot.scoring.contact_anomaly import ContactCounts, contact_anomaly
from voicebot.scoring.cooperation import Communication, case_class, communication, counts_of
from voicebot.scoring.early_warning import DIMENSIONS, RULES, level_of, warning_level, willingness
from voicebot.scoring.pre_loan import PreLoanFacts, pre_loan
from voicebot.scoring.saturation import Activity, References, saturation

DEFAULT = ScoringSettings()
SHARE = st.floats(0, 1)
FEW = st.integers(0, 12)


@st.composite
def counts(draw: st.DrawFn, most: int = 20) -> ContactCounts:
    feedback = draw(st.dictionaries(st.sampled_from(sorted(FEEDBACK)), st.integers(0, 3), max_size=5))
    n_call = draw(st.integers(sum(feedback.values()), max(most, sum(feedback.values()))))
    other = draw(st.integers(0, 15))
    return ContactCounts(n_call, draw(st.integers(0, n_call)), feedback, other, draw(st.integers(0, other)))


def a(found: ContactCounts) -> float:
    return contact_anomaly(found, DEFAULT.contact).number("A")


@given(counts())
def test_a_is_a_share(found: ContactCounts) -> None:
    result = contact_anomaly(found, DEFAULT.contact)
    assert all(0 <= result.number(name) <= 1 for name in ("h", "F", "V", "A_p", "A_o", "A"))
    assert result.values["class"] == ("abnormal" if result.number("A") >= 0.5 - 1e-9 else "normal")


@given(counts())
def test_a_does_not_fall_when_hang_ups_or_other_contacts_rise(found: ContactCounts) -> None:
    before = a(found)
    if found.n_hang < found.n_call:
        assert a(dataclasses.replace(found, n_hang=found.n_hang + 1)) >= before
    if found.n_other < 15:
        assert a(dataclasses.replace(found, n_other=found.n_other + 1)) >= before
    if found.n_other_recent < found.n_other:
        assert a(dataclasses.replace(found, n_other_recent=found.n_other_recent + 1)) >= before


@given(counts(), st.sampled_from(sorted(FEEDBACK)), st.sampled_from(sorted(FEEDBACK)))
def test_a_does_not_fall_when_an_attempt_gets_a_graver_feedback(found: ContactCounts, x: str, y: str) -> None:
    mild, grave = sorted((x, y), key=lambda name: FEEDBACK[name])
    if found.feedback.get(mild, 0) == 0 or mild == grave:
        return
    feedback = {**found.feedback, mild: found.feedback[mild] - 1, grave: found.feedback.get(grave, 0) + 1}
    assert a(dataclasses.replace(found, feedback=feedback)) >= a(found) - 1e-12


@given(counts())
def test_the_order_of_the_feedback_does_not_matter(found: ContactCounts) -> None:
    turned = dataclasses.replace(found, feedback=dict(reversed(list(found.feedback.items()))))
    assert contact_anomaly(turned, DEFAULT.contact).as_json() == contact_anomaly(found, DEFAULT.contact).as_json()


@given(st.integers(21, 500), FEW)
def test_s21_comes_before_s24(n_call: int, hang: int) -> None:
    assert contact_anomaly(ContactCounts(n_call, hang), DEFAULT.contact).values["step"] == "S21"


@given(SHARE, SHARE)
def test_k_weighs_both(c: float, p_neg: float) -> None:
    result = communication(Communication(("x",), c=c, p_neg=p_neg), DEFAULT.cooperation)
    assert 0 <= result.number("K") <= 1
    assert result.values["label"] == ("cooperative" if result.number("K") >= 0.5 - 1e-9 else "non_cooperative")


@given(FEW, FEW, st.none() | SHARE)
def test_r_rises_with_cooperation(n_coop: int, n_non: int, r_t: float | None) -> None:
    if n_coop + n_non == 0:
        return
    before = case_class(n_coop, n_non, r_t, DEFAULT.cooperation)
    after = case_class(n_coop + 1, n_non, r_t, DEFAULT.cooperation)
    assert 0 <= before.number("R") <= after.number("R") <= 1
    assert before.values["stale"] is (r_t is None)


@given(
    st.lists(st.tuples(st.floats(0, 90), st.sampled_from(("cooperative", "non_cooperative", "dispute"))), max_size=9)
)
def test_the_order_of_communications_does_not_matter(labels: list[tuple[float, str]]) -> None:
    assert counts_of(labels, DEFAULT.cooperation) == counts_of(labels[::-1], DEFAULT.cooperation)


QUANTITY = st.floats(0, 1e6)


@given(QUANTITY, QUANTITY, st.floats(1e-3, 1e6), st.floats(1e-3, 1e6), st.none() | QUANTITY, QUANTITY)
def test_saturation_is_in_0_100_and_rises(
    d_p: float, n_p: float, d_o: float, n_o: float, t_fb: float | None, more: float
) -> None:
    refs = References(300, 100, 60, 80)
    before = saturation(Activity(d_p, n_p, d_o, n_o, t_fb), refs, DEFAULT.saturation).number("S")
    after = saturation(Activity(d_p + more, n_p + more, d_o, n_o, t_fb), refs, DEFAULT.saturation).number("S")
    assert 0 <= before <= after + 1e-9 <= 100 + 1e-6


@given(FEW, FEW, FEW, FEW, st.floats(0, 100), st.floats(0, 100))
def test_a_collectors_score_falls_with_work_and_saturation(n: int, b: int, c: int, d: int, s: float, t: float) -> None:
    low, high = sorted((s, t))
    score = collector_score(CaseCounts(n, b, c, d), low, DEFAULT.collector).number("score")
    assert 0 <= score <= 100
    assert collector_score(CaseCounts(n, b, c, d), high, DEFAULT.collector).number("score") <= score + 1e-9
    for more in (CaseCounts(n + 1, b, c, d), CaseCounts(n, b + 1, c, d), CaseCounts(n, b, c, d + 1)):
        assert collector_score(more, low, DEFAULT.collector).number("score") <= score


@given(st.dictionaries(st.sampled_from(sorted(DIMENSIONS)), st.floats(0, 20)), st.sets(st.sampled_from(sorted(RULES))))
def test_a_rule_never_lowers_a_level(points: dict[str, float], rules: set[str]) -> None:
    order = ("green", "yellow", "orange", "red")
    plain = warning_level(points, DEFAULT.early_warning)
    ruled = warning_level(points, DEFAULT.early_warning, rules)
    assert order.index(ruled.text("level")) >= order.index(plain.text("level"))
    assert not rules or order.index(ruled.text("level")) >= 2
    assert 0 <= plain.number("score") <= 100 + 1e-9


@given(SHARE, SHARE)
def test_levels_rise_with_the_score(x: float, y: float) -> None:
    order = ("green", "yellow", "orange", "red")
    low, high = (level_of(100 * share, DEFAULT.early_warning) for share in sorted((x, y)))
    assert order.index(low) <= order.index(high)


@given(FEW, FEW, FEW)
def test_willingness_is_a_share(kept: int, broken: int, refusals: int) -> None:
    now = willingness(kept, kept + broken, refusals, DEFAULT.early_warning)
    assert 0 <= now <= 1
    assert willingness(kept + 1, kept + broken + 1, refusals, DEFAULT.early_warning) >= now
    assert willingness(kept, kept + broken, refusals + 1, DEFAULT.early_warning) <= now


@given(FEW, FEW, SHARE, SHARE)
def test_pre_loan_risk_rises_with_calls_and_recency(x1: int, x2: int, x4: float, y4: float) -> None:
    low, high = sorted((x4, y4))
    risk = pre_loan(PreLoanFacts(x1, x2, 0, low), DEFAULT.pre_loan).number("risk")
    assert 0 <= risk <= 100
    for more in (PreLoanFacts(x1 + 1, x2, 0, low), PreLoanFacts(x1, x2 + 1, 0, low), PreLoanFacts(x1, x2, 0, high)):
        assert pre_loan(more, DEFAULT.pre_loan).number("risk") >= risk - 1e-9
