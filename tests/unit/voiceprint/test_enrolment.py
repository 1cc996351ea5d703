"""Enrolment: accepted with all that is needed, or refused with what is missing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.voiceprint.helpers import GOOD, voice
from voicebot.model.voice import VoiceQuality
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.enrolment import EnrolmentSample, enrol
from voicebot.voiceprint.evidence import cosine

SETTINGS = VoiceprintSettings(enrol_min_net_s=10.0)


def sample(take: int, net_s: float = 2.0, speaker: int = 1, source: str = "", **quality: float) -> EnrolmentSample:
    return EnrolmentSample(voice(speaker, take), net_s, replace(GOOD, **quality), (str(take),), source)


def samples(count: int, **more: float) -> list[EnrolmentSample]:
    return [sample(i, **more) for i in range(count)]  # type: ignore[arg-type]


def test_accepted() -> None:
    result = enrol(samples(6), SETTINGS)
    assert result.accepted
    assert result.refusal() == ""
    assert (result.net_s, result.utterances) == (12.0, 6)
    known = result.voiceprint("C-1", "model-1", "2026-01-01T00:00:00+00:00", "K-1")
    assert known.net_speech_s == 12.0
    assert known.consent_id == "K-1"
    assert np.linalg.norm(known.embeddings[0]) == pytest.approx(1.0)
    assert cosine(known.embeddings[0], voice(1, 99)) > cosine(voice(1, 0), voice(1, 99))  # the mean knows more than one


REFUSALS = [
    ("nothing", [], "0.0 s of 10 s; 0 of 3 utterances"),
    ("too short", [sample(0, 3.1), sample(1, 3.1)], "6.2 s of 10 s; 2 of 3 utterances"),
    ("hair's breadth", samples(3, net_s=3.33), "9.9 s of 10 s"),
    ("few utterances", [sample(0, 6.0), sample(1, 6.0)], "2 of 3 utterances"),
    ("noisy", samples(6, snr_db=7.0), "too noisy (7 dB of 10 dB)"),
    ("clipped", samples(6, clipping=0.034), "clipped (3.4 % of samples, at most 1 %)"),
    ("mostly silence", samples(6, speech_share=0.42), "too little speech in the recording (42 % of 50 %)"),
    ("two people", samples(3) + [sample(i, speaker=2) for i in range(3, 6)], "more than one speaker"),
    ("one word by another", [*samples(5), sample(9, speaker=2)], "more than one speaker"),
    (
        "two people on two lines",
        [sample(i, source="a") for i in range(3)] + [sample(i, speaker=2, source="b") for i in range(3, 6)],
        "more than one speaker",
    ),
    (
        "all at once",
        [sample(0, 2.0, snr_db=5.0), sample(1, 2.0, 2, snr_db=5.0)],
        "4.0 s of 10 s; 2 of 3 utterances; too noisy (5 dB of 10 dB); more than one speaker",
    ),
]


@pytest.mark.parametrize(("given_samples", "text"), [r[1:] for r in REFUSALS], ids=[r[0] for r in REFUSALS])
def test_refusal_says_what_is_missing(given_samples: list[EnrolmentSample], text: str) -> None:
    result = enrol(given_samples, SETTINGS)
    assert result.refusal() == text
    assert result.embeddings == ()
    with pytest.raises(ValueError, match="refused"):
        result.voiceprint("C-1", "model-1", "")


def test_unknown_snr_is_no_reason_to_refuse() -> None:
    quality = VoiceQuality(snr_db=None)
    assert enrol([replace(s, quality=quality) for s in samples(6)], SETTINGS).accepted


def test_the_settings_rule() -> None:
    assert enrol(samples(3), VoiceprintSettings(enrol_min_net_s=6)).accepted
    assert enrol(samples(6), VoiceprintSettings(enrol_min_net_s=20)).refusal() == "12.0 s of 20 s"


def test_a_window_over_two_utterances_counts_both_once() -> None:
    spanning = [replace(s, utterances=(str(i), str(i + 1))) for i, s in enumerate(samples(6))]
    assert enrol(spanning, SETTINGS).utterances == 7


def test_several_lines_keep_several_vectors() -> None:
    lines = [sample(i, source="mobile" if i < 3 else "landline") for i in range(6)]
    assert len(enrol(lines, SETTINGS).embeddings) == 2


def test_short_recordings_share_one_vector() -> None:
    recordings = [sample(i, source=f"file {i}") for i in range(6)]
    assert len(enrol(recordings, SETTINGS).embeddings) == 1


@settings(max_examples=30)
@given(st.permutations(list(range(6))))
def test_order_does_not_matter(order: list[int]) -> None:
    whole = samples(6)
    np.testing.assert_allclose(
        enrol([whole[i] for i in order], SETTINGS).embeddings, enrol(whole, SETTINGS).embeddings, atol=1e-12
    )


@settings(max_examples=50)
@given(st.lists(st.floats(0.3, 2.0), max_size=4))
def test_never_accepted_under_the_seconds(lengths: list[float]) -> None:
    result = enrol([sample(i, s) for i, s in enumerate(lengths)], SETTINGS)
    assert not result.accepted
    assert f"{len(lengths)} of 3" in result.refusal() or len(lengths) >= 3
