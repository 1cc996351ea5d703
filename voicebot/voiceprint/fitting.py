"""Fitting a calibration, and the honest figures beside it: cross-validated by speaker, on trials as a call makes them.

Two names whose voiceprints are close enough to be one person's give no impostor trials to fit on, but stay in the
figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import SettingsError
from voicebot.model.voice import Embedding, VoiceEvidence, VoiceState
from voicebot.voiceprint import figures
from voicebot.voiceprint.calibration import Calibration, Trial, fit, llr
from voicebot.voiceprint.cohort import LEAST
from voicebot.voiceprint.decision import Policy, decide
from voicebot.voiceprint.evidence import unit
from voicebot.voiceprint.trials import CALL_S, Call, Speaker, play, suspected

#: Net seconds up to which trials are fitted; later the limits stay. Scores of one call go on rising with its length,
#: those of another day less: limits that rose with them would turn customers away (docs/voiceprint.md).
FIT_S = 8.0
#: Random halvings of the speakers for the figures.
SPLITS = 12
#: Net seconds whose equal error rate is told.
EER_AT = (1.0, 2.0, 3.0, 5.0, 10.0)

Array = NDArray[np.float64]


def make_calibration(
    speakers: Sequence[Speaker],
    *,
    calibration_id: str,
    fitted_on: str,
    date: str,
    data_hash: str,
    seed: int = 1,
    splits: int = SPLITS,
    as_norm: bool = False,
) -> Calibration:
    """Fit on all speakers; the figures stored with it come from halvings in which the tested were never fitted on.

    `date`: ISO day, `data_hash`: of the recordings; both are only stored. `as_norm`: with the speakers themselves as
    the cohort (each one's own best score is left out, see cohort.py). Raises SettingsError under 4 speakers or where
    their voiceprints are of several models.
    """
    models = {s.voiceprint.model_id for s in speakers}
    if len(speakers) < 4 or len(models) != 1 or not all(s.windows for s in speakers):
        raise SettingsError(
            f"{len(speakers)} speakers with {len(models)} models: a calibration needs 4 speakers or more, one model, "
            "and test speech of each",
            hint="one folder per speaker, two recordings or more in each",
        )
    cohort = cohort_of(speakers) if as_norm else ()
    calls = play(speakers, cohort=cohort)
    names = [s.name for s in speakers]
    same = suspected(speakers)
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
        cohort=cohort,
    )
    found = {"suspected_pairs": float(len(same) // 2)} | dict(
        cross_validate(speakers, calibration, seed=seed, splits=splits)
    )
    return replace(calibration, figures=found)


def cohort_of(speakers: Sequence[Speaker]) -> tuple[Embedding, ...]:
    """Everybody's centre as the AS-norm's cohort. Raises SettingsError under cohort.LEAST people."""
    if len(speakers) < LEAST:
        raise SettingsError(
            f"AS-norm needs {LEAST} speakers or more, here are {len(speakers)}",
            hint="leave --as-norm out: a small cohort makes the check worse",
        )
    centres = (unit(np.mean([unit(e) for e in s.voiceprint.embeddings], axis=0)) for s in speakers)
    return tuple(tuple(float(x) for x in centre) for centre in centres)


def cross_validate(
    speakers: Sequence[Speaker], base: Calibration, *, seed: int = 1, splits: int = SPLITS
) -> Mapping[str, float]:
    """Figures on speakers the calibration never saw: `splits` random halvings, fitted on one half, tested within the
    other. Percent, seconds, and Cllr in bits. `base` gives only the range of seconds."""
    calls = play(speakers, cohort=base.cohort)
    names = [s.name for s in speakers]
    same = suspected(speakers)
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


def _figures(calls: Sequence[Call], names: Sequence[str], test: Sequence[int], cal: Calibration) -> dict[str, float]:
    moments = _trials([replace(c, steps=tuple(s for s in c.steps if s.last is not None)) for c in calls], names, test)
    values = np.array([llr(cal, t.score, t.net_s) for t in moments])
    genuine = np.array([t.genuine for t in moments])
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


def _sequential(call: Call, claimed: int, cal: Calibration, policy: Policy) -> tuple[str, float]:
    """The first decision of a call, window by window, and the net seconds it took."""
    for step in call.steps:
        if step.last is None:
            continue
        seen = VoiceEvidence(step.net_s, float(step.scores[claimed]), float(step.last[claimed]), step.quality)
        decision = decide(seen, cal, policy)
        if decision.state is not VoiceState.INCONCLUSIVE:
            return str(decision.state), step.net_s
    return str(VoiceState.INCONCLUSIVE), call.steps[-1].net_s


def _changes(calls: Sequence[Call], chosen: set[int], cal: Calibration, policy: Policy) -> dict[str, float]:
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
    calls: Sequence[Call],
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
