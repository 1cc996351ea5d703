"""The limits of the random digits, of adaptation and of a raised voice, measured (docs/voiceprint.md).

.venv/bin/python -m tools.voiceprint_limits FOLDER        (one folder per speaker; some ten minutes on two cores)

Speakers are cut into two halves, every other name; each is measured with a calibration fitted on the other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tools.raised_voice import RAISES, Raise, raised
from voicebot.commands.voiceprint_people import (
    ManyEncoder,
    Person,
    as_speaker,
    find_speakers,
    load_person,
    whole_windows,
)
from voicebot.engines.choose import choose_activity, joined_encoder
from voicebot.model.ports import VoiceActivity
from voicebot.model.voice import VoiceDecision, Voiceprint, VoiceState
from voicebot.settings import Settings, VoiceprintSettings
from voicebot.voiceprint import figures
from voicebot.voiceprint.ageing import adapted
from voicebot.voiceprint.calibration import Calibration, llr
from voicebot.voiceprint.decision import Policy, policy_from
from voicebot.voiceprint.enrolment import EnrolmentSample
from voicebot.voiceprint.evidence import Vector, score_against, unit
from voicebot.voiceprint.fitting import make_calibration
from voicebot.voiceprint.tracker import replay
from voicebot.voiceprint.trials import Speaker, TestWindow

#: Evidence of one answer alone from which it could count.
ANSWER_LIMITS = (-4.6, -2.0, -1.0, 0.0, 1.0, 2.0, 4.6)
#: Shares of impostors that adaptation could be set for.
ADAPT_ALPHAS = (0.01, 0.001, 0.0001, 0.00001)
#: Windows (2 s) of a call that may be added to a voiceprint.
CALL_WINDOWS = 4


@dataclass(frozen=True, slots=True)
class Half:
    """Speakers, and a calibration that never heard them."""

    people: Sequence[Person]
    speakers: Sequence[Speaker]
    calibration: Calibration


def halves(people: Sequence[Person], encoder: ManyEncoder) -> list[Half]:
    """Every other speaker, measured with the calibration of the others."""
    speakers = [as_speaker(p, p.windows, encoder, (1.0, 1.5)) for p in people]
    parts = [list(range(n, len(people), 2)) for n in (0, 1)]
    fits = [
        make_calibration([speakers[i] for i in part], calibration_id="half", fitted_on="", date="", data_hash="")
        for part in parts
    ]
    return [
        Half([people[i] for i in part], [speakers[i] for i in part], fit)
        for part, fit in zip(parts, reversed(fits), strict=True)
    ]


def challenge(each: Sequence[Half]) -> Iterator[str]:
    """One answer of 2 s, and of 3 s: how often its own evidence reaches a limit."""
    for seconds in (2.0, 3.0):
        own: list[float] = []
        other: list[float] = []
        for half in each:
            for speaker in half.speakers:
                for answer in _answers(speaker, seconds):
                    for claimed in half.speakers:
                        value = llr(half.calibration, score_against(answer, claimed.voiceprint), seconds)
                        (own if claimed is speaker else other).append(value)
        yield f"an answer of {seconds:g} s: {len(own)} own, {len(other)} of others"
        for limit in ANSWER_LIMITS:
            refused, taken = np.mean(np.array(own) < limit), np.mean(np.array(other) >= limit)
            yield f"  from {limit:5.1f}: own refused {100 * refused:6.2f} %, others taken {100 * taken:6.2f} %"


def _answers(speaker: Speaker, seconds: float) -> Iterator[Vector]:
    for first, second in zip(speaker.windows, [*speaker.windows[1:], speaker.windows[0]], strict=True):
        if seconds == first.net_s:
            yield unit(first.embedding)
        for part_s, part in second.parts:
            if second is not first and abs(first.net_s + part_s - seconds) < 0.01:
                yield first.net_s * unit(first.embedding) + part_s * unit(part)


def adaptation(each: Sequence[Half], settings: VoiceprintSettings) -> Iterator[str]:
    """Everybody calls everybody with the first half of what they said; whatever the rule lets in is added; the second
    half is tested before and after. Then the same with one wrong voice added by force: what one mistake costs."""
    before = _tested(each, [[s.voiceprint for s in half.speakers] for half in each])
    yield f"as enrolled: {before}"
    for alpha in ADAPT_ALPHAS:
        grown, own, other, tried = [], 0, 0, 0
        chosen = settings.model_copy(update={"adapt_alpha": alpha})
        for half in each:
            known = []
            for claimed in half.speakers:
                voiceprint = claimed.voiceprint
                for caller in half.speakers:
                    after = _after_call(voiceprint, _first(caller), half.calibration, chosen)
                    tried += caller is not claimed
                    own += caller is claimed and after is not None
                    other += caller is not claimed and after is not None
                    voiceprint = after or voiceprint
                known.append(voiceprint)
            grown.append(known)
        yield (
            f"adapt_alpha {100 * alpha:g} %: added {own} own calls of {sum(len(h.speakers) for h in each)}, "
            f"{other} of others of {tried}; then {_tested(each, grown)}"
        )
    yield f"one wrong voice added by force, heard again: {_forced(each)}"


def _first(speaker: Speaker) -> tuple[TestWindow, ...]:
    return speaker.windows[: min(CALL_WINDOWS, len(speaker.windows) // 2)]


def _second(speaker: Speaker) -> tuple[TestWindow, ...]:
    return speaker.windows[len(_first(speaker)) :][:CALL_WINDOWS]


def _decisions(
    windows: Sequence[TestWindow], known: Voiceprint, calibration: Calibration, policy: Policy
) -> list[VoiceDecision]:
    heard = [(w.embedding, w.net_s, w.quality, w.manner) for w in windows]
    return list(replay(heard, known, calibration, policy))


def _after_call(
    known: Voiceprint, windows: Sequence[TestWindow], calibration: Calibration, settings: VoiceprintSettings
) -> Voiceprint | None:
    samples = [EnrolmentSample(w.embedding, w.net_s, w.quality, (str(n),), "call") for n, w in enumerate(windows)]
    return adapted(known, samples, _decisions(windows, known, calibration, policy_from(settings))[-1], settings)


def _tested(each: Sequence[Half], known: Sequence[Sequence[Voiceprint]]) -> str:
    """Errors of the second halves: EER of their first 2 s and of all (up to 8 s), and how calls end at alpha 1 %."""
    short: dict[bool, list[float]] = {True: [], False: []}
    long: dict[bool, list[float]] = {True: [], False: []}
    matched: dict[bool, list[bool]] = {True: [], False: []}
    for half, prints in zip(each, known, strict=True):
        for number, caller in enumerate(half.speakers):
            windows = _second(caller)
            total = sum((w.net_s * unit(w.embedding) for w in windows), np.zeros(len(windows[0].embedding)))
            for claimed, voiceprint in enumerate(prints):
                own = claimed == number
                short[own] += [score_against(w.embedding, voiceprint) for w in windows]
                long[own].append(score_against(total, voiceprint))
                decisions = _decisions(windows, voiceprint, half.calibration, Policy())
                matched[own].append(any(d.state is VoiceState.MATCH for d in decisions))
    rates = [100 * figures.eer(np.array(s[True]), np.array(s[False]))[0] for s in (short, long)]
    return (
        f"EER {rates[0]:.2f} % at 2 s, {rates[1]:.2f} % at 8 s; "
        f"match own {100 * np.mean(matched[True]):.1f} %, other {100 * np.mean(matched[False]):.2f} %"
    )


def _forced(each: Sequence[Half]) -> str:
    taken: list[bool] = []
    owner: list[bool] = []
    for half in each:
        for claimed in half.speakers:
            for caller in (c for c in half.speakers if c is not claimed):
                call = unit(np.sum([w.net_s * unit(w.embedding) for w in _first(caller)], axis=0))
                both = (*claimed.voiceprint.embeddings, tuple(float(x) for x in call))
                known = replace(claimed.voiceprint, embeddings=both, added=1)
                for voice, found in ((caller, taken), (claimed, owner)):
                    decisions = _decisions(_second(voice), known, half.calibration, Policy())
                    found.append(any(d.state is VoiceState.MATCH for d in decisions))
    return f"match {100 * np.mean(taken):.1f} %; the owner still {100 * np.mean(owner):.1f} %"


def raised_voices(
    each: Sequence[Half], encoder: ManyEncoder, activity: VoiceActivity, settings: VoiceprintSettings
) -> Iterator[str]:
    """Calls in a voice made to sound raised (tools/raised_voice.py) against the calm voiceprint."""
    for how in RAISES:
        ends: dict[tuple[bool, bool], list[VoiceDecision]] = {}
        above, heard = 0, 0
        for half in each:
            for person, calm in zip(half.people, half.speakers, strict=True):
                caller = _louder(person, how, encoder, activity, settings)
                for claimed in half.speakers:
                    for rule in (True, False):
                        windows = caller if rule else [replace(w, manner=None) for w in caller]
                        found = _decisions(windows, claimed.voiceprint, half.calibration, policy_from(settings))
                        first = next((d for d in found if d.state is not VoiceState.INCONCLUSIVE), found[-1])
                        ends.setdefault((claimed is calm, rule), []).append(first)
                        if claimed is calm and rule:
                            heard += 1
                            above += any(d.reason == "emotional" for d in found)
        yield (
            f"{how.name} (pitch x{how.pitch:g}, {how.level_db:+g} dB, tilt {how.tilt_db:+g} dB): "
            + "; ".join(
                f"{'own' if own else 'other'}, {'with' if rule else 'without'} the rule: {_shares(decisions)}"
                for (own, rule), decisions in sorted(ends.items(), reverse=True)
            )
            + f"; own decided only by the rule {above} of {heard}"
        )


def _louder(
    person: Person, how: Raise, encoder: ManyEncoder, activity: VoiceActivity, settings: VoiceprintSettings
) -> Sequence[TestWindow]:
    windows = whole_windows([raised(r, how) for r in person.tests], activity, settings, CALL_WINDOWS)
    return as_speaker(person, windows, encoder, ()).windows


def _shares(decisions: Sequence[VoiceDecision]) -> str:
    states = [d.state for d in decisions]
    return ", ".join(f"{s.value} {100 * states.count(s) / len(states):.1f} %" for s in VoiceState)


def main(folder: Path) -> None:
    """Print everything."""
    settings = Settings()
    encoder, activity = joined_encoder(settings, threads=min(4, os.cpu_count() or 1)), choose_activity()
    loaded = [load_person(n, f, encoder, activity, settings.voiceprint) for n, f in find_speakers(folder).items()]
    each = halves([person for person in loaded if isinstance(person, Person)], encoder)
    for lines in (
        challenge(each),
        adaptation(each, settings.voiceprint),
        raised_voices(each, encoder, activity, settings.voiceprint),
    ):
        for line in lines:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
