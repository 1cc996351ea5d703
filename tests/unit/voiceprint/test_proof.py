"""The proof of the check, on made-up voices: what is counted, and that it is what a call would decide."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.voiceprint.helpers import voice
from tests.unit.voiceprint.test_fitting import ABOUT, speaker
from voicebot.model.voice import Voiceprint, VoiceQuality, VoiceState
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.evidence import score_against
from voicebot.voiceprint.fitting import make_calibration
from voicebot.voiceprint.proof import Proof, prove, prove_stress
from voicebot.voiceprint.tracker import replay
from voicebot.voiceprint.trials import Scorer, Speaker, play

STRICT = Policy(alpha=0.001)


@pytest.fixture(scope="module")
def calibration() -> Calibration:
    return make_calibration([speaker(i) for i in range(1, 13)], **ABOUT, splits=1)


@pytest.fixture(scope="module")
def people() -> list[Speaker]:
    return [speaker(i) for i in range(20, 28)]


@pytest.fixture(scope="module")
def proof(people: list[Speaker], calibration: Calibration) -> Proof:
    return prove(people, calibration, [Policy(), STRICT])


def test_errors_fall_with_the_seconds_and_are_counted(proof: Proof) -> None:
    at = {r.seconds: r for r in proof.rates}
    assert set(at) == {1.0, 2.0, 3.0, 5.0, 10.0}
    assert at[1.0].eer.value > at[10.0].eer.value
    assert at[3.0].genuine == 8 * 7  # every window begins a call
    assert at[3.0].impostor == 8 * 7 * 7
    assert set(at[3.0].frr) == {0.01}  # 392 impostors cannot show one in a thousand
    assert at[3.0].eer.low <= at[3.0].eer.value <= at[3.0].eer.high


def test_calls_end_as_the_trackers_code_ends_them(
    proof: Proof, people: list[Speaker], calibration: Calibration
) -> None:
    wanted = []
    for call in play(people, 12):
        heard = [(w.embedding, w.net_s, w.quality, None) for w in call.windows]
        states = [d.state for d in replay(heard, people[call.voice].voiceprint, calibration, Policy())]
        wanted.append(next((s for s in states if s is not VoiceState.INCONCLUSIVE), VoiceState.INCONCLUSIVE))
    found = proof.sequential[0.01].genuine
    assert found.calls == len(wanted)
    assert found.shares["match"] == pytest.approx(wanted.count(VoiceState.MATCH) / len(wanted))
    assert sum(found.shares.values()) == pytest.approx(1.0)
    assert found.shares["match"] > 0.9
    assert proof.sequential[0.01].impostor.shares["match"] <= 0.01
    assert float(np.mean(found.decided_s)) <= float(np.mean(proof.sequential[0.001].genuine.decided_s))


def test_evidence_is_calibrated_and_changes_are_seen(proof: Proof) -> None:
    assert proof.cllr is not None
    assert proof.cllr.value < 0.2
    assert proof.changes["noticed_4s"] > 0.9
    assert proof.changes["false_alarm"] < 0.1


def test_noise_makes_it_unsure_and_never_wrong(people: list[Speaker], calibration: Calibration) -> None:
    """Voices that noise has made unlike themselves: no customer becomes an impostor."""
    noisy = [
        replace(
            p,
            windows=tuple(
                replace(w, embedding=voice(900 + i, n, 1.0), quality=VoiceQuality(snr_db=12.0))
                for n, w in enumerate(p.windows)
            ),
        )
        for i, p in enumerate(people)
    ]
    found = prove_stress(noisy, calibration, Policy(), starts=3).outcomes.genuine
    assert found.shares["mismatch"] == 0.0
    assert found.reasons["noisy"] > 0
    good = [replace(p, windows=tuple(replace(w, quality=VoiceQuality(30.0)) for w in p.windows)) for p in noisy]
    assert prove_stress(good, calibration, Policy(), starts=3).outcomes.genuine.shares["mismatch"] > 0.5


def test_who_is_not_heard_any_more_has_no_calls(people: list[Speaker], calibration: Calibration) -> None:
    silent = [replace(people[0], windows=()), *people[1:3]]
    found = prove_stress(silent, calibration, Policy(), starts=2)
    assert found.outcomes.genuine.calls == 4
    none = prove_stress([replace(p, windows=()) for p in people], calibration, Policy(), starts=2)
    assert none.rates is None
    assert none.outcomes.genuine.calls == 0


def test_many_voiceprints_at_once_score_as_one_by_one() -> None:
    prints = [
        Voiceprint("a", "m", (voice(1, 0), voice(1, 1)), 10.0, VoiceQuality(), ""),
        Voiceprint("b", "m", (voice(2, 0),), 10.0, VoiceQuality(), ""),
        Voiceprint("c", "m", (voice(3, 0), voice(3, 1), voice(3, 2)), 10.0, VoiceQuality(), ""),
    ]
    heard = np.array(voice(2, 5))
    assert Scorer(prints)(heard) == pytest.approx([score_against(heard, p) for p in prints])
