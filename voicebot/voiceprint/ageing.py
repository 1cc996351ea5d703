"""How a voiceprint grows old, and how calls keep it young: expiry, and adaptation at a strict limit.

Adaptation can drift: a wrong voice once let in would let itself in again. So it is off by default, takes only calls
whose evidence passes a limit stricter than any decision's, never replaces what was enrolled, and every addition is
recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np

from voicebot.model.voice import VoiceDecision, Voiceprint, VoiceState
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint import quality as sound
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.enrolment import SOURCE_MIN_S, EnrolmentSample, one_speaker
from voicebot.voiceprint.evidence import unit


def expired(voiceprint: Voiceprint, now: datetime, after_d: int) -> bool:
    """Is it `after_d` days or more since the enrolment? What calls added since does not count. `now`: aware."""
    made = datetime.fromisoformat(voiceprint.enrolled_at)
    if made.tzinfo is None:
        made = made.replace(tzinfo=now.tzinfo)
    return now - made >= timedelta(days=after_d)


def adapted(
    voiceprint: Voiceprint,
    samples: Sequence[EnrolmentSample],
    decision: VoiceDecision,
    settings: VoiceprintSettings,
) -> Voiceprint | None:
    """The voiceprint with one vector more, of this call's speech; None where the call is not fit for it.

    Fit: matched without any doubt noted, LLR over the limit of `adapt_alpha`, one speaker, SNR and clipping as an
    enrolment's, at least as much speech as makes a vector of its own. Of the added vectors the oldest goes first; what
    was enrolled stays.
    """
    limit = Policy(alpha=settings.adapt_alpha, beta=settings.beta).accept_limit
    if decision.state is not VoiceState.MATCH or decision.reason is not None or (decision.llr or 0.0) < limit:
        return None
    net_s = sum(s.net_s for s in samples)
    heard = sound.merge([(s.net_s, s.quality) for s in samples]) if samples else None
    if heard is None or net_s < SOURCE_MIN_S or not one_speaker(samples):
        return None
    if heard.snr_db is None or heard.snr_db < settings.enrol_min_snr_db or heard.clipping > settings.enrol_max_clipping:
        return None
    enrolled = len(voiceprint.embeddings) - voiceprint.added
    room = settings.adapt_max_vectors - enrolled
    if room < 1:
        return None
    mean = unit(np.sum([s.net_s * unit(s.embedding) for s in samples], axis=0))
    added = (*voiceprint.embeddings[enrolled:], tuple(float(x) for x in mean))[-room:]
    return replace(voiceprint, embeddings=(*voiceprint.embeddings[:enrolled], *added), added=len(added))
