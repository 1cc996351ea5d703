"""Evidence: the running mean and the watch for a change of speaker."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.voiceprint.helpers import GOOD, voice, voiceprint
from voicebot.model.voice import Embedding, Voiceprint, VoiceReason, VoiceState
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.decision import Policy, decide
from voicebot.voiceprint.evidence import EvidenceState, add_window, cosine, evidence, score_against, unit

CAL = Calibration("test", "model-1", a=20.0, b=0.0, c=0.0, d=-10.0)
OWN, OTHER = 1, 2


def run(windows: list[tuple[Embedding, float]], known: Voiceprint | None = None) -> EvidenceState:
    state = EvidenceState()
    for embedding, net_s in windows:
        state = add_window(state, embedding, net_s, GOOD, known, calibration=CAL, policy=Policy())
    return state


def of(speaker: int, count: int, first: int = 0) -> list[tuple[Embedding, float]]:
    return [(voice(speaker, first + i), 2.0) for i in range(count)]


def reason_after(windows: list[tuple[Embedding, float]]) -> tuple[VoiceState, VoiceReason | None]:
    decision = decide(evidence(run(windows, voiceprint(OWN))), CAL, Policy())
    return decision.state, decision.reason


def test_score_of_one_window_is_its_cosine() -> None:
    known = voiceprint(OWN)
    state = run([(voice(OWN), 2.0)], known)
    assert state.score == pytest.approx(cosine(voice(OWN), known.embeddings[0]))
    assert state.last_score == pytest.approx(state.score)


def test_mean_is_weighted_by_seconds() -> None:
    known = voiceprint(OWN)
    state = run([(voice(OWN), 3.0), (voice(OTHER), 1.0)], known)
    mean = 3.0 * unit(voice(OWN)) + unit(voice(OTHER))
    assert state.score == pytest.approx(cosine(mean, known.embeddings[0]))
    assert state.net_s == pytest.approx(4.0)


def test_the_mean_of_many_windows_scores_higher_than_one() -> None:
    known = voiceprint(OWN)
    assert (run(of(OWN, 6), known).score or 0) > (run(of(OWN, 1), known).score or 1)


@settings(max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.5, 3.0)), min_size=1, max_size=6), st.randoms())
def test_order_of_windows_does_not_matter(takes: list[tuple[int, float]], shuffle: object) -> None:
    windows = [(voice(OWN, take), seconds) for take, seconds in takes]
    mixed = list(windows)
    shuffle.shuffle(mixed)  # type: ignore[attr-defined]
    # No change of speaker can be seen in one speaker's windows, so all of them count, in any order.
    one, other = (run(w, None) for w in (windows, mixed))
    np.testing.assert_allclose(one.total, other.total, atol=1e-9)
    assert one.net_s == pytest.approx(other.net_s)


def test_without_a_voiceprint_seconds_are_counted_and_nothing_is_scored() -> None:
    seen = evidence(run(of(OWN, 3)))
    assert (seen.net_speech_s, seen.score, seen.last_score) == (6.0, None, None)


def test_several_vectors_count_by_centroid_and_best() -> None:
    one, other = voice(OWN, 0), voice(OWN, 1)
    known = Voiceprint("C-1", "model-1", (one, other), 12.0, GOOD, "")
    centroid = cosine(one, unit(one) + unit(other))
    assert score_against(one, known) == pytest.approx((centroid + 1.0) / 2)


def test_phone_handed_over_takes_the_match_away() -> None:
    assert reason_after(of(OWN, 4)) == (VoiceState.MATCH, None)
    assert reason_after(of(OWN, 4) + of(OTHER, 1))[0] is VoiceState.MATCH
    assert reason_after(of(OWN, 4) + of(OTHER, 2)) == (VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE)


def test_after_a_change_it_is_never_a_mismatch_however_long() -> None:
    assert reason_after(of(OWN, 4) + of(OTHER, 12)) == (VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE)


def test_phone_handed_back_must_be_verified_anew() -> None:
    handed_back = of(OWN, 4) + of(OTHER, 3)
    assert reason_after(handed_back + of(OWN, 3, first=10)) == (VoiceState.MATCH, None)
    state = run(handed_back + of(OWN, 3, first=10), voiceprint(OWN))
    assert state.net_s == pytest.approx(6.0)  # only what came since


def test_and_taken_away_again() -> None:
    story = of(OWN, 4) + of(OTHER, 2) + of(OWN, 3, first=10) + of(OTHER, 2, first=20)
    assert reason_after(story) == (VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE)


def test_another_voice_from_the_start_is_a_mismatch_not_a_change() -> None:
    assert reason_after(of(OTHER, 5)) == (VoiceState.MISMATCH, None)


def test_a_short_odd_piece_is_no_change() -> None:
    story = [*of(OWN, 4), (voice(OTHER, 0), 1.0), (voice(OTHER, 1), 1.0)]
    assert run(story, voiceprint(OWN)).low_windows == 0
