"""The worked vectors of the specification, section 3, and the same through `what-if`."""

from __future__ import annotations

import pytest

from voicebot.errors import ScoringError
from voicebot.scoring.collector_score import CaseCounts, collector_score
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.contact_anomaly import ContactCounts, contact_anomaly
from voicebot.scoring.saturation import Activity, References, references, saturation
from voicebot.scoring.what_if import FORMULAS, what_if

DEFAULT = ScoringSettings()
REFS = References(300, 100, 60, 80)


@pytest.mark.parametrize(
    ("counts", "a_p", "a_o", "a", "case_class"),
    [
        (ContactCounts(0), 0, 0, 0, "normal"),
        (ContactCounts(2, 0, {"no_answer": 2}), 0.277, 0, 0.249, "normal"),
        (ContactCounts(8, 6, {"rejected": 6, "powered_off": 2}, 4, 3), 0.582, 0.343, 0.589, "abnormal"),
        (ContactCounts(6, 0, {"invalid": 6}), 0.616, 0, 0.555, "abnormal"),
        (ContactCounts(10, 0, {"no_answer": 10}, 15, 5), 0.299, 0.632, 0.454, "normal"),
    ],
    ids=["v0", "v1", "v4", "v5", "v8"],
)
def test_contact_anomaly(counts: ContactCounts, a_p: float, a_o: float, a: float, case_class: str) -> None:
    result = contact_anomaly(counts, DEFAULT.contact)
    assert [round(result.number(name), 3) for name in ("A_p", "A_o", "A")] == [a_p, a_o, a]
    assert result.values["step"] == "S24"
    assert result.values["class"] == case_class


def test_a_case_nobody_tried_says_so() -> None:
    assert contact_anomaly(ContactCounts(), DEFAULT.contact).reasons == ("untried",)


@pytest.mark.parametrize("feedback", [{}, {"busy": 21}, {"invalid": 3}])
def test_v9_too_many_calls_are_abnormal_at_s21(feedback: dict[str, int]) -> None:
    result = contact_anomaly(ContactCounts(21, 0, feedback, 40, 2), DEFAULT.contact)
    assert (result.values["step"], result.values["class"], result.values["A"]) == ("S21", "abnormal", None)


def test_v10_suspected_with_many_other_contacts_is_abnormal_at_s23() -> None:
    result = contact_anomaly(ContactCounts(12, 0, {"busy": 12}, 16), DEFAULT.contact)
    assert (result.values["step"], result.values["class"]) == ("S23", "abnormal")
    fewer = contact_anomaly(ContactCounts(12, 0, {"busy": 12}, 15), DEFAULT.contact)
    assert fewer.values["step"] == "S24"
    not_suspected = contact_anomaly(ContactCounts(10, 0, {"busy": 10}, 16), DEFAULT.contact)
    assert not_suspected.values["step"] == "S24"


def test_saturation() -> None:
    result = saturation(Activity(240, 90, 30, 40, 15), REFS, DEFAULT.saturation)
    assert result.number("S") == pytest.approx(71.5)
    assert result.number("a_t") == pytest.approx(2 / 3)


def test_saturation_of_who_only_telephones_spreads_the_other_weights() -> None:
    full = saturation(Activity(300, 100, 0, 0, 0), REFS, DEFAULT.saturation)
    assert full.number("S") == pytest.approx(100)
    half = saturation(Activity(150, 50, 0, 0, None), REFS, DEFAULT.saturation)
    assert half.number("S") == pytest.approx(100 * (0.15 + 0.125) / 0.7)


def test_references_are_the_peers_from_eight_on() -> None:
    peers = [Activity(100 * i, 10 * i, 0, i) for i in range(1, 9)]
    assert references(peers[:7], DEFAULT.saturation) == REFS
    refs = references(peers, DEFAULT.saturation)
    assert (refs.d_p, refs.n_p, refs.n_o) == pytest.approx((730, 73, 7.3))
    assert refs.d_o == 60  # nobody used it: the target stays


@pytest.mark.parametrize(
    ("counts", "s", "w", "score", "assignable"),
    [(CaseCounts(20, 5, 30, 10), 71.5, 59, 36.0, False), (CaseCounts(10, 2, 15, 5), 27.75, 28.5, 71.8, True)],
)
def test_collector_score(counts: CaseCounts, s: float, w: float, score: float, assignable: bool) -> None:
    result = collector_score(counts, s, DEFAULT.collector)
    assert result.number("W") == pytest.approx(w)
    assert result.number("score") == pytest.approx(score)
    assert result.values["assignable"] is assignable


def test_a_score_on_the_limit_is_assignable_whatever_the_rounding() -> None:
    # 1 - 0.6*0.5 - 0.4*0.75 is 0.39999999999999997 in floating point
    result = collector_score(CaseCounts(n_non=50), 75, DEFAULT.collector)
    assert result.values["assignable"] is True


def test_what_if_takes_every_key_it_names_and_gives_the_same() -> None:
    result = what_if(
        "contact-anomaly",
        ["n_call=8", "n_hang=6", "rejected=6", "powered_off=2", "n_other=4", "n_other_recent=3"],
        DEFAULT,
    )
    assert result == contact_anomaly(
        ContactCounts(8, 6, {"rejected": 6, "powered_off": 2}, 4, 3), DEFAULT.contact, h0=None
    )
    shown = result.as_json()
    assert shown["class"] == "abnormal"
    assert round(float(str(shown["A"])), 3) == 0.589


@pytest.mark.parametrize("formula", FORMULAS, ids=lambda formula: formula.name)
def test_the_example_of_every_formula_works_and_every_value_is_explained(formula) -> None:
    result = what_if(formula.name, formula.example.split(), DEFAULT)
    assert result.formula == formula.name
    assert result.reasons
    named = set(result.values) - set(formula.steps) - {key.name for key in formula.keys}
    assert not named


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("contact-anomaly", "", "n_call is missing"),
        ("contact-anomaly", "n_call=2 n_hang=3", "n_hang is more than n_call"),
        ("contact-anomaly", "n_call=-2", "n_call is negative"),
        ("contact-anomaly", "n_call=2 calls=3", "unknown key 'calls'"),
        ("contact-anomaly", "n_call=2 n_call=3", "given twice"),
        ("contact-anomaly", "n_call=1.5", "is a count"),
        ("contact-anomaly", "n_call=nan", "finite"),
        ("contact-anomaly", "n_call=many", "is not a number"),
        ("collector-score", "n_norm=1e300 n_abn=1 n_coop=1 n_non=1 S=1", "n_norm is more than 1,000,000,000"),
        ("contact-anomaly", "n_call", "is not key=value"),
        ("contact-anomaly", "n_call=2 busy=3", "more attempts than n_call"),
        ("contact-anomaly", "n_call=2 n_other=1 n_other_recent=2", "n_other_recent is more"),
        ("saturation", "D_p=1 N_p=1 D_o=1 N_o=1", "t_fb is missing"),
        ("saturation", "D_p=1 N_p=1 D_o=1 N_o=1 t_fb=1 D_p_ref=0", "D_p_ref must be more than 0"),
        ("saturation", "D_p=1 N_p=1 D_o=1 N_o=1 t_fb=1 t_ref=0", "t_ref must be more than 0"),
        ("collector-score", "n_norm=1 n_abn=1 n_coop=1 n_non=1 S=101", "S is not in 0-100"),
        ("cooperation", "", "nothing is given"),
        ("cooperation", "n_coop=1", "both needed"),
        ("cooperation", "n_coop=0 n_non=0", "belongs to contact-anomaly"),
        ("cooperation", "c=1.2", "[0, 1]"),
        ("cooperation", "text=x language=tlh", "no lexicon"),
        ("cooperation", "signals=shouting", "no signal"),
        ("warning-level", "", "no dimension"),
        ("warning-level", "contract=21", "0-20"),
        ("warning-level", "rules=hunch", "no rule"),
        ("pre-loan", "x1=1 x2=1", "either x4 or days"),
        ("pre-loan", "x1=1 x2=1 x4=0.5 days=3", "either x4 or days"),
        ("pre-loan", "x1=1 x2=1 x4=2", "[0, 1]"),
        ("horoscope", "", "there is no formula"),
    ],
)
def test_what_if_refuses_and_says_what_it_knows(name: str, arguments: str, said: str) -> None:
    with pytest.raises(ScoringError) as caught:
        what_if(name, arguments.split(), DEFAULT)
    assert said in caught.value.message
    assert caught.value.hint


def test_what_if_names_all_that_is_wrong_at_once() -> None:
    with pytest.raises(ScoringError) as caught:
        what_if("collector-score", ["n_norm=-1", "n_abn=x", "more=1", "S=5"], DEFAULT)
    for said in ("n_norm is negative", "n_abn is not a number", "unknown key 'more'", "n_coop is missing"):
        assert said in caught.value.message
    assert "S is missing" not in caught.value.message


def test_the_references_of_saturation_have_two_spellings() -> None:
    given = ["D_p=240", "N_p=90", "D_o=30", "N_o=40", "t_fb=15"]
    assert what_if("saturation", [*given, "ref_D_p=600"], DEFAULT) == what_if(
        "saturation", [*given, "D_p_ref=600"], DEFAULT
    )
