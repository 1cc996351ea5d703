"""A voiceprint's age, and what a call may add to it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.voiceprint.helpers import GOOD, voice, voiceprint
from voicebot.model.voice import VoiceDecision, VoiceQuality, VoiceReason, VoiceState
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.ageing import adapted, expired
from voicebot.voiceprint.enrolment import EnrolmentSample

MADE = datetime(2026, 1, 1, tzinfo=UTC)
SURE = VoiceDecision(VoiceState.MATCH, None, 0.9, 9.5, 8.0, 4.6, -4.6, "model-1", "c")
SETTINGS = VoiceprintSettings(adapt=True, adapt_max_vectors=3)


def samples(count: int = 4, speaker: int = 1, quality: VoiceQuality = GOOD) -> tuple[EnrolmentSample, ...]:
    """`count` windows of 2 s."""
    return tuple(
        EnrolmentSample(voice(speaker, 50 * speaker + n), 2.0, quality, (str(n),), "call") for n in range(count)
    )


@pytest.mark.parametrize(("days", "wanted"), [(0, False), (729.99, False), (730, True), (4000, True)])
def test_it_expires_so_many_days_after_the_enrolment(days: float, wanted: bool) -> None:
    assert expired(voiceprint(1), MADE + timedelta(days=days), 730) is wanted


def test_an_enrolment_without_a_time_zone_counts_as_the_clocks() -> None:
    old = replace(voiceprint(1), enrolled_at="2024-01-01T00:00:00")
    assert expired(old, MADE, 730)


def test_a_call_beyond_doubt_adds_a_vector_and_the_enrolment_stays() -> None:
    before = voiceprint(1)
    after = adapted(before, samples(), SURE, SETTINGS)
    assert after is not None
    assert after.embeddings[:1] == before.embeddings
    assert (len(after.embeddings), after.added) == (2, 1)
    assert after.enrolled_at == before.enrolled_at  # adding makes it no younger
    assert sum(x * x for x in after.embeddings[1]) == pytest.approx(1.0)


def test_the_oldest_added_goes_first_and_never_what_was_enrolled() -> None:
    print_ = voiceprint(1)
    seen = []
    for n in range(5):
        after = adapted(print_, samples(4 + n), SURE, SETTINGS)
        assert after is not None
        print_ = after
        seen.append(print_.embeddings[-1])
    assert print_.embeddings == (*voiceprint(1).embeddings, *seen[-2:])
    assert print_.added == 2


def test_where_the_enrolment_fills_it_nothing_is_added() -> None:
    many = replace(voiceprint(1), embeddings=tuple(voice(1, n) for n in range(3)))
    assert adapted(many, samples(), SURE, SETTINGS) is None


@pytest.mark.parametrize(
    "decision",
    [
        replace(SURE, llr=9.2),  # alpha 0.01 % wants ln(0.99 / 0.0001) = 9.2003
        replace(SURE, llr=None),
        replace(SURE, reason=VoiceReason.SPOOF_RISK),
        replace(SURE, state=VoiceState.INCONCLUSIVE, reason=VoiceReason.SPEAKER_CHANGE),
        replace(SURE, state=VoiceState.MISMATCH),
    ],
)
def test_a_call_with_any_doubt_adds_nothing(decision: VoiceDecision) -> None:
    assert adapted(voiceprint(1), samples(), decision, SETTINGS) is None


@pytest.mark.parametrize(
    "heard",
    [
        (),
        samples(2),
        samples(quality=VoiceQuality(snr_db=9.0)),
        samples(quality=VoiceQuality(snr_db=None)),
        samples(quality=VoiceQuality(snr_db=30.0, clipping=0.05)),
        samples(3) + samples(3, speaker=2),
    ],
    ids=["nothing", "too little", "noisy", "noise unknown", "clipped", "two people"],
)
def test_speech_that_would_not_do_for_an_enrolment_adds_nothing(heard: tuple[EnrolmentSample, ...]) -> None:
    assert adapted(voiceprint(1), heard, SURE, SETTINGS) is None
