"""What a voice's decision rests on, as plain JSON values: for the record of a check, and in full for a warning."""

from __future__ import annotations

from typing import TYPE_CHECKING

from voicebot.model.voice import VoiceDecision

if TYPE_CHECKING:
    from voicebot.flow.checks import CheckInput


def voice_evidence(decision: VoiceDecision) -> dict[str, object]:
    """A decision: state, scores, limits, and which model and calibration made them."""
    return {
        "state": decision.state.value,
        "reason": decision.reason.value if decision.reason else None,
        "score": decision.score,
        "llr": decision.llr,
        "net_speech_s": decision.net_speech_s,
        "accept_limit": decision.accept_limit,
        "reject_limit": decision.reject_limit,
        "model_id": decision.model_id,
        "calibration_id": decision.calibration_id,
        **({"spoof": spoof_signs(decision)} if decision.spoof else {}),
    }


def spoof_signs(decision: VoiceDecision) -> list[dict[str, object]]:
    """The signs of a recording or a machine: which, its value, the limit it is held against, and whether it acts."""
    return [
        {"sign": s.kind.value, "value": round(s.value, 4), "limit": s.limit, "acts": s.acts, "risk": s.risk}
        for s in decision.spoof
    ]


def warning_evidence(given: CheckInput, decision: VoiceDecision) -> dict[str, object]:
    """The decision with every comparison before it: `t` is the offset in the recording, seconds."""
    course = [
        {
            "t": round(c.t, 2),
            "net_s": round(c.decision.net_speech_s, 2),
            "score": c.decision.score,
            "last_score": c.last_score,
            "llr": c.decision.llr,
            "state": c.decision.state.value,
            **({"spoof": spoof_signs(c.decision)} if c.decision.spoof else {}),
        }
        for c in given.comparisons
    ]
    return {**voice_evidence(decision), "comparisons": course, "recording": given.recording}
