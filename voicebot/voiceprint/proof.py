"""Proof of the check of the speaker: what it does on people it has never heard, with the calibration as it is.

Pure on embeddings (`voicebot voiceprint evaluate` makes them). Nothing is fitted here, and every decision is made by
the code that makes it in a call.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voicebot.model.voice import VoiceDecision, Voiceprint, VoiceState
from voicebot.voiceprint import figures
from voicebot.voiceprint.calibration import Calibration, llr
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.figures import Array, Estimate, Scores
from voicebot.voiceprint.tracker import replay
from voicebot.voiceprint.trials import CALL_S, Call, Speaker, TestWindow, play

#: Net seconds of which error rates are told.
SECONDS = (1.0, 2.0, 3.0, 5.0, 10.0)
#: Calls played of each voice, at most; other people's voiceprints a call is held against, at most.
STARTS = 12
CLAIMS = 100
STATES = tuple(str(s) for s in VoiceState)


@dataclass(frozen=True, slots=True)
class RatesAt:
    """Errors at so many seconds of net speech, in [0, 1]. `frr`: false-accept share -> share of genuine trials refused;
    only such shares as the number of impostor trials can show."""

    seconds: float
    eer: Estimate
    frr: Mapping[float, Estimate]
    genuine: int
    impostor: int
    scores: Scores


@dataclass(frozen=True, slots=True)
class Outcomes:
    """How calls ended. `shares`: state -> share; `reasons`: of the inconclusive; `decided_s`: net seconds of the
    decided ones."""

    calls: int
    shares: Mapping[str, float]
    reasons: Mapping[str, int]
    decided_s: Array
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sequential:
    """Own voice and others' under one policy."""

    genuine: Outcomes
    impostor: Outcomes


@dataclass(frozen=True, slots=True)
class Proof:
    """All figures of one set. `llrs`: natural-log LLRs at every whole window; `changes`: shares, see `_changes`."""

    speakers: int
    trials: int
    rates: tuple[RatesAt, ...]
    sequential: Mapping[float, Sequential]
    llrs: Scores | None
    cllr: Estimate | None
    changes: Mapping[str, float]


def prove(speakers: Sequence[Speaker], calibration: Calibration, policies: Sequence[Policy]) -> Proof:
    """The figures of people in the clear. `policies`: the first is the one in force; keyed by their alpha."""
    calls = play(speakers, STARTS, cohort=calibration.cohort)
    rates = tuple(rates_at(calls, seconds, len(speakers)) for seconds in SECONDS)
    llrs = _llrs(calls, calibration, policies[0])
    known = llrs is not None and llrs.complete
    return Proof(
        speakers=len(speakers),
        trials=sum(len(call.steps) for call in calls) * len(speakers),
        rates=tuple(r for r in rates if r is not None),
        sequential={p.alpha: sequential(speakers, calls, calibration, p) for p in policies},
        llrs=llrs if known else None,
        cllr=figures.estimate(llrs, figures.cllr) if llrs is not None and known else None,
        changes=_changes(speakers, calls, calibration, policies[0]),
    )


def rates_at(calls: Sequence[Call], seconds: float, speakers: int, *, intervals: bool = True) -> RatesAt | None:
    """Errors at exactly so many seconds; None without trials of both kinds."""
    moments = [(c.voice, s.scores) for c in calls for s in c.steps if abs(s.net_s - seconds) < 0.01]
    if not moments:
        return None
    scores = _scores([(voice, claimed, float(row[claimed])) for voice, row in moments for claimed in range(speakers)])
    if not scores.complete:
        return None
    impostor = int((~scores.genuine).sum())
    times = 200 if intervals else 0

    def refused(far: float) -> Callable[[Array, Array], float]:
        return lambda own, other: figures.frr_at_far(own, other, far)

    return RatesAt(
        seconds,
        figures.estimate(scores, lambda own, other: figures.eer(own, other)[0], times=times),
        {far: figures.estimate(scores, refused(far), times=times) for far in (0.01, 0.001) if far * impostor >= 1},
        int(scores.genuine.sum()),
        impostor,
        scores,
    )


def sequential(
    speakers: Sequence[Speaker], calls: Sequence[Call], calibration: Calibration, policy: Policy
) -> Sequential:
    """Every call until its first decision, or its end, against the own voiceprint and others'."""
    random = np.random.default_rng(1)
    ends: dict[bool, list[tuple[int, VoiceDecision]]] = {True: [], False: []}
    for call in calls:
        others = [i for i in range(len(speakers)) if i != call.voice]
        some = [int(i) for i in random.permutation(others)[:CLAIMS]]
        for claimed in (call.voice, *some):
            end = _first(call.windows, speakers[claimed].voiceprint, calibration, policy)
            ends[claimed == call.voice].append((call.voice, end))
    return Sequential(_outcomes(ends[True]), _outcomes(ends[False]))


def _first(
    windows: Sequence[TestWindow], voiceprint: Voiceprint, calibration: Calibration, policy: Policy
) -> VoiceDecision:
    last: VoiceDecision | None = None
    for decision in _replay(windows, voiceprint, calibration, policy):
        last = decision
        if decision.state is not VoiceState.INCONCLUSIVE:
            break
    assert last is not None  # a call has a window
    return last


def _replay(
    windows: Sequence[TestWindow], voiceprint: Voiceprint, calibration: Calibration, policy: Policy
) -> Iterator[VoiceDecision]:
    heard = ((w.embedding, w.net_s, w.quality, w.manner) for w in windows)
    return replay(heard, voiceprint, calibration, policy)


def _outcomes(ends: Sequence[tuple[int, VoiceDecision]]) -> Outcomes:
    states = [str(d.state) for _, d in ends]
    reasons = Counter(str(d.reason) for _, d in ends if d.state is VoiceState.INCONCLUSIVE)
    decided = [d.net_speech_s for _, d in ends if d.state is not VoiceState.INCONCLUSIVE]
    voices = np.array([voice for voice, _ in ends], dtype=np.intp)
    return Outcomes(
        len(ends),
        {state: states.count(state) / len(states) if states else float("nan") for state in STATES},
        dict(reasons),
        np.array(decided, dtype=np.float64),
        {state: _share_interval(np.array([s == state for s in states]), voices) for state in STATES} if states else {},
    )


def _share_interval(hit: NDArray[np.bool_], voices: figures.Indices, times: int = 200) -> tuple[float, float]:
    """95 % interval of a share, by a bootstrap over the voices heard."""
    total = np.bincount(voices).astype(float)
    hits = np.bincount(voices, weights=hit.astype(float))
    random = np.random.default_rng(1)
    shares = []
    for _ in range(times):
        drawn = random.integers(total.size, size=total.size)
        if total[drawn].sum() > 0:
            shares.append(hits[drawn].sum() / total[drawn].sum())
    low, high = np.percentile(shares, [2.5, 97.5])
    return float(low), float(high)


def _llrs(calls: Sequence[Call], calibration: Calibration, policy: Policy) -> Scores | None:
    """The LLR of every whole window's end from the decision's floor on, against every voiceprint."""
    found = [
        (call.voice, claimed, llr(calibration, float(score), step.net_s, step.quality))
        for call in calls
        for step in call.steps
        if step.last is not None and policy.net_floor_s <= step.net_s + 1e-6
        for claimed, score in enumerate(step.scores)
    ]
    return _scores(found) if found else None


def _scores(found: Sequence[tuple[int, int, float]]) -> Scores:
    return Scores(
        np.array([value for _, _, value in found], dtype=np.float64),
        np.array([voice for voice, _, _ in found], dtype=np.intp),
        np.array([claimed for _, claimed, _ in found], dtype=np.intp),
    )


def _changes(
    speakers: Sequence[Speaker], calls: Sequence[Call], calibration: Calibration, policy: Policy
) -> dict[str, float]:
    """After a match. `false_alarm`: share of own calls in which the match is lost again. `noticed_4s`: another voice
    takes over after the match; share of calls in which the match is gone after two of its windows."""
    random = np.random.default_rng(1)
    lost: list[bool] = []
    noticed: list[bool] = []
    for call in calls:
        known = speakers[call.voice].voiceprint
        states = [d.state for d in _replay(call.windows, known, calibration, policy)]
        if VoiceState.MATCH not in states:
            continue
        matched = states.index(VoiceState.MATCH)
        lost.append(any(state is not VoiceState.MATCH for state in states[matched:]))
        other = speakers[int(random.integers(len(speakers)))]
        if other.voiceprint is known or len(other.windows) < 2:
            continue
        heard = [*call.windows[: matched + 1], *other.windows[:2]]
        after = list(_replay(heard, known, calibration, policy))[-1]
        noticed.append(after.state is not VoiceState.MATCH)
    result = {"false_alarm": float(np.mean(lost))} if lost else {}
    return result | ({"noticed_4s": float(np.mean(noticed))} if noticed else {})


@dataclass(frozen=True, slots=True)
class StressProof:
    """One condition: errors at 3 s (None where there are no trials), and how calls end."""

    rates: RatesAt | None
    outcomes: Sequential


def prove_stress(
    speakers: Sequence[Speaker], calibration: Calibration, policy: Policy, *, starts: int, call_s: float = CALL_S
) -> StressProof:
    """The same people with spoilt sound against their clean voiceprints."""
    calls = play(speakers, starts, call_s, calibration.cohort)
    return StressProof(rates_at(calls, 3.0, len(speakers)), sequential(speakers, calls, calibration, policy))
