"""The decision: match, mismatch or inconclusive, and why (biometrics method, steps 4 to 6).

Two limits after Wald (Sequential Tests of Statistical Hypotheses, 1945): match from ln((1-beta)/alpha), mismatch from
ln(beta/(1-alpha)). Between them, on too little or too bad speech, or after the voice changed: inconclusive, with a
reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from voicebot.model.voice import VoiceDecision, VoiceEvidence, VoiceReason, VoiceState
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.calibration import Calibration, llr

#: No decision rests on less net speech than this, whatever the settings say.
FLOOR_S = 1.5


@dataclass(frozen=True, slots=True)
class Policy:
    """How sure one must be. `alpha`: share of impostors let in, `beta`: share of customers turned away, that the limits
    are set for. `max_clipping`, `max_lost`: sound spoilt beyond use. `change_windows`: low windows in a row that mean
    another person has the phone; a window is low where its own LLR is under `change_llr`."""

    alpha: float = 0.01
    beta: float = 0.01
    min_net_s: float = FLOOR_S
    min_snr_db: float = 8.0
    max_clipping: float = 0.1
    max_lost: float = 0.2
    change_windows: int = 2
    change_llr: float = 0.0

    @property
    def accept_limit(self) -> float:
        """LLR from which it is a match."""
        return math.log((1 - self.beta) / self.alpha)

    @property
    def reject_limit(self) -> float:
        """LLR down to which it is not a mismatch."""
        return math.log(self.beta / (1 - self.alpha))

    @property
    def net_floor_s(self) -> float:
        """Seconds of net speech before any decision."""
        return max(FLOOR_S, self.min_net_s)


def policy_from(settings: VoiceprintSettings, *, alpha: float | None = None, beta: float | None = None) -> Policy:
    """The bank's policy; `alpha` and `beta` are a flow's own, where it is stricter (disclosing a debt: 0.1 %)."""
    return Policy(
        alpha=settings.alpha if alpha is None else alpha,
        beta=settings.beta if beta is None else beta,
        min_net_s=settings.min_net_s,
        min_snr_db=settings.min_snr_db,
    )


def decide(
    evidence: VoiceEvidence,
    calibration: Calibration,
    policy: Policy,
    *,
    enrolled: bool = True,
    opted_out: bool = False,
    expired: bool = False,
    emotional: bool = False,
    spoof_risk: bool = False,
) -> VoiceDecision:
    """Decide on what the call has shown so far; ask again whenever evidence came in.

    `emotional`: the caller is highly aroused (anger moves the voice: a customer must not become an impostor).
    `spoof_risk` never turns a decision (open detectors are wrong too often): a match keeps its state and carries the
    reason, so that a flow can ask for more.
    """
    known = evidence.score is not None and evidence.net_speech_s > 0
    value = llr(calibration, evidence.score or 0.0, evidence.net_speech_s, evidence.quality) if known else None
    barred = _barred(enrolled=enrolled, opted_out=opted_out, expired=expired)
    if barred is None:
        state, reason = _weigh(evidence, value, policy, emotional=emotional, spoof_risk=spoof_risk)
    else:
        state, reason, value = VoiceState.INCONCLUSIVE, barred, None
    return VoiceDecision(
        state=state,
        reason=reason,
        score=evidence.score if barred is None else None,
        llr=value,
        net_speech_s=evidence.net_speech_s,
        accept_limit=policy.accept_limit,
        reject_limit=policy.reject_limit,
        model_id=calibration.model_id,
        calibration_id=calibration.id,
    )


def _barred(*, enrolled: bool, opted_out: bool, expired: bool) -> VoiceReason | None:
    """Why there may be no comparison at all. Opting out comes first: it holds whatever else is stored."""
    if opted_out:
        return VoiceReason.OPTED_OUT
    if not enrolled:
        return VoiceReason.NOT_ENROLLED
    return VoiceReason.EXPIRED if expired else None


def _weigh(
    evidence: VoiceEvidence, value: float | None, policy: Policy, *, emotional: bool, spoof_risk: bool
) -> tuple[VoiceState, VoiceReason | None]:
    unsure = _unsure(evidence, value, policy, emotional=emotional)
    if unsure is not None or value is None:
        return VoiceState.INCONCLUSIVE, unsure or VoiceReason.NOT_ENOUGH_SPEECH
    if value >= policy.accept_limit:
        if evidence.low_windows >= policy.change_windows:
            return VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE
        return VoiceState.MATCH, VoiceReason.SPOOF_RISK if spoof_risk else None
    if evidence.changed:  # another person took the phone in a verified call: no longer verified, and no fraud either
        return VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE
    if value <= policy.reject_limit:
        return VoiceState.MISMATCH, None
    return VoiceState.INCONCLUSIVE, VoiceReason.BETWEEN_LIMITS


def _unsure(evidence: VoiceEvidence, value: float | None, policy: Policy, *, emotional: bool) -> VoiceReason | None:
    """Why the speech cannot carry a decision."""
    if value is None or evidence.net_speech_s < policy.net_floor_s - 1e-9:
        return VoiceReason.SPEAKER_CHANGE if evidence.changed else VoiceReason.NOT_ENOUGH_SPEECH
    quality = evidence.quality
    if quality.snr_db is not None and quality.snr_db < policy.min_snr_db:
        return VoiceReason.NOISY
    if quality.lost_frames > policy.max_lost or quality.clipping > policy.max_clipping:
        return VoiceReason.CHANNEL
    return VoiceReason.EMOTIONAL if emotional else None
