"""The decision: match, mismatch or inconclusive, and why (biometrics method, steps 4 to 6).

Two limits after Wald (Sequential Tests of Statistical Hypotheses, 1945): match from ln((1-beta)/alpha), mismatch from
ln(beta/(1-alpha)). Between them, on too little or too bad speech, or after the voice changed: inconclusive, with a
reason.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from voicebot.model.voice import SpoofSignal, VoiceDecision, VoiceEvidence, VoiceQuality, VoiceReason, VoiceState
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.calibration import Calibration, llr

#: No decision rests on less net speech than this, whatever the settings say.
FLOOR_S = 1.5


@dataclass(frozen=True, slots=True)
class Policy:
    """How sure one must be. `alpha`: share of impostors let in, `beta`: share of customers turned away, that the limits
    are set for. `max_clipping`, `max_lost`: sound spoilt beyond use. `mismatch_snr_db`, `mismatch_lost`: worse sound
    than this lowers anybody's score, so it can still show a match but no mismatch. `doubt_factor`: where the voice is
    raised, or the SNR under `clear_snr_db`, the evidence must be so many times as strong for a mismatch. `keep_llr`: a
    match once reached holds down to it (the sequential test has ended; what follows is a watch for another voice).
    `change_windows`: low windows in a row that mean another person has the phone; a window is low where its own LLR is
    under `change_llr`."""

    alpha: float = 0.01
    beta: float = 0.01
    min_net_s: float = FLOOR_S
    min_snr_db: float = 8.0
    max_clipping: float = 0.1
    max_lost: float = 0.2
    mismatch_snr_db: float = 14.0
    clear_snr_db: float = 20.0
    mismatch_lost: float = 0.1
    doubt_factor: float = 3.0
    keep_llr: float = 0.0
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
        mismatch_snr_db=settings.mismatch_min_snr_db,
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
    spoof: tuple[SpoofSignal, ...] = (),
) -> VoiceDecision:
    """Decide on what the call has shown so far; ask again whenever evidence came in.

    `emotional`: the caller is highly aroused, beyond what the evidence itself shows (anger moves the voice: a customer
    must not become an impostor; a match stands all the same).
    `spoof_risk`, or a sign in `spoof` that acts, never turns a decision (detectors are wrong too often): a match keeps
    its state and carries the reason, so that a flow can ask for more.
    """
    known = evidence.score is not None and evidence.net_speech_s > 0
    value = llr(calibration, evidence.score or 0.0, evidence.net_speech_s, evidence.quality) if known else None
    barred = _barred(enrolled=enrolled, opted_out=opted_out, expired=expired)
    if barred is None:
        risk = spoof_risk or any(sign.risk for sign in spoof)
        state, reason = _weigh(evidence, value, policy, emotional=emotional, spoof_risk=risk)
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
        spoof=spoof,
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
    unsure = _unsure(evidence, value, policy)
    if unsure is not None or value is None:
        return VoiceState.INCONCLUSIVE, unsure or VoiceReason.NOT_ENOUGH_SPEECH
    if value >= policy.accept_limit or _kept(evidence, value, policy):
        if evidence.low_windows >= policy.change_windows:
            return VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE
        return VoiceState.MATCH, VoiceReason.SPOOF_RISK if spoof_risk else None
    if evidence.changed:  # another person took the phone in a verified call: no longer verified, and no fraud either
        return VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE
    if value <= policy.reject_limit:
        strong = value <= policy.doubt_factor * policy.reject_limit
        doubt = _doubt(evidence, policy, strong=strong, emotional=emotional)
        return (VoiceState.MISMATCH, None) if doubt is None else (VoiceState.INCONCLUSIVE, doubt)
    return VoiceState.INCONCLUSIVE, VoiceReason.BETWEEN_LIMITS


def _kept(evidence: VoiceEvidence, value: float, policy: Policy) -> bool:
    """This policy's match was reached before, and nothing speaks against it since."""
    peak = evidence.peak_llr
    return peak is not None and peak >= policy.accept_limit and value >= policy.keep_llr


def _unsure(evidence: VoiceEvidence, value: float | None, policy: Policy) -> VoiceReason | None:
    """Why the speech cannot carry a decision."""
    if value is None or evidence.net_speech_s < policy.net_floor_s - 1e-9:
        return VoiceReason.SPEAKER_CHANGE if evidence.changed else VoiceReason.NOT_ENOUGH_SPEECH
    # Noise cannot make a match, nor take away one that was reached before.
    return None if _kept(evidence, value, policy) else unusable(evidence.quality, policy)


def unusable(quality: VoiceQuality, policy: Policy) -> VoiceReason | None:
    """Why sound like this carries no decision at all; None where it does."""
    if quality.snr_db is not None and quality.snr_db < policy.min_snr_db:
        return VoiceReason.NOISY
    if quality.lost_frames > policy.max_lost or quality.clipping > policy.max_clipping:
        return VoiceReason.CHANNEL
    return None


def _doubt(evidence: VoiceEvidence, policy: Policy, *, strong: bool, emotional: bool) -> VoiceReason | None:
    """Why a low score need not mean another person. Noise nobody could measure counts as noise: where others talk
    without a pause there is no silence to measure it in. `strong`: the score is so low that some noise or a raised
    voice does not explain it."""
    quality = evidence.quality
    if quality.snr_db is None or quality.snr_db < (policy.mismatch_snr_db if strong else policy.clear_snr_db):
        return VoiceReason.NOISY
    if quality.lost_frames > policy.mismatch_lost:
        return VoiceReason.CHANNEL
    return VoiceReason.EMOTIONAL if not strong and (emotional or evidence.raised) else None
