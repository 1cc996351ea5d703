"""The tracker: one call from sound to decision, with a made-up encoder."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.unit.voiceprint.helpers import voice, voiceprint
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.voice import Voiceprint, VoiceReason, VoiceState
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.enrolment import enrol
from voicebot.voiceprint.tracker import VoiceTracker

CAL = Calibration("test", "model-1", a=20.0, b=0.0, c=0.0, d=-10.0)
RATE = 8000


class Call:
    """Speaks into a tracker: one frame and one chunk of 32 ms at a time."""

    def __init__(self, known: Voiceprint | None, **more: bool) -> None:
        self.tracker = VoiceTracker(known, CAL, Policy(), **more)
        self.t = 0.0
        self.take = 0

    def sound(self, seconds: float, level: float, probability: float) -> None:
        for _ in range(round(seconds / 0.032)):
            samples = np.random.default_rng(round(self.t * 1000)).normal(size=256) * level
            frame = AudioFrame(samples.astype(np.int16).tobytes(), RATE, self.t)
            self.tracker.add_audio(frame, [SpeechChunk(self.t, self.t + 0.032, probability)])
            self.t += 0.032

    def silence(self, seconds: float, level: float = 20.0) -> None:
        self.sound(seconds, level, 0.02)

    def speaks(self, seconds: float, speaker: int = 1, *, now: bool = False) -> None:
        self.sound(seconds, 2000.0, 0.95)
        while (window := self.tracker.pending_window(now=now)) is not None:
            self.tracker.add_embedding(voice(speaker, self.take), window)
            self.take += 1

    def state(self) -> tuple[VoiceState, VoiceReason | None]:
        decision = self.tracker.decision()
        return decision.state, decision.reason


def test_own_voice_over_a_call() -> None:
    call = Call(voiceprint(1))
    call.silence(1.0)
    assert call.state() == (VoiceState.INCONCLUSIVE, VoiceReason.NOT_ENOUGH_SPEECH)
    call.speaks(2.1)
    assert call.state() == (VoiceState.MATCH, None)
    assert call.tracker.decision().net_speech_s == pytest.approx(2.0)
    assert call.tracker.evidence.quality.snr_db == pytest.approx(40.0, abs=1.0)


def test_other_voice() -> None:
    call = Call(voiceprint(1))
    call.silence(1.0)
    call.speaks(2.1, speaker=2)
    assert call.state() == (VoiceState.MISMATCH, None)


def test_other_voice_where_no_silence_was_ever_heard_is_no_mismatch() -> None:
    call = Call(voiceprint(1))
    call.speaks(4.1, speaker=2)
    assert call.state() == (VoiceState.INCONCLUSIVE, VoiceReason.NOISY)


def test_a_decision_needed_now_takes_the_leftover_from_one_and_a_half_seconds_on() -> None:
    call = Call(voiceprint(1))
    call.speaks(1.4, now=True)
    assert call.state() == (VoiceState.INCONCLUSIVE, VoiceReason.NOT_ENOUGH_SPEECH)
    assert call.tracker.net_speech_s == pytest.approx(1.4, abs=0.04)
    call.speaks(0.2, now=True)
    assert call.state() == (VoiceState.MATCH, None)
    call.speaks(0.9, now=True)
    assert len(call.tracker.history) == 1  # under one second more is not worth an embedding
    call.speaks(0.2, now=True)
    assert len(call.tracker.history) == 2


def test_what_is_heard_while_the_bot_speaks_does_not_count() -> None:
    call = Call(voiceprint(1))
    call.tracker.bot_spoke(0.0, 3.0)
    call.speaks(3.0, speaker=2)
    assert call.tracker.net_speech_s == 0.0
    assert call.tracker.history == ()


def test_noise_makes_it_inconclusive() -> None:
    call = Call(voiceprint(1))
    call.silence(1.0, level=1500.0)
    call.speaks(2.1)
    assert call.state() == (VoiceState.INCONCLUSIVE, VoiceReason.NOISY)


def test_lost_packets_make_it_inconclusive() -> None:
    call = Call(voiceprint(1))
    call.tracker.lost_frames(0.3)
    call.speaks(2.1)
    assert call.state() == (VoiceState.INCONCLUSIVE, VoiceReason.CHANNEL)


def test_phone_handed_over() -> None:
    call = Call(voiceprint(1))
    call.speaks(4.1)
    call.speaks(2.0, speaker=2)
    assert call.state() == (VoiceState.MATCH, None)
    call.speaks(2.0, speaker=2)
    assert call.state() == (VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE)


@pytest.mark.parametrize(
    ("known", "more", "reason"),
    [
        (None, {}, VoiceReason.NOT_ENROLLED),
        (voiceprint(1, model_id="another-model"), {}, VoiceReason.NOT_ENROLLED),
        (replace(voiceprint(1), embeddings=()), {}, VoiceReason.NOT_ENROLLED),
        (voiceprint(1), {"opted_out": True}, VoiceReason.OPTED_OUT),
        (voiceprint(1), {"expired": True}, VoiceReason.EXPIRED),
    ],
    ids=["none", "of another model", "empty", "opted out", "expired"],
)
def test_no_comparison(known: Voiceprint | None, more: dict[str, bool], reason: VoiceReason) -> None:
    call = Call(known, **more)
    call.speaks(4.1)
    assert call.state() == (VoiceState.INCONCLUSIVE, reason)
    assert call.tracker.decision().score is None


def test_raised_voice_and_spoof_risk_can_come_and_go() -> None:
    call = Call(voiceprint(1))
    call.speaks(2.1)
    call.tracker.spoof_risk = True
    assert call.state() == (VoiceState.MATCH, VoiceReason.SPOOF_RISK)
    call = Call(voiceprint(1))
    call.silence(1.0)
    call.speaks(2.1, speaker=2)
    call.tracker.emotional = True
    assert call.state() == (VoiceState.INCONCLUSIVE, VoiceReason.EMOTIONAL)
    call.tracker.emotional = False
    assert call.state() == (VoiceState.MISMATCH, None)


def test_a_steps_own_policy() -> None:
    call = Call(voiceprint(1))
    call.speaks(2.1)
    assert call.tracker.decision(Policy(alpha=1e-9)).state is VoiceState.INCONCLUSIVE


def test_history_tells_the_decision_after_each_window() -> None:
    call = Call(voiceprint(1))
    call.speaks(4.1)
    assert [h.decision.net_speech_s for h in call.tracker.history] == [pytest.approx(2.0), pytest.approx(4.0)]
    assert all(h.last_score is not None for h in call.tracker.history)


def test_enrolment_from_the_call_itself() -> None:
    call = Call(None)
    for _ in range(8):
        call.silence(1.5)
        call.speaks(3.0)
    result = enrol(call.tracker.enrolment_candidates(), VoiceprintSettings(enrol_min_net_s=10.0))
    assert result.accepted
    assert result.utterances >= 8
    assert result.net_s == pytest.approx(24.0, abs=2.0)


def test_the_same_call_gives_the_same_result() -> None:
    calls = [Call(voiceprint(1)), Call(voiceprint(1))]
    for call in calls:
        call.silence(0.5)
        call.speaks(5.0)
    assert calls[0].tracker.history == calls[1].tracker.history


def test_one_answers_voice_alone_whatever_came_before() -> None:
    call = Call(voiceprint(1))
    call.silence(1.0)
    call.speaks(6.1)
    asked = call.t
    assert call.tracker.since(asked) is None
    call.silence(0.5)
    call.speaks(2.6, speaker=2, now=True)
    assert call.state()[0] is VoiceState.MATCH
    alone = call.tracker.since(asked)
    assert alone is not None
    assert alone.llr is not None
    assert alone.llr < 0
    assert alone.net_speech_s == pytest.approx(2.0)
    whole = call.tracker.since(0.0)
    assert whole is not None
    assert whole.llr == call.tracker.decision().llr


def test_without_a_voiceprint_no_answer_has_a_voice() -> None:
    call = Call(None)
    call.speaks(4.1)
    assert call.tracker.since(0.0) is None


def test_a_stricter_flow_raises_the_limit_in_the_middle_of_a_call() -> None:
    call = Call(voiceprint(1))
    call.speaks(2.1)
    assert call.state()[0] is VoiceState.MATCH
    call.tracker.use(Policy(alpha=1e-9))
    assert call.state() == (VoiceState.INCONCLUSIVE, VoiceReason.BETWEEN_LIMITS)
