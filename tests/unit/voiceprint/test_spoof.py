"""Signs of a recording or a machine in a call: what is noted, what raises the risk, and that no decision turns."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.voiceprint.helpers import voice, voiceprint
from tests.unit.voiceprint.test_replayed import RATE, spoken
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.voice import SpoofKind, VoiceReason, VoiceState
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.replayed import EarlierCalls
from voicebot.voiceprint.sketch import decode
from voicebot.voiceprint.spoof import SpoofPolicy, SpoofWatch, spoof_policy
from voicebot.voiceprint.synthetic import Detector, load_detector
from voicebot.voiceprint.tracker import VoiceTracker

CAL = Calibration("test", "model-1", a=20.0, b=0.0, c=0.0, d=-10.0)
POLICY = SpoofPolicy()
#: Finds a machine in every window.
SURE = replace(load_detector("default"), weights=(0.0,) * 104, bias=5.0)


def call(watch: SpoofWatch, seeds: range) -> VoiceTracker:
    """A call in which these sounds are heard, one utterance each, in the customer's voice."""
    tracker = VoiceTracker(voiceprint(1), CAL, Policy(), spoof=watch)
    t = 0.0
    for seed in seeds:
        sound = np.concatenate((np.random.default_rng(seed).normal(size=RATE) * 20, spoken(seed, 3.0) * 9000))
        sound = np.concatenate((sound, np.zeros(RATE)))
        for at in range(0, len(sound) - 255, 256):
            frame = AudioFrame(sound[at : at + 256].astype(np.int16).tobytes(), RATE, t)
            speech = RATE <= at < 4 * RATE
            tracker.add_audio(frame, [SpeechChunk(t, t + 0.032, 0.95 if speech else 0.02)])
            t += 0.032
        while (window := tracker.pending_window()) is not None:
            tracker.add_embedding(voice(1, seed), window)
        while (stretch := watch.pending_stretch()) is not None:
            watch.add_stretch(watch.examine(stretch))
    return tracker


def earlier(seeds: range) -> EarlierCalls:
    watch = SpoofWatch(POLICY, None)
    call(watch, seeds)
    assert watch.sketch is not None
    return EarlierCalls([decode(watch.sketch)])


def test_a_match_that_is_a_recording_stays_a_match_and_carries_the_risk() -> None:
    decision = call(SpoofWatch(POLICY, None, earlier(range(3))), range(1, 3)).decision()
    assert (decision.state, decision.reason) == (VoiceState.MATCH, VoiceReason.SPOOF_RISK)
    [sign] = decision.spoof
    assert (sign.kind, sign.limit, sign.risk) == (SpoofKind.REPLAY, POLICY.replay_limit, True)
    assert sign.value > sign.limit


def test_other_words_of_the_same_person_are_noted_and_no_risk() -> None:
    decision = call(SpoofWatch(POLICY, None, earlier(range(3))), range(7, 10)).decision()
    assert (decision.state, decision.reason) == (VoiceState.MATCH, None)
    assert [s.risk for s in decision.spoof] == [False]


@pytest.mark.parametrize(("acts", "reason"), [(True, VoiceReason.SPOOF_RISK), (False, None)])
def test_a_machine_is_a_risk_where_the_bank_says_so(acts: bool, reason: VoiceReason | None) -> None:
    tracker = call(SpoofWatch(replace(POLICY, replay=False, synthetic_acts=acts), SURE), range(3))
    decision = tracker.decision()
    assert (decision.state, decision.reason) == (VoiceState.MATCH, reason)
    [sign] = decision.spoof
    assert (sign.kind, sign.value, sign.acts) == (SpoofKind.SYNTHETIC, 5.0, acts)
    assert tracker.spoof is not None
    tracker.restart()
    assert tracker.decision().spoof == ()


def test_the_banks_own_limit_counts() -> None:
    watch = SpoofWatch(replace(POLICY, synthetic_acts=True, synthetic_limit=5.5), SURE)
    assert [s.risk for s in call(watch, range(3)).decision().spoof] == [False]


@pytest.mark.parametrize("mode", ["off", "note", "risk"])
def test_the_settings_say_what_is_looked_for_and_what_acts(mode: str) -> None:
    policy = spoof_policy(VoiceprintSettings(replay=mode, synthetic=mode))  # type: ignore[arg-type]
    assert (policy.replay, policy.replay_acts) == (mode != "off", mode == "risk")
    assert (policy.synthetic, policy.synthetic_acts) == (mode != "off", mode == "risk")
    detector: Detector = SURE
    watch = SpoofWatch(policy, detector, earlier(range(2)))
    assert len(call(watch, range(3)).decision().spoof) == (0 if mode == "off" else 2)
