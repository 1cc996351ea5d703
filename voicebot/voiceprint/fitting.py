"""Fitting a calibration, and the honest figures beside it: cross-validated by speaker, on trials as a call makes them.

Pure on embeddings. For each voice, calls are played from several starting windows (each call goes round, so that all
have their length): the running mean of the windows so far is scored against every voiceprint, after each window and
also part of a window later, as a decision that cannot wait does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import SettingsError
from voicebot.model.voice import Embedding, Voiceprint, VoiceQuality
from voicebot.voiceprint import figures
from voicebot.voiceprint.calibration import Calibration, Trial, fit, llr
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.evidence import score_against, unit

#: Calls per voice, and net seconds after which a call's trials end.
STARTS = 4
CALL_S = 14.0
#: Net seconds up to which trials are fitted; later the limits stay. Scores of one call go on rising with its length,
#: those of another day less: limits that rose with them would turn customers away (docs/voiceprint.md).
FIT_S = 8.0
#: Two names whose voiceprints are this close are probably one person: no impostor trials to fit on. They stay in the
#: figures.
SAME_PERSON = 0.8
#: Random halvings of the speakers for the figures.
SPLITS = 12
#: Net seconds whose equal error rate is told.
EER_AT = (1.0, 2.0, 3.0, 5.0, 10.0)

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TestWindow:
    """One window of a voice that is tested. `parts`: embeddings of its first seconds alone, as (seconds, embedding)."""

    __test__ = False  # not a test case, whatever pytest thinks of its name

    embedding: Embedding
    net_s: float
    quality: VoiceQuality = field(default_factory=VoiceQuality)
    parts: tuple[tuple[float, Embedding], ...] = ()


@dataclass(frozen=True, slots=True)
class Speaker:
    """One person: the voiceprint from the enrolment recording, the windows of the others in their order."""

    name: str
    voiceprint: Voiceprint
    windows: tuple[TestWindow, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """A moment of a call: net seconds so far, the scores against every voiceprint, the last whole window's scores (None
    in the middle of a window)."""

    net_s: float
    scores: Array
    last: Array | None


@dataclass(frozen=True, slots=True)
class _Call:
    voice: int
    steps: tuple[_Step, ...]


def make_calibration(
    speakers: Sequence[Speaker],
    *,
    calibration_id: str,
    fitted_on: str,
    date: str,
    data_hash: str,
    seed: int = 1,
    splits: int = SPLITS,
) -> Calibration:
    """Fit on all speakers; the figures stored with it come from halvings in which the tested were never fitted on.

    `date`: ISO day, `data_hash`: of the recordings; both are only stored. Raises SettingsError under 4 speakers or
    where their voiceprints are of several models.
    """
    models = {s.voiceprint.model_id for s in speakers}
    if len(speakers) < 4 or len(models) != 1 or not all(s.windows for s in speakers):
        raise SettingsError(
            f"{len(speakers)} speakers with {len(models)} models: a calibration needs 4 speakers or more, one model, "
            "and test speech of each",
            hint="one folder per speaker, two recordings or more in each",
        )
    calls = _play(speakers)
    names = [s.name for s in speakers]
    same = _suspected(speakers)
    trials = _trials(calls, names, range(len(names)), FIT_S, same)
    calibration = Calibration(
        calibration_id,
        models.pop(),
        *fit(trials),
        fitted_on=fitted_on,
        date=date,
        data_hash=data_hash,
        min_s=min(t.net_s for t in trials),
        max_s=max(t.net_s for t in trials),
        speakers=len(speakers),
        trials=len(trials),
    )
    found = {"suspected_pairs": float(len(same) // 2)} | dict(
        cross_validate(speakers, calibration, seed=seed, splits=splits)
    )
    return replace(calibration, figures=found)


def cross_validate(
    speakers: Sequence[Speaker], base: Calibration, *, seed: int = 1, splits: int = SPLITS
) -> Mapping[str, float]:
    """Figures on speakers the calibration never saw: `splits` random halvings, fitted on one half, tested within the
    other. Percent, seconds, and Cllr in bits. `base` gives only the range of seconds."""
    calls = _play(speakers)
    names = [s.name for s in speakers]
    same = _suspected(speakers)
    rng = np.random.default_rng(seed)
    found: dict[str, list[float]] = {}
    for _ in range(splits):
        order = [int(i) for i in rng.permutation(len(names))]
        half = len(names) // 2
        for train, test in ((order[:half], order[half:]), (order[half:], order[:half])):
            try:
                a, b, c, d = fit(_trials(calls, names, train, FIT_S, same))
            except SettingsError:  # few speakers, and this half holds none that differ: it gives no figure
                continue
            one = _figures(calls, names, test, replace(base, a=a, b=b, c=c, d=d, quality_terms=()))
            for key, value in one.items():
                if np.isfinite(value):
                    found.setdefault(key, []).append(value)
    result = _eers(_trials(calls, names, range(len(names))))
    return result | {key: round(float(np.mean(values)), 4) for key, values in found.items()}


def _figures(calls: Sequence[_Call], names: Sequence[str], test: Sequence[int], cal: Calibration) -> dict[str, float]:
    trials = _trials(calls, names, test)
    values = np.array([llr(cal, t.score, t.net_s) for t in trials])
    genuine = np.array([t.genuine for t in trials])
    result = {"cllr": figures.cllr(values[genuine], values[~genuine])}
    chosen = {int(i) for i in test}
    for name, policy in (("", Policy()), ("_alpha_0.1", Policy(alpha=0.001))):
        ends: dict[bool, list[tuple[str, float]]] = {True: [], False: []}
        for call in calls:
            if call.voice in chosen:
                for claimed in chosen:
                    ends[claimed == call.voice].append(_sequential(call, claimed, cal, policy))
        for kind, key in ((True, "genuine"), (False, "impostor")):
            states = [state for state, _ in ends[kind]]
            for state in ("match", "mismatch", "inconclusive"):
                result[f"{key}_{state}{name}"] = 100 * states.count(state) / len(states)
        decided = [seconds for state, seconds in ends[True] if state != "inconclusive"]
        result[f"seconds_mean{name}"] = float(np.mean(decided)) if decided else float("nan")
        result[f"seconds_p90{name}"] = float(np.percentile(decided, 90)) if decided else float("nan")
    return result | _changes(calls, chosen, cal, Policy())


def _sequential(call: _Call, claimed: int, cal: Calibration, policy: Policy) -> tuple[str, float]:
    """The first decision of a call, window by window, and the net seconds it took."""
    for step in call.steps:
        if step.last is None or step.net_s < policy.net_floor_s:
            continue
        value = llr(cal, float(step.scores[claimed]), step.net_s)
        if value >= policy.accept_limit:
            return "match", step.net_s
        if value <= policy.reject_limit:
            return "mismatch", step.net_s
    return "inconclusive", call.steps[-1].net_s


def _changes(calls: Sequence[_Call], chosen: set[int], cal: Calibration, policy: Policy) -> dict[str, float]:
    """Two low windows in a row: share of whole genuine calls that hold such a pair (false alarms), and share of the
    pairs of an impostor's windows that are one (a change noticed at once)."""
    alarms: list[bool] = []
    noticed: list[bool] = []
    for call in (c for c in calls if c.voice in chosen):
        lasts = [step.last for step in call.steps if step.last is not None]
        for claimed in chosen:
            low = [llr(cal, float(last[claimed]), 2.0) < policy.change_llr for last in lasts]
            pairs = [a and b for a, b in pairwise(low)]
            if claimed == call.voice:
                alarms.append(any(pairs))
            else:
                noticed.extend(pairs)
    return {"change_false_alarm": 100 * float(np.mean(alarms)), "change_noticed_in_4s": 100 * float(np.mean(noticed))}


def _eers(trials: Sequence[Trial]) -> dict[str, float]:
    result = {}
    for seconds in EER_AT:
        at = [t for t in trials if abs(t.net_s - seconds) < 0.01]
        genuine = np.array([t.score for t in at if t.genuine])
        impostor = np.array([t.score for t in at if not t.genuine])
        if genuine.size and impostor.size:
            rate, threshold = figures.eer(genuine, impostor)
            result[f"eer_{seconds:g}s"] = round(100 * rate, 3)
            result[f"eer_{seconds:g}s_cosine"] = round(threshold, 3)
    return result


def _trials(
    calls: Sequence[_Call],
    names: Sequence[str],
    chosen: Sequence[int],
    until_s: float = CALL_S,
    skip: frozenset[tuple[int, int]] = frozenset(),
) -> list[Trial]:
    """Every moment, up to `until_s`, of the chosen voices' calls against the chosen voiceprints, without the pairs
    `skip`."""
    inside = [int(i) for i in chosen]
    return [
        Trial(float(step.scores[claimed]), step.net_s, names[claimed], names[call.voice])
        for call in calls
        if call.voice in inside
        for step in call.steps
        if step.net_s <= until_s + 1e-6
        for claimed in inside
        if (call.voice, claimed) not in skip
    ]


def _suspected(speakers: Sequence[Speaker]) -> frozenset[tuple[int, int]]:
    """Pairs of different names, both ways round, that look like one person."""
    means = [unit(np.mean([unit(e) for e in s.voiceprint.embeddings], axis=0)) for s in speakers]
    pairs = ((i, j) for i in range(len(means)) for j in range(len(means)) if i != j)
    return frozenset((i, j) for i, j in pairs if float(means[i] @ means[j]) > SAME_PERSON)


def _play(speakers: Sequence[Speaker]) -> list[_Call]:
    prints = [s.voiceprint for s in speakers]
    calls = []
    for number, speaker in enumerate(speakers):
        starts = sorted({round(i * len(speaker.windows) / STARTS) % len(speaker.windows) for i in range(STARTS)})
        calls += [_Call(number, tuple(_steps(speaker.windows, start, prints))) for start in starts]
    return calls


def _steps(windows: Sequence[TestWindow], start: int, prints: Sequence[Voiceprint]) -> Iterator[_Step]:
    total = np.zeros(len(windows[0].embedding))
    seconds = 0.0
    for window in [*windows[start:], *windows[:start]]:
        for part_s, part in window.parts:
            if seconds + part_s <= CALL_S:
                yield _Step(seconds + part_s, _scores(total + part_s * unit(part), prints), None)
        total = total + window.net_s * unit(window.embedding)
        seconds += window.net_s
        if seconds > CALL_S + 1e-6:
            return
        yield _Step(seconds, _scores(total, prints), _scores(unit(window.embedding), prints))


def _scores(vector: Array, prints: Sequence[Voiceprint]) -> Array:
    return np.array([score_against(vector, p) for p in prints])
