"""Decision: every state and every reason, and what must never happen."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.model.voice import VoiceEvidence, VoiceQuality, VoiceReason, VoiceState
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.decision import Policy, decide, policy_from

#: LLR = 20 * (score - 0.5), whatever the seconds.
CAL = Calibration("test", "model-1", a=20.0, b=0.0, c=0.0, d=-10.0)
GOOD = VoiceQuality(snr_db=30.0)
HIGH, MIDDLE, LOW = 0.9, 0.5, 0.1


def seen(score: float | None, net_s: float = 4.0, **more: object) -> VoiceEvidence:
    values: dict[str, object] = {"last_score": score, "quality": GOOD} | more
    return VoiceEvidence(net_s, score, **values)  # type: ignore[arg-type]


CASES = [
    ("own voice", seen(HIGH), {}, "match", None),
    ("other voice", seen(LOW), {}, "mismatch", None),
    ("between", seen(MIDDLE), {}, "inconclusive", "between_limits"),
    ("nothing heard", seen(None, 0.0), {}, "inconclusive", "not_enough_speech"),
    ("own voice, too short", seen(HIGH, 1.4), {}, "inconclusive", "not_enough_speech"),
    ("other voice, too short", seen(LOW, 1.4), {}, "inconclusive", "not_enough_speech"),
    ("just enough", seen(HIGH, 1.5), {}, "match", None),
    ("noise", seen(HIGH, quality=VoiceQuality(snr_db=7.9)), {}, "inconclusive", "noisy"),
    ("noise hides a mismatch too", seen(LOW, quality=VoiceQuality(snr_db=7.9)), {}, "inconclusive", "noisy"),
    ("noise unknown", seen(HIGH, quality=VoiceQuality(snr_db=None)), {}, "match", None),
    ("packets lost", seen(LOW, quality=VoiceQuality(30.0, lost_frames=0.3)), {}, "inconclusive", "channel"),
    ("clipped", seen(HIGH, quality=VoiceQuality(30.0, clipping=0.2)), {}, "inconclusive", "channel"),
    ("noise unknown, other voice", seen(LOW, quality=VoiceQuality(snr_db=None)), {}, "inconclusive", "noisy"),
    ("some noise, own voice", seen(HIGH, quality=VoiceQuality(snr_db=19.0)), {}, "match", None),
    ("some noise, quite another voice", seen(-0.3, quality=VoiceQuality(snr_db=19.0)), {}, "mismatch", None),
    ("more noise, quite another voice", seen(-0.3, quality=VoiceQuality(snr_db=13.0)), {}, "inconclusive", "noisy"),
    ("angry, quite another voice", seen(-0.3), {"emotional": True}, "mismatch", None),
    ("some noise, other voice", seen(LOW, quality=VoiceQuality(snr_db=19.0)), {}, "inconclusive", "noisy"),
    ("some loss, own voice", seen(HIGH, quality=VoiceQuality(30.0, lost_frames=0.15)), {}, "match", None),
    ("some loss, other voice", seen(LOW, quality=VoiceQuality(30.0, lost_frames=0.15)), {}, "inconclusive", "channel"),
    ("angry, own voice", seen(HIGH), {"emotional": True}, "match", None),
    ("a match holds", seen(0.55, peak_llr=6.0), {}, "match", None),
    ("a match holds no longer", seen(0.49, peak_llr=6.0), {}, "inconclusive", "between_limits"),
    ("noise takes no match away", seen(0.55, peak_llr=6.0, quality=VoiceQuality(snr_db=7.9)), {}, "match", None),
    (
        "noise keeps no match up",
        seen(0.49, peak_llr=6.0, quality=VoiceQuality(snr_db=7.9)),
        {},
        "inconclusive",
        "noisy",
    ),
    (
        "another in noise",
        seen(HIGH, peak_llr=6.0, low_windows=2, quality=VoiceQuality(7.9)),
        {},
        "inconclusive",
        "speaker_change",
    ),
    ("a match that was none", seen(0.55, peak_llr=4.0), {}, "inconclusive", "between_limits"),
    ("a match, then another", seen(LOW, peak_llr=6.0), {}, "mismatch", None),
    ("angry", seen(LOW), {"emotional": True}, "inconclusive", "emotional"),
    ("spoof risk is no gate", seen(HIGH), {"spoof_risk": True}, "match", "spoof_risk"),
    ("spoof risk, other voice", seen(LOW), {"spoof_risk": True}, "mismatch", None),
    ("not enrolled", seen(None), {"enrolled": False}, "inconclusive", "not_enrolled"),
    ("opted out", seen(HIGH), {"opted_out": True}, "inconclusive", "opted_out"),
    ("opted out and never enrolled", seen(None), {"opted_out": True, "enrolled": False}, "inconclusive", "opted_out"),
    ("expired", seen(HIGH), {"expired": True}, "inconclusive", "expired"),
    ("two low windows", seen(HIGH, low_windows=2), {}, "inconclusive", "speaker_change"),
    ("one low window", seen(HIGH, low_windows=1), {}, "match", None),
    ("changed, nothing since", seen(None, 0.0, changed=True, low_windows=2), {}, "inconclusive", "speaker_change"),
    ("changed, another since", seen(LOW, changed=True), {}, "inconclusive", "speaker_change"),
    ("changed, unsure since", seen(MIDDLE, changed=True), {}, "inconclusive", "speaker_change"),
    ("changed and verified again", seen(HIGH, changed=True), {}, "match", None),
]


@pytest.mark.parametrize(("evidence", "flags", "state", "reason"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_state_and_reason(evidence: VoiceEvidence, flags: dict[str, bool], state: str, reason: str | None) -> None:
    decision = decide(evidence, CAL, Policy(), **flags)
    assert (decision.state.value, decision.reason and decision.reason.value) == (state, reason)


def test_every_reason_has_a_case() -> None:
    assert {c[4] for c in CASES} - {None} == {r.value for r in VoiceReason}


def test_record_explains_itself() -> None:
    decision = decide(seen(HIGH), CAL, Policy(alpha=0.001, beta=0.02))
    assert decision.llr == pytest.approx(8.0)
    assert decision.accept_limit == pytest.approx(math.log(0.98 / 0.001))
    assert decision.reject_limit == pytest.approx(math.log(0.02 / 0.999))
    assert (decision.score, decision.net_speech_s) == (HIGH, 4.0)
    assert (decision.model_id, decision.calibration_id) == ("model-1", "test")


def test_who_opted_out_is_not_compared() -> None:
    decision = decide(seen(HIGH), CAL, Policy(), opted_out=True)
    assert decision.score is None
    assert decision.llr is None


def test_stricter_policy_of_a_flow() -> None:
    settings = VoiceprintSettings()
    evidence = seen(0.75)  # LLR 5.0: over ln(99) = 4.6, under ln(990) = 6.9
    assert decide(evidence, CAL, policy_from(settings)).state is VoiceState.MATCH
    strict = policy_from(settings, alpha=0.001)
    assert decide(evidence, CAL, strict).reason is VoiceReason.BETWEEN_LIMITS


@given(
    net_s=st.floats(0, 1.499),
    score=st.floats(-1, 1),
    asked=st.floats(0, 1.5),
    low=st.integers(0, 3),
    changed=st.booleans(),
)
def test_never_a_decision_under_the_floor(net_s: float, score: float, asked: float, low: int, changed: bool) -> None:
    evidence = seen(score, net_s, low_windows=low, changed=changed)
    assert decide(evidence, CAL, Policy(min_net_s=asked)).state is VoiceState.INCONCLUSIVE


@given(score=st.floats(-1, 1), net_s=st.floats(1.5, 60), snr=st.floats(-10, 7.99))
def test_never_a_decision_in_noise(score: float, net_s: float, snr: float) -> None:
    decision = decide(seen(score, net_s, quality=VoiceQuality(snr_db=snr)), CAL, Policy())
    assert decision.state is VoiceState.INCONCLUSIVE


@given(score=st.floats(-1, 1), net_s=st.floats(0, 60), low=st.integers(0, 3), changed=st.booleans())
def test_inconclusive_says_why_and_match_is_over_the_limit(score: float, net_s: float, low: int, changed: bool) -> None:
    decision = decide(seen(score, net_s, low_windows=low, changed=changed), CAL, Policy())
    assert (decision.reason is None) == (decision.state is not VoiceState.INCONCLUSIVE)
    if decision.state is VoiceState.MATCH:
        assert decision.llr is not None
        assert decision.llr >= decision.accept_limit
