"""S12: keywords with negation, the label of a communication, the class of a case."""

from __future__ import annotations

import pytest

from voicebot.errors import FlowError
from voicebot.scoring.cases import CaseFacts, classify
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.contact_anomaly import ContactCounts
from voicebot.scoring.cooperation import Communication, communication, counts_of, degree
from voicebot.scoring.lexicon import keywords, languages, load_lexicon
from voicebot.scoring.signals import SIGNALS, signals_of, understood

DEFAULT = ScoringSettings()
EN, ZH = load_lexicon("en"), load_lexicon("zh")


def groups(text: str, language: str = "en", window: int = 3) -> list[str]:
    return [group for group, _ in keywords([text], EN if language == "en" else ZH, window)]


def test_facts_against_cooperation_are_keywords_too() -> None:
    assert understood({"refusal", "stop_calling", "promise", "hardship", "who_is_this"}) == (
        "understood: refusal",
        "understood: stop_calling",
    )
    assert understood(set()) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I will pay on Friday", []),
        ("I won't pay you", ["refuse"]),
        ("i will not pay", ["refuse"]),
        ("No, I'm not going to pay", ["refuse"]),
        ("no i will not pay", ["refuse"]),
        ("I never said I will not pay", []),
        ("you can sue me", ["threat"]),
        ("do not sue me please", []),
        ("stop calling me, you idiots", ["stop", "insult"]),
        ("I DON'T OWE anything", ["denial"]),
        ("I can't pay this month, I lost my job", []),
        ("I cannot pay and I'll never pay", ["refuse"]),
        ("it is not bullshit", []),
        ("not now, bullshit", ["insult"]),
        ("the pursue mechanism", []),
        ("", []),
    ],
)
def test_english_keywords(text: str, expected: list[str]) -> None:
    assert groups(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("我不还", ["refuse"]), ("我不会不还", []), ("你们别再打了", ["stop"]), ("明天还款", []), ("骗子", ["insult"])],
)
def test_chinese_keywords(text: str, expected: list[str]) -> None:
    assert groups(text, "zh") == expected


def test_the_window_of_negation_is_a_setting() -> None:
    assert groups("never you said sue me", window=3) == []
    assert groups("never you said sue me", window=2) == ["threat"]


def test_every_language_has_a_version() -> None:
    assert languages() == ("en", "zh")
    assert EN.version == "en/2"


def test_a_wrong_lexicon_names_every_line(tmp_path) -> None:
    (tmp_path / "xx.yaml").write_text(
        "version: 1\nnegations: [not]\nkeywords:\n  a: [pay up, pay up]\n  b: ['!']\nx: 1\n"
    )
    with pytest.raises(FlowError) as caught:
        load_lexicon("xx", tmp_path)
    assert "xx.yaml:4: `pay up` is there twice" in str(caught.value)
    assert "xx.yaml:5: a keyword is one or more words" in str(caught.value)
    assert "xx.yaml:6: unknown key" in str(caught.value)


def label(**given: object) -> str:
    return communication(Communication(**given), DEFAULT.cooperation).text("label")  # type: ignore[arg-type]


def test_without_a_keyword_a_communication_is_cooperative_whatever_the_emotion() -> None:
    assert label(keywords=(), c=0.0, p_neg=1.0) == "cooperative"


def test_a_keyword_alone_decides_where_nothing_else_is_known() -> None:
    assert label(keywords=("refuse: will not pay",)) == "non_cooperative"
    assert label(keywords=None) == "cooperative"


def test_a_keyword_can_be_outweighed() -> None:
    assert label(keywords=("insult: idiot",), c=0.9, p_neg=0.6) == "cooperative"
    assert label(keywords=("insult: idiot",), c=0.3, p_neg=0.9) == "non_cooperative"
    assert label(keywords=("insult: idiot",), p_neg=0.9) == "non_cooperative"


def test_k_of_half_is_cooperative() -> None:
    result = communication(Communication(("x",), c=0.5, p_neg=0.5), DEFAULT.cooperation)
    assert result.number("K") == pytest.approx(0.5)
    assert result.values["label"] == "cooperative"


@pytest.mark.parametrize("name", ["dispute", "hardship"])
def test_dispute_and_hardship_are_labelled_apart(name: str) -> None:
    assert label(keywords=("refuse: will not pay",), signals=frozenset({name, "refusal"})) == name


def test_the_degree_follows_what_was_said() -> None:
    promise = degree(frozenset({"promise_with_date"}), DEFAULT.cooperation)
    refusal = degree(frozenset({"refusal"}), DEFAULT.cooperation)
    assert promise is not None
    assert refusal is not None
    assert promise > 0.9
    assert refusal < 0.1
    assert degree(frozenset({"dispute"}), DEFAULT.cooperation) is None
    assert degree(frozenset(), DEFAULT.cooperation) is None


def test_signals_come_from_intents_outcome_and_keywords() -> None:
    found = signals_of(["promise", "affirm", "already_paid"], ["insult", "denial"])
    assert found == {"promise_with_date", "claims_paid", "abuse"}
    assert set(SIGNALS.values()) <= set(DEFAULT.cooperation.odds)


def test_a_case_without_recent_communication_is_stale_and_uses_the_last_three() -> None:
    labels = [(40.0, "non_cooperative"), (45.0, "non_cooperative"), (50.0, "cooperative"), (80.0, "cooperative")]
    result = counts_of(labels, DEFAULT.cooperation)
    assert result is not None
    assert result.values["stale"] is True
    assert result.number("r_T") == pytest.approx(1 / 3)
    assert result.number("R") == pytest.approx(0.7 / 3 + 0.3 / 2)
    assert result.values["class"] == "non_cooperative"


def test_the_recent_share_counts_more() -> None:
    labels = [(1.0, "cooperative"), (40.0, "non_cooperative"), (41.0, "non_cooperative")]
    result = counts_of(labels, DEFAULT.cooperation)
    assert result is not None
    assert result.number("R") == pytest.approx(0.7 + 0.3 / 3)
    assert result.values["class"] == "cooperative"


def case(*labels: tuple[float, str], counts: ContactCounts | None = None) -> dict[str, object]:
    facts = CaseFacts("A-1", "C-1", 3, counts or ContactCounts(), tuple(labels))
    return dict(classify(facts, DEFAULT).values)


def test_a_case_is_not_reached_until_somebody_talked() -> None:
    found = case(counts=ContactCounts(2, 0, {"no_answer": 2}))
    assert (found["communicated"], found["class"]) == (False, "normal")
    assert case((91.0, "cooperative"))["communicated"] is False  # longer ago than the lookback


def test_a_reached_case_is_never_abnormal() -> None:
    found = case((3.0, "non_cooperative"), counts=ContactCounts(30, 0, {"busy": 30}))
    assert (found["communicated"], found["class"]) == (True, "non_cooperative")


def test_only_disputes_go_to_a_person_and_are_held_against_nobody() -> None:
    found = case((3.0, "dispute"), (2.0, "hardship"))
    assert (found["class"], found["person"]) == ("cooperative", "dispute")
    mixed = case((3.0, "hardship"), (2.0, "non_cooperative"))
    assert (mixed["class"], mixed["person"]) == ("non_cooperative", "hardship")


def test_the_days_overdue_change_no_class() -> None:
    for counts in (ContactCounts(), ContactCounts(6, 0, {"invalid": 6})):
        found = {classify(CaseFacts("A", "C", days, counts), DEFAULT).text("class") for days in (0, 1, 400)}
        assert len(found) == 1
