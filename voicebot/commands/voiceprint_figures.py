"""The figures of an evaluation as JSON and as text. Shares are in percent, seconds are of net speech."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from voicebot.voiceprint.figures import Estimate
from voicebot.voiceprint.proof import STATES, Outcomes, Sequential, StressProof

if TYPE_CHECKING:
    from voicebot.commands.voiceprint_evaluate import Evaluation

#: False-accept shares whose refusals are told, and their names.
FARS = {0.01: "frr_at_far_1", 0.001: "frr_at_far_0.1"}


def as_json(found: Evaluation) -> dict[str, object]:
    """The report's data (docs/voiceprint.md, "Proof", names every key). A figure that cannot be given is null."""
    proof = found.proof
    first, *others = proof.sequential
    errors = {f"{r.seconds:g}": r for r in proof.rates}
    return {
        "unit": "percent",
        "folder": found.folder,
        "date": found.date,
        "data_hash": found.data_hash,
        "model_id": found.model_id,
        "calibration": {
            key: getattr(found.calibration, key) for key in ("id", "model_id", "fitted_on", "date", "data_hash")
        },
        "speakers": proof.speakers,
        "left_out": dict(found.left_out),
        "files_skipped": list(found.skipped),
        "trials": proof.trials,
        "eer": {at: percent(r.eer.value) for at, r in errors.items()},
        "eer_ci": {at: interval(r.eer) for at, r in errors.items()},
        **{
            name: {at: percent(r.frr[far].value) if far in r.frr else None for at, r in errors.items()}
            for far, name in FARS.items()
        },
        **{
            f"{name}_ci": {at: interval(r.frr[far]) if far in r.frr else None for at, r in errors.items()}
            for far, name in FARS.items()
        },
        "trials_at": {at: {"genuine": r.genuine, "impostor": r.impostor} for at, r in errors.items()},
        "sequential": {"alpha": first, **sequential_json(proof.sequential[first])},
        **{f"sequential_alpha_{100 * a:g}": sequential_json(proof.sequential[a]) for a in others},
        "cllr": None if proof.cllr is None else round(proof.cllr.value, 4),
        "cllr_ci": None if proof.cllr is None else [round(proof.cllr.low, 4), round(proof.cllr.high, 4)],
        "speaker_change": {key: percent(value) for key, value in proof.changes.items()},
        "stress": {name: None if s.rates is None else percent(s.rates.eer.value) for name, s in found.stress.items()},
        "stress_genuine_mismatch": {
            name: percent(s.outcomes.genuine.shares["mismatch"]) for name, s in found.stress.items()
        },
        "stress_detail": {name: stress_json(s) for name, s in found.stress.items()},
        "seconds_taken": round(found.seconds, 1),
    }


def sequential_json(decided: Sequential) -> dict[str, object]:
    """Own voice and others', and how long the own voice took to be decided."""
    seconds = decided.genuine.decided_s
    return {
        "genuine": _outcomes(decided.genuine),
        "impostor": _outcomes(decided.impostor),
        "seconds_mean": round(float(np.mean(seconds)), 2) if seconds.size else None,
        "seconds_p90": round(float(np.percentile(seconds, 90)), 2) if seconds.size else None,
        "genuine_ci": {state: _pair(*ci) for state, ci in decided.genuine.intervals.items()},
        "impostor_ci": {state: _pair(*ci) for state, ci in decided.impostor.intervals.items()},
        "reasons": {"genuine": dict(decided.genuine.reasons), "impostor": dict(decided.impostor.reasons)},
        "calls": {"genuine": decided.genuine.calls, "impostor": decided.impostor.calls},
    }


def stress_json(proof: StressProof) -> dict[str, object]:
    """One condition."""
    return {
        "eer_3s": None if proof.rates is None else percent(proof.rates.eer.value),
        "eer_3s_ci": None if proof.rates is None else interval(proof.rates.eer),
        **sequential_json(proof.outcomes),
    }


def as_text(found: Evaluation) -> str:
    """For a terminal."""
    return "\n".join(_lines(found))


def _lines(found: Evaluation) -> Iterator[str]:
    proof = found.proof
    yield f"{proof.speakers} speakers of {found.folder}, {proof.trials} trials; {found.model_id}"
    yield f"calibration {found.calibration.id} of {found.calibration.date}: {found.calibration.fitted_on}"
    if found.left_out:
        yield f"left out: {len(found.left_out)} ({', '.join(found.left_out)})"
    yield ""
    yield "net speech      EER %  (95 %)           FRR % at FAR 1 %         at FAR 0.1 %"
    for r in proof.rates:
        refused = "".join(f"{_cell(r.frr.get(far)):<25}" for far in FARS)
        yield f"{r.seconds:>6g} s    {_cell(r.eer):<25}{refused}".rstrip()
    for alpha, decided in proof.sequential.items():
        yield ""
        yield f"decided as in a call, alpha {100 * alpha:g} %     match    mismatch  inconclusive %"
        for kind, outcomes in (("own voice", decided.genuine), ("other voice", decided.impostor)):
            shares = "".join(f"{100 * outcomes.shares[state]:10.2f}" for state in STATES)
            yield f"{kind:>12}, {outcomes.calls:>6} calls        {shares}"
        seconds = decided.genuine.decided_s
        if seconds.size:
            mean, p90 = np.mean(seconds), np.percentile(seconds, 90)
            yield f"own voice decided after {mean:.1f} s on average, {p90:.1f} s (p90)"
    yield ""
    yield f"Cllr {_plain(proof.cllr)} bits"
    for key, value in proof.changes.items():
        yield f"{_CHANGES[key]}: {100 * value:.1f} % of calls"
    if found.stress:
        yield ""
        yield "3 s, spoilt      EER %  (95 %)      own voice: match  mismatch  inconclusive %   other voice: match %"
        for name, s in found.stress.items():
            shares = "".join(f"{100 * s.outcomes.genuine.shares[state]:10.2f}" for state in STATES)
            error = None if s.rates is None else s.rates.eer
            yield f"{name:>10}      {_cell(error):<23}{shares}{100 * s.outcomes.impostor.shares['match']:18.2f}"
    yield f"\n{found.seconds:.0f} s of computing"


_CHANGES = {"false_alarm": "own match lost again", "noticed_4s": "another voice noticed in 4 s"}


def percent(share: float) -> float | None:
    """A share in [0, 1] in percent; None where there is none."""
    return round(100 * share, 3) if np.isfinite(share) else None


def interval(estimate: Estimate) -> list[float | None]:
    """Low and high in percent."""
    return _pair(estimate.low, estimate.high)


def _pair(low: float, high: float) -> list[float | None]:
    return [percent(low), percent(high)]


def _outcomes(outcomes: Outcomes) -> dict[str, float | None]:
    return {state: percent(outcomes.shares[state]) for state in STATES}


def _cell(estimate: Estimate | None) -> str:
    if estimate is None or not np.isfinite(estimate.value):
        return "-"
    return f"{100 * estimate.value:6.2f}  ({100 * estimate.low:.2f} to {100 * estimate.high:.2f})"


def _plain(estimate: Estimate | None) -> str:
    return "-" if estimate is None else f"{estimate.value:.4f} ({estimate.low:.4f} to {estimate.high:.4f})"
