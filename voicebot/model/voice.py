"""Who is speaking: evidence and decision (biometrics method, docs/design.md)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: A speaker embedding, L2-normalised: 192 numbers for ECAPA-TDNN (Desplanques et al. 2020) and for CAM++ (Wang et al.
#: 2023), 384 for both.
Embedding = tuple[float, ...]


class VoiceState(StrEnum):
    """The three states of the check."""

    MATCH = "match"
    MISMATCH = "mismatch"
    INCONCLUSIVE = "inconclusive"


class VoiceReason(StrEnum):
    """Why a decision is inconclusive (or none is possible)."""

    NOT_ENOUGH_SPEECH = "not_enough_speech"
    BETWEEN_LIMITS = "between_limits"
    NOISY = "noisy"
    EMOTIONAL = "emotional"
    CHANNEL = "channel"
    SPEAKER_CHANGE = "speaker_change"
    SPOOF_RISK = "spoof_risk"
    NOT_ENROLLED = "not_enrolled"
    OPTED_OUT = "opted_out"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class VoiceQuality:
    """How good the sound was. SNR in dB, the shares in [0, 1]; None where it could not be measured."""

    snr_db: float | None = None
    clipping: float = 0.0
    speech_share: float = 1.0
    lost_frames: float = 0.0


@dataclass(frozen=True, slots=True)
class VoiceEvidence:
    """What the call has shown so far. `score`: cosine of the call's running mean with the voiceprint, None before the
    first window; `last_score`: the newest window alone; `net_speech_s`: seconds of the caller's speech embedded."""

    net_speech_s: float
    score: float | None
    last_score: float | None
    quality: VoiceQuality
    low_windows: int = 0  # newest windows in a row below the change limit (the phone handed over)
    changed: bool = False  # another voice took over after a match; the figures above count only what came since
    raised: bool = False  # the voice is well above the customer's calm one in pitch, level and brightness
    peak_llr: float | None = None  # the highest LLR so far that a decision could rest on


class SpoofKind(StrEnum):
    """What a voice may be instead of a person speaking now."""

    REPLAY = "replay"  # a recording of an earlier call
    SYNTHETIC = "synthetic"  # a machine


@dataclass(frozen=True, slots=True)
class SpoofSignal:
    """One sign of it, with the limit it is held against. `acts`: at the limit it raises the risk; else it is noted."""

    kind: SpoofKind
    value: float
    limit: float
    acts: bool

    @property
    def risk(self) -> bool:
        """It raises the risk."""
        return self.acts and self.value >= self.limit


@dataclass(frozen=True, slots=True)
class VoiceDecision:
    """The check's result, with all that explains it later. `llr`: calibrated natural-log likelihood ratio; `spoof`:
    signs of a recording or a machine, which never turn a decision."""

    state: VoiceState
    reason: VoiceReason | None
    score: float | None
    llr: float | None
    net_speech_s: float
    accept_limit: float
    reject_limit: float
    model_id: str
    calibration_id: str
    spoof: tuple[SpoofSignal, ...] = ()


@dataclass(frozen=True, slots=True)
class Voiceprint:
    """An enrolled customer's template: one embedding per line type or recording, and how it came to be."""

    customer_id: str
    model_id: str
    embeddings: tuple[Embedding, ...]
    net_speech_s: float
    quality: VoiceQuality
    enrolled_at: str  # UTC, ISO 8601
    consent_id: str | None = None
    calm: tuple[float, ...] = ()  # the calm voice in pitch, level and brightness (voiceprint/arousal.py); () unknown
    added: int = 0  # how many of the embeddings, the last ones, calls have added since


@dataclass(frozen=True, slots=True)
class VoiceSketch:
    """What a recording of a call would be recognised by (voiceprint/sketch.py). `made_at`: UTC, ISO 8601."""

    customer_id: str
    made_at: str
    peaks: bytes


@dataclass(frozen=True, slots=True)
class VoiceprintRecord:
    """That there was a voiceprint, without what is in it. Times UTC, ISO 8601; None: not replaced, not revoked."""

    model_id: str
    net_speech_s: float
    quality: VoiceQuality
    enrolled_at: str
    consent_id: str | None
    replaced_at: str | None
    revoked_at: str | None


@dataclass(frozen=True, slots=True)
class VoiceComparison:
    """One comparison of a call with the voiceprint: `t` seconds from the answer, the decision that stood then, and the
    newest window's own cosine."""

    t: float
    decision: VoiceDecision
    last_score: float | None = None
