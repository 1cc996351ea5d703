"""The labelled collection talk, and the commands on it."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from storage.repositories_thresholds import decide, propose
from tests.unit.scoring.conftest import NOW, Bank
from tests.unit.scoring.test_emotion_data import ROWS, sources, talk
from voicebot.commands.score import score
from voicebot.errors import ModelError, ScoringError
from voicebot.model.outcome import Disposition, Outcome
from voicebot.model.records import Consent
from voicebot.nlu.language import load_language
from voicebot.scoring.config import as_toml, digest, load
from voicebot.scoring.config_cases import COOPERATION, CooperationSettings
from voicebot.scoring.emotion.data import CLASSES
from voicebot.scoring.emotion.degree import fit_degree
from voicebot.scoring.emotion.talk import LABELS, Said, compare, facts_of, heard, labels, read_talk
from voicebot.scoring.lexicon import load_lexicon
from voicebot.settings import PathSettings, Settings

TALK = Path(__file__).resolve().parents[3] / "examples/collection-talk/en.tsv"
HEAD = "signals\temotion\tlabel\ttext\n"


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(score, list(arguments), obj=Settings())
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Each twelfth utterance: where it is not the figures that matter."""
    head, *said = TALK.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "few.tsv"
    path.write_text("\n".join((head, *said[::12])) + "\n", encoding="utf-8")
    return path


class Fixed:
    """Every text is as negative as told."""

    version, languages = "fixed", frozenset({"en"})

    def __init__(self, p: float) -> None:
        self.p = p

    def p_negative(self, texts: object) -> float:
        return self.p


def test_our_own_talk_has_every_signal_emotion_and_label() -> None:
    said = read_talk(TALK)
    assert len(said) >= 300
    signals = Counter(name for each in said for name in each.signals)
    assert set(signals) == set(COOPERATION)
    assert min(signals.values()) >= 20
    emotions = Counter(each.emotion for each in said)
    assert set(emotions) == set(CLASSES)
    assert min(emotions.values()) >= 15
    assert {each.label for each in said} == set(LABELS)
    assert len({each.text for each in said}) == len(said)


def test_every_wrong_line_is_named(tmp_path: Path) -> None:
    file = tmp_path / "talk.tsv"
    file.write_text(HEAD + "none\tcalm\tcooperative\tyes\nlove\tbored\tmaybe\t!\none\n")
    with pytest.raises(ScoringError) as error:
        read_talk(file)
    for part in (
        "talk.tsv:3: 'love' is no signal",
        "'bored' is no emotion",
        "'maybe' is no label",
        "no word",
        ":4: 1 col",
    ):
        assert part in error.value.message
    assert ":2:" not in error.value.message
    for content, message in (
        (b"a\tb\n", ":1: the columns are not"),
        (b"\xff", "not UTF-8"),
        (HEAD.encode(), "no utter"),
    ):
        file.write_bytes(content)
        with pytest.raises(ScoringError, match=message):
            read_talk(file)
    with pytest.raises(ScoringError, match="cannot be read"):
        read_talk(tmp_path / "none.tsv")


SAID = [
    Said("I will not pay", frozenset({"refusal"}), "angry", "non_cooperative"),
    Said("none of your business", frozenset({"refusal"}), "angry", "non_cooperative"),
    Said("I lost my job", frozenset({"hardship"}), "sad", "hardship"),
    Said("I do not care, I will pay on Friday", frozenset({"promise_with_date"}), "calm", "cooperative"),
]
FACTS = [frozenset[str](), frozenset[str](), frozenset({"hardship"}), frozenset({"promise"})]


def test_labels_come_out_as_a_run_over_conversations_gives_them() -> None:
    used = CooperationSettings()
    alone, beside = heard(SAID, load_lexicon("en"), 3), heard(SAID, load_lexicon("en"), 3, FACTS)
    bad, good = "non_cooperative", "cooperative"
    assert labels(SAID, alone, used) == [bad, bad, good, bad]
    assert labels(SAID, alone, used, Fixed(0.0)) == [bad, good, good, good]  # of the others only K = 1 - p_neg is known
    assert labels(SAID, beside, used) == [bad, bad, "hardship", good]
    assert labels(SAID, beside, used, Fixed(1.0)) == [bad, bad, "hardship", good]
    found = compare(SAID, labels(SAID, alone, used))
    assert (found.accuracy, found.recall["hardship"], found.recall[bad]) == (0.5, 0.0, 1.0)
    assert found.refused_f1 == pytest.approx(0.8)
    assert compare(SAID, labels(SAID, beside, used)).accuracy == 1.0


def test_what_a_reminder_understands_becomes_facts() -> None:
    paths = Settings().paths
    language = load_language(paths.templates, paths.flows, "en")
    talk = [Said(text, frozenset(), "calm", "cooperative") for text in ("I will pay on Friday", "I can not pay")]
    promise, cannot = facts_of(talk, language, date(2026, 11, 22))
    assert "promise" in promise
    assert {"cannot_pay", "hardship"} <= cannot


def test_the_degree_of_cooperation_is_fitted_to_what_people_labelled() -> None:
    promise, refusal, none = frozenset({"promise_with_date"}), frozenset({"refusal"}), frozenset[str]()
    signals = [promise] * 40 + [refusal] * 40 + [none] * 20 + [frozenset({"hardship"})] * 5
    truth = ["cooperative"] * 36 + ["non_cooperative"] * 44 + ["cooperative", "non_cooperative"] * 10 + ["hardship"] * 5
    found = fit_degree(signals, truth, CooperationSettings())
    assert found.n == 100
    assert found.odds["promise_with_date"] > 1
    assert found.odds["refusal"] < -1
    assert found.odds["hardship"] == found.odds["abuse"] == 0
    assert found.loss < 0.5
    sure = CooperationSettings(odds={**COOPERATION, "promise_with_date": -3.0})
    assert fit_degree(signals, truth, sure).loss_now > found.loss_now
    with pytest.raises(ScoringError, match="too few utterances to fit c"):
        fit_degree(signals[:40], truth[:40], CooperationSettings())


def test_check_talk_measures_keywords_with_and_without_the_emotion() -> None:
    found = json.loads(invoke("check-talk", str(TALK), "--json"))
    assert found["utterances"] == len(read_talk(TALK))
    assert found["emotion"]["negative_f1"] > 0.5
    # worth little (we wrote the words); a fall says that keywords or model were changed for the worse
    for name in ("keywords", "keywords and emotion", "keywords and understanding"):
        assert found[name]["recall"]["cooperative"] > 0.9, name


def test_check_talk_tells_its_figures_in_words(few: Path) -> None:
    assert "keywords and emotion: accuracy" in invoke("check-talk", str(few))


def test_check_talk_refuses_a_language_without_keywords_and_a_missing_model(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match="no keywords of the language 'fr'"):
        invoke("check-talk", str(TALK), "--language", "fr")
    with pytest.raises(ModelError, match=r"x\.npz: no model of emotion there"):
        invoke("check-talk", str(TALK), "--model", str(tmp_path / "x.npz"))


def test_train_emotion_writes_a_model_that_check_talk_loads(tmp_path: Path, few: Path) -> None:
    talk(
        tmp_path, [f"{row} {word}" for row in ROWS for word in ("abc", "bcd", "cde", "def", "efg", "fgh", "ghi", "hij")]
    )
    out = tmp_path / "emotion.npz"
    given = ["train-emotion", str(tmp_path), "--sources", str(sources(tmp_path)), "--only", "linear", "--folds", "2"]
    found = json.loads(invoke(*given, "--out", str(out), "--json"))
    assert found["examples"] == 96
    assert found["figures"]["linear"]["macro_f1"] > 0.9
    shown = invoke(*given)
    assert "linear, out of fold (" in shown
    assert "linear ships: there is no other" in shown
    assert json.loads(invoke("check-talk", str(few), "--model", str(out), "--json"))["model"] == found["id"]
    with pytest.raises(ScoringError, match="no such folder"):
        invoke(*given, "--out", str(tmp_path / "none/emotion.npz"))


def in_force(bank: Bank, file: Path) -> None:
    """Two persons agree on these thresholds."""
    wanted, db = load(file), bank.store.db
    number = propose(db, digest(wanted), as_toml(wanted), "test", "anna", NOW)
    decide(db, number, "approved", "test", "ben", NOW + timedelta(seconds=number))


def test_a_run_judges_emotion_only_where_it_is_turned_on_and_agreed_to(bank: Bank, path: Path, tmp_path: Path) -> None:
    for number in (1, 2):
        bank.call(number, Outcome(Disposition.RPC_VERIFIED, right_party=True), words="none of your business, you fools")
    bank.store.add_consent(None, Consent("C-2", "emotion", "written", "v1", True, NOW.isoformat()))
    told = (NOW - timedelta(days=2)).isoformat()
    bank.store.add_consent(None, Consent("C-1", "emotion", "spoken", "v1", None, told))
    settings = Settings(paths=PathSettings(database=path))
    thresholds = tmp_path / "thresholds.toml"
    judged = {}
    for text in ("", "[emotion]\nenabled = true\n", "[emotion]\nenabled = true\nconsent = false\n"):
        thresholds.write_text(text)
        if text:
            in_force(bank, thresholds)
        given = ["run", "cases", "--at", "2026-11-22T12:00", "--thresholds", str(thresholds)]
        assert CliRunner().invoke(score, given, obj=settings).exit_code == 0
        stored = bank.scoring.newest("communication")
        judged[text] = [stored[name].inputs["emotion"] for name in sorted(stored)]
    off, on, all_ = judged.values()
    assert off == [None, None]
    assert on[0] is None
    assert str(on[1]).startswith("emotion-en-")
    assert all_ == [on[1]] * 2
    thresholds.write_text(f'[emotion]\nenabled = true\nmodel = "{tmp_path / "none.npz"}"\n')
    in_force(bank, thresholds)
    result = CliRunner().invoke(score, given, obj=settings)
    assert isinstance(result.exception, ModelError)
