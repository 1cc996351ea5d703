"""Figures, folds, the linear classifier, its file and the judge."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.engines.emotion import load_emotion, load_judge
from voicebot.errors import ModelError, ScoringError
from voicebot.scoring.emotion import linear
from voicebot.scoring.emotion.data import CLASSES, NEGATIVE, Example, load_sources
from voicebot.scoring.emotion.figures import expected_calibration_error, figures, indices, softmax, temperature_of
from voicebot.scoring.emotion.judge import TextJudge
from voicebot.scoring.emotion.linear import LinearLearner
from voicebot.scoring.emotion.model import Emotion, load, save
from voicebot.scoring.emotion.training import Judged, Trained, choose, split, train

WORDS = {
    "calm": "account number balance date",
    "positive": "thanks great lovely happy",
    "anxious": "afraid worried nervous scared",
    "sad": "sad lost crying alone",
    "angry": "hate terrible ridiculous mad",
    "abusive": "idiot moron stupid scum",
}
EXAMPLES = [
    Example(
        (*("so", "well", "i", "say")[: n % 4], WORDS[label].split()[n % 4], WORDS[label].split()[n // 4]),
        label,
        f"{label}{n}",
        "t",
    )
    for label in CLASSES
    for n in range(16)
]
LEARNER = LinearLearner(at_least=1)


@pytest.fixture(scope="module")
def trained() -> Trained:
    return train(EXAMPLES, [LEARNER], load_sources().source, folds=2, date="2026-11-22")


def test_figures_of_a_small_table_by_hand() -> None:
    truth = indices(["calm", "calm", "calm", "angry"])
    p = np.full((4, 6), 0.04)
    p[[0, 1, 2, 3], indices(["calm", "calm", "angry", "angry"])] = 0.8
    found = figures(p, truth)
    assert found.confusion[0] == (2, 0, 0, 0, 1, 0)
    assert found.confusion[4] == (0, 0, 0, 0, 1, 0)
    assert found.recall["calm"] == pytest.approx(2 / 3)
    assert found.precision["angry"] == 0.5
    assert found.macro_f1 == pytest.approx((0.8 + 2 / 3) / 2)  # the classes that are there
    assert found.ece == pytest.approx(0.05)  # said with 0.8, right in 0.75
    assert found.negative_f1 == pytest.approx(2 / 3)
    with pytest.raises(ValueError, match="no text"):
        figures(p[:0], truth[:0])


def test_calibration_error_is_zero_where_frequencies_match() -> None:
    p = np.repeat([0.25, 0.75], 100)
    happened = np.arange(200) % 4 < np.repeat([1, 3], 100)
    assert expected_calibration_error(p, happened) == pytest.approx(0.0)
    assert expected_calibration_error(p, ~happened) == pytest.approx(0.5)


@settings(max_examples=30, deadline=None)
@given(st.floats(0.2, 8), st.integers(0, 1000))
def test_the_temperature_that_made_the_logits_sharp_is_found(sharper: float, seed: int) -> None:
    chance = np.random.default_rng(seed)
    logits = chance.normal(size=(3000, 6))
    truth = np.array([chance.choice(6, p=row) for row in softmax(logits)])
    assert temperature_of(logits * sharper, truth) == pytest.approx(sharper, rel=0.2)


@given(st.lists(st.lists(st.floats(-500, 500), min_size=6, max_size=6), min_size=1, max_size=5), st.floats(0.05, 20))
def test_probabilities_sum_to_one(rows: list[list[float]], temperature: float) -> None:
    p = softmax(np.array(rows), temperature)
    assert np.all(p >= 0)
    assert p.sum(axis=1) == pytest.approx(1)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 4), st.integers(1, 6), st.integers(0, 99))
def test_no_dialogue_is_on_both_sides_of_a_fold(folds: int, turns: int, shift: int) -> None:
    talk = [Example(("word", str(n)), CLASSES[(n + shift) % 6], f"D{n // turns}", "t") for n in range(60 * turns)]
    parts = split(talk, folds)
    assert sorted(i for _, test in parts for i in test) == list(range(len(talk)))
    for learn, test in parts:
        assert not {talk[i].group for i in learn} & {talk[i].group for i in test}


def test_too_few_dialogues_for_the_folds_are_refused() -> None:
    with pytest.raises(ScoringError, match="3 folds need as many dialogues"):
        split([*EXAMPLES[:90], Example(("x",), "abusive", "abusive1", "t")][:82], 3)


def test_it_learns_and_says_where_it_learned(trained: Trained) -> None:
    assert trained.judged[0].whole.macro_f1 > 0.9
    about = trained.emotion.description
    assert about.id == f"emotion-en-linear-{about.data[:8]}"
    assert about.examples == len(EXAMPLES)
    assert about.figures["linear"]["macro_f1"] == pytest.approx(trained.judged[0].whole.macro_f1, abs=1e-3)
    assert {source["licence"] for source in about.sources} == {"CC BY 4.0", "CDLA-Permissive 1.0"}


def test_the_later_one_ships_only_where_it_beats_the_noise() -> None:
    whole = figures(np.eye(6), np.arange(6))

    def judged(kind: str, *by_fold: float) -> Judged:
        return Judged(kind, whole, by_fold, 0.0)

    base = judged("linear", 0.60, 0.62, 0.64)
    assert choose([base])[0] == 0
    assert choose([base, judged("network", 0.63, 0.65, 0.67)])[0] == 1
    place, why = choose([base, judged("network", 0.70, 0.55, 0.63)])  # +0.007, +-0.05
    assert place == 0
    assert why == "linear ships: macro-F1 of network minus linear: +0.0067, standard error 0.0498"


def test_a_model_comes_back_from_its_file_as_it_was(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "emotion.npz"
    save(file, trained.emotion)
    again = load_emotion(file)
    texts = [example.tokens for example in EXAMPLES] + [("unknown",), ()]
    assert again.probabilities(texts) == pytest.approx(trained.emotion.probabilities(texts), abs=5e-3)
    assert again.description == trained.emotion.description
    assert [p.name for p in tmp_path.iterdir()] == ["emotion.npz"]


def test_the_judge_weighs_turns_by_their_words(trained: Trained) -> None:
    judge = TextJudge(trained.emotion)
    assert judge.languages == {"en"}
    angry, calm = judge.p_negative(["hate terrible"]), judge.p_negative(["account number"])
    assert angry is not None
    assert calm is not None
    assert angry > 0.5 > calm
    assert judge.p_negative(["hate terrible", "account number"]) == pytest.approx((angry + calm) / 2)
    assert judge.p_negative(["hate terrible", "?!", ""]) == pytest.approx(angry)
    assert judge.p_negative(["?!"]) is None
    assert judge.p_negative([]) is None


def spoil(file: Path, **arrays: object) -> Path:
    with np.load(file) as stored:
        kept = {name: stored[name] for name in stored.files}
    kept |= {name: np.asarray(array) for name, array in arrays.items()}
    np.savez(file, **kept)
    return file


def test_a_spoiled_file_is_refused_with_its_name_and_never_run(trained: Trained, tmp_path: Path) -> None:
    file = tmp_path / "emotion.npz"
    with pytest.raises(ModelError, match="no model of emotion there"):
        load_judge(file)
    save(file, trained.emotion)
    whole = file.read_bytes()
    for content in (b"", b"PK not a zip", whole[: len(whole) // 2], b"\x80\x04K\x01."):
        file.write_bytes(content)
        with pytest.raises(ModelError, match=r"emotion\.npz: no model of emotion"):
            load(file)
    file.write_bytes(whole)
    with pytest.raises(ModelError, match=r"emotion\.npz: model of emotion: its arrays do not fit"):
        load_emotion(spoil(file, bias=np.zeros(5)))
    with pytest.raises(ModelError, match="no model of emotion"):
        load(spoil(file, bias=np.array([{"a": "pickle"}], dtype=object)))
    file.write_bytes(whole)
    text = np.frombuffer(b'{"format": 9, "classes": []}', dtype=np.uint8)
    with pytest.raises(ModelError, match="another version, or for other emotions"):
        load(spoil(file, description=text))


def test_a_kind_nobody_knows_is_refused(trained: Trained, tmp_path: Path) -> None:
    about = trained.emotion.description
    odd = Emotion(
        trained.emotion.classifier, type(about)(**{n: getattr(about, n) for n in about.__slots__} | {"kind": "oracle"})
    )
    save(tmp_path / "odd.npz", odd)
    with pytest.raises(ModelError, match=r"odd\.npz: a kind of model that is not known: oracle"):
        load_emotion(tmp_path / "odd.npz")
    with pytest.raises(ModelError, match="no array 'terms'"):
        linear.restore({})


def test_the_shipped_model_is_small_and_knows_a_calm_voice_from_a_furious_one() -> None:
    emotion = load_emotion()
    judge = TextJudge(emotion)
    fury = judge.p_negative(["you stupid idiots, this is disgusting and I hate you"])
    calm = judge.p_negative(["what is the balance of my account"])
    assert fury is not None
    assert calm is not None
    assert fury > 0.8
    assert calm < 0.3
    assert set(NEGATIVE) < set(CLASSES)
    assert set(emotion.description.figures) == {"linear", "network"}
