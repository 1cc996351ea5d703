"""Enrolment: from samples of a voice to a voiceprint, or to what is missing for one.

The gates are spec.md section 1's (net speech, utterances, clipping, SNR, share of speech), and all samples must be one
person's.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from voicebot.model.voice import Embedding, Voiceprint, VoiceQuality
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint import quality as sound
from voicebot.voiceprint.arousal import Manner, mean_manner
from voicebot.voiceprint.evidence import Vector, unit

#: One person or two. Samples of a source are split into the two groups that differ most; the groups' means must have
#: at least this cosine: where one group is a single sample, and where both are larger. Measured with 2 s samples of 42
#: callers (docs/voiceprint.md): one person does not fall below, two people in equal parts do in 9 of 10 mixtures.
SAME_ALONE = 0.42
SAME_GROUPS = 0.53
#: Between sources, whose lines and days differ, only the grossly different is refused.
SAME_ACROSS = 0.35
#: Shorter samples count as speech, but are too short to be asked whose they are.
SAMPLE_MIN_S = 1.5
#: A source with less net speech than this gets no vector of its own: a short vector's best cosine is mostly noise.
SOURCE_MIN_S = 5.0


@dataclass(frozen=True, slots=True)
class EnrolmentSample:
    """One embedding of net speech. `utterances`: names of the utterances it has parts of (a window may span several);
    `source`: the recording, call or line type it comes from."""

    embedding: Embedding
    net_s: float
    quality: VoiceQuality
    utterances: tuple[str, ...]
    source: str = ""
    manner: Manner | None = None


@dataclass(frozen=True, slots=True)
class Enrolment:
    """The result. `missing` empty: accepted, and `embeddings` (one per source) make the voiceprint; else each entry
    says one thing that is missing, as measured and as wanted."""

    missing: tuple[str, ...]
    embeddings: tuple[Embedding, ...]
    net_s: float
    utterances: int
    quality: VoiceQuality
    calm: Manner = ()

    @property
    def accepted(self) -> bool:
        """Nothing is missing."""
        return not self.missing

    def refusal(self) -> str:
        """What is missing in one line, e.g. "6.2 s of 10 s; 2 of 3 utterances"; "" where accepted."""
        return "; ".join(self.missing)

    def voiceprint(
        self, customer_id: str, model_id: str, enrolled_at: str, consent_id: str | None = None
    ) -> Voiceprint:
        """The template to store. Raises ValueError where it was refused: check `accepted` first."""
        if not self.accepted:
            raise ValueError(f"the enrolment was refused: {self.refusal()}")
        return Voiceprint(
            customer_id, model_id, self.embeddings, self.net_s, self.quality, enrolled_at, consent_id, self.calm
        )


def enrol(samples: Sequence[EnrolmentSample], settings: VoiceprintSettings) -> Enrolment:
    """Judge the samples and make one vector per source. Deterministic; the order of samples does not matter."""
    net_s = sum(s.net_s for s in samples)
    utterances = len({u for s in samples for u in s.utterances})
    measured = sound.merge([(s.net_s, s.quality) for s in samples])
    missing = [*_amount(net_s, utterances, settings), *(_quality(measured, settings) if samples else ())]
    if not one_speaker(samples):
        missing.append("more than one speaker")
    embeddings = () if missing else _vectors(samples)
    calm = mean_manner([(s.net_s, s.manner) for s in samples]) or ()
    return Enrolment(tuple(missing), embeddings, net_s, utterances, measured, () if missing else calm)


def _amount(net_s: float, utterances: int, settings: VoiceprintSettings) -> list[str]:
    found = []
    if net_s < settings.enrol_min_net_s - 1e-6:
        # Rounded down, here and below: "10.0 s of 10 s" would not say what is missing.
        found.append(f"{math.floor(net_s * 10 + 1e-6) / 10:.1f} s of {settings.enrol_min_net_s:g} s")
    if utterances < settings.enrol_min_utterances:
        found.append(f"{utterances} of {settings.enrol_min_utterances} utterances")
    return found


def _quality(quality: VoiceQuality, settings: VoiceprintSettings) -> list[str]:
    found = []
    if quality.snr_db is not None and quality.snr_db < settings.enrol_min_snr_db:
        found.append(f"too noisy ({math.floor(quality.snr_db)} dB of {settings.enrol_min_snr_db:g} dB)")
    if quality.clipping > settings.enrol_max_clipping:
        found.append(
            f"clipped ({100 * quality.clipping:.1f} % of samples, at most {100 * settings.enrol_max_clipping:g} %)"
        )
    if quality.speech_share < settings.enrol_min_speech_share:
        least = 100 * settings.enrol_min_speech_share
        found.append(f"too little speech in the recording ({math.floor(100 * quality.speech_share)} % of {least:g} %)")
    return found


def one_speaker(samples: Sequence[EnrolmentSample]) -> bool:
    """Within each source strictly, between sources (other lines, other days) leniently."""
    sources = _by_source([s for s in samples if s.net_s >= SAMPLE_MIN_S - 1e-6])
    if not all(_one_voice([unit(s.embedding) for s in group]) for group in sources.values()):
        return False
    means = [_mean(group) for group in sources.values()]
    return all(float(a @ b) >= SAME_ACROSS for i, a in enumerate(means) for b in means[:i])


def _one_voice(vectors: list[Vector]) -> bool:
    """Split the samples into the two groups that differ most (2-means on the sphere) and compare the groups' means."""
    if len(vectors) < 2:
        return True
    matrix = np.stack(vectors)
    centred = matrix - matrix.mean(axis=0)
    first = centred @ np.linalg.svd(centred, full_matrices=False)[2][0] > 0
    for _ in range(10):
        if first.all() or not first.any():
            return True
        one, other = unit(matrix[first].sum(axis=0)), unit(matrix[~first].sum(axis=0))
        moved = matrix @ one > matrix @ other
        if np.array_equal(moved, first):
            break
        first = moved
    alone = min(int(first.sum()), int((~first).sum())) == 1
    return float(one @ other) >= (SAME_ALONE if alone else SAME_GROUPS)


def _by_source(samples: Sequence[EnrolmentSample]) -> dict[str, list[EnrolmentSample]]:
    """Samples per source in the order of names; sources under SOURCE_MIN_S are put together as one."""
    names = sorted({s.source for s in samples})
    groups = {name: [s for s in samples if s.source == name] for name in names}
    small = {n for n, group in groups.items() if sum(s.net_s for s in group) < SOURCE_MIN_S}
    kept = {n: group for n, group in groups.items() if n not in small}
    if small:
        kept["/".join(sorted(small))] = [s for n in sorted(small) for s in groups[n]]
    return kept


def _mean(samples: Sequence[EnrolmentSample]) -> Vector:
    """Mean of the unit embeddings weighted by seconds, L2-normalised."""
    return unit(np.sum([s.net_s * unit(s.embedding) for s in samples], axis=0))


def _vectors(samples: Sequence[EnrolmentSample]) -> tuple[Embedding, ...]:
    """One vector per source: several lines are kept apart, because one mean would blur them."""
    return tuple(tuple(float(x) for x in _mean(group)) for group in _by_source(samples).values())
