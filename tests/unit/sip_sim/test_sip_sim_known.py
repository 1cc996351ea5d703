"""Prompts known by their sound."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sip_sim.audio import write_wav
from sip_sim.g711 import Samples, through
from sip_sim.known import INSIDE, known_of, load_known, sentence_ends


def voiced(seconds: float, seed: int) -> Samples:
    return np.asarray(np.random.default_rng(seed).standard_normal(round(seconds * 8000)) * 2000, dtype=np.int16)


SILENCE = np.zeros(5200, dtype=np.int16)
ONE = np.concatenate([voiced(1.0, 1), SILENCE, voiced(0.8, 2), SILENCE[:900]])
TWO = voiced(1.5, 3)
KNOWN = known_of([("first, and more", ONE), ("second", TWO)])


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
def test_a_prompt_is_known_by_its_end_through_the_telephone(codec: str) -> None:
    said = np.concatenate([SILENCE[:1601], TWO, voiced(0.7, 9), ONE[8000 + 5200 :], SILENCE])
    assert KNOWN.text_of(through(codec, said)) == "first, and more"
    assert KNOWN.text_of(through(codec, np.concatenate([SILENCE[:777], TWO, SILENCE]))) == "second"


def test_a_sentence_inside_a_prompt_is_known_and_has_no_words_yet() -> None:
    assert KNOWN.text_of(np.concatenate([SILENCE[:300], ONE[:8000], SILENCE])) == INSIDE


def test_what_is_cut_off_or_unknown_is_left_to_the_recogniser() -> None:
    assert KNOWN.text_of(np.concatenate([TWO[:7000], SILENCE])) is None
    assert KNOWN.text_of(voiced(1.0, 7)) is None
    assert KNOWN.text_of(SILENCE) is None
    assert known_of([]).text_of(TWO) is None


def test_sentences_end_before_pauses() -> None:
    assert sentence_ends(ONE) == [8000, 19680]  # in frames of 20 ms
    assert sentence_ends(SILENCE) == []


def test_a_folder_is_read_once_its_index_is_there(tmp_path: Path) -> None:
    assert load_known(tmp_path) is None
    write_wav(tmp_path / "a.wav", TWO)
    (tmp_path / "index.json").write_text(json.dumps([{"text": "second", "wav": "a.wav"}]))
    known = load_known(tmp_path)
    assert known is not None
    assert known.text_of(TWO) == "second"
