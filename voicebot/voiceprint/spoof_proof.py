"""How often the signs of a recording or a machine are wrong: figures on people, and a detector of one's own.

Every figure is of calls as they would be judged in one: the highest value of a recording counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from voicebot.errors import SettingsError
from voicebot.voiceprint.figures import eer
from voicebot.voiceprint.replayed import EarlierCalls, call_share
from voicebot.voiceprint.sketch import Ints, joined
from voicebot.voiceprint.spoof_features import COUNT
from voicebot.voiceprint.synthetic import LEAST_WINDOWS, Detector, fit

Array = NDArray[np.float64]
#: name (a person, an engine) -> the features of each recording's windows, rows of COUNT numbers.
Heard = Mapping[str, Sequence[Array]]
#: Halvings of the people, each fitted and tested both ways.
_HALVINGS = 3
_LEAST_PEOPLE = 4


@dataclass(frozen=True, slots=True)
class ReplayProof:
    """`again`: value of each recording against the same person's others; `played`: against all of them, the
    recording itself among them, after a condition."""

    again: Array
    played: Mapping[str, Array]

    def false_alarms(self, limit: float) -> float:
        """Share of recordings of a person that would be taken for a recording."""
        return float(np.mean(self.again >= limit)) if self.again.size else 0.0

    def found(self, limit: float) -> dict[str, float]:
        """Condition -> share of recordings played again that are known."""
        return {name: float(np.mean(values >= limit)) for name, values in self.played.items() if values.size}


def replay_share(stretches: Sequence[Ints], earlier: Sequence[Sequence[Ints]]) -> float | None:
    """The value of a recording's stretches against earlier ones; None where too little was said."""
    known = EarlierCalls([joined(each) for each in earlier])
    return call_share([share for s in stretches if (share := known.share(s)) is not None])


def call_scores(detector: Detector, recordings: Sequence[Array]) -> Array:
    """Of each recording with LEAST_WINDOWS or more: the highest score it reaches as its windows come."""
    return _highest([_score(rows, detector) for rows in recordings])


def fit_detector(
    people: Heard, engines: Heard, *, detector_id: str, about: str, date: str, false_alarms: float = 0.01
) -> Detector:
    """A detector whose limit `false_alarms` of people's recordings reach, among people it was not fitted with.

    Figures, in percent: `false_alarms` of those people, `eer_ENGINE` and `found_ENGINE` (at the limit) of each engine
    while it was left out of the fit. Raises SettingsError for fewer than four people or no engine.
    """
    if len(people) < _LEAST_PEOPLE or not engines:
        raise SettingsError(
            f"{len(people)} people and {len(engines)} engines are too few to fit a detector",
            hint=f"{_LEAST_PEOPLE} people at least, forty to mean something; two engines or more",
        )
    human: list[Array] = []
    machine: dict[str, list[Array]] = {name: [] for name in engines}
    rates: dict[str, list[float]] = {name: [] for name in engines}
    names = sorted(people)
    for halving in range(_HALVINGS):
        order = [names[i] for i in np.random.default_rng(halving).permutation(len(names))]
        for mine, others in ((order[::2], order[1::2]), (order[1::2], order[::2])):
            for left_out in engines:
                known = {e: r for e, r in engines.items() if e != left_out or len(engines) == 1}
                trained = _fitted({n: people[n] for n in mine}, known)
                own = call_scores(trained, [r for n in others for r in people[n]])
                made = call_scores(trained, engines[left_out])
                human.append(own)
                machine[left_out].append(made)
                if own.size and made.size:
                    rates[left_out].append(eer(made, own)[0])
    scores = np.concatenate(human)
    if not scores.size:
        raise SettingsError("no recording is long enough", hint=f"{2 * LEAST_WINDOWS} s of speech at least")
    limit = round(float(np.quantile(scores, 1 - false_alarms)), 2)
    figures = {"people": float(len(people)), "false_alarms": round(100 * float(np.mean(scores >= limit)), 2)}
    for name, found in machine.items():
        figures[f"eer_{name}"] = round(100 * float(np.mean(rates[name])), 1) if rates[name] else float("nan")
        figures[f"found_{name}"] = round(100 * float(np.mean(np.concatenate(found) >= limit)), 1)
    return replace(_fitted(people, engines), id=detector_id, limit=limit, fitted_on=about, date=date, figures=figures)


def _fitted(people: Heard, engines: Heard) -> Detector:
    """People and machines weigh the same in sum, and each engine as much as another."""
    rows, synthetic, weights = [], [], []
    for group, made in ((people, False), (engines, True)):
        sizes = {name: sum(len(r) for r in recordings) for name, recordings in group.items()}
        for name, recordings in group.items():
            share = 0.5 / (max(1, len([s for s in sizes.values() if s])) * max(1, sizes[name])) if made else 0.0
            share = share or 0.5 / max(1, sum(sizes.values()))
            for recording in recordings:
                rows.append(recording.reshape(-1, COUNT))
                synthetic += [made] * len(recording)
                weights += [share] * len(recording)
    if not synthetic:
        raise SettingsError("there is no speech in the recordings", hint="give recordings of people and of machines")
    mean, scale, found, bias = fit(np.concatenate(rows), np.array(synthetic), np.array(weights) * len(weights))
    tuples = [tuple(float(x) for x in values) for values in (mean, scale, found)]
    return Detector("", tuples[0], tuples[1], tuples[2], bias, 0.0)


def _score(rows: Array, detector: Detector) -> Array:
    return np.asarray(detector.bias + ((rows - detector.mean) / detector.scale) @ np.array(detector.weights))


def _highest(scores: Sequence[Array]) -> Array:
    running = [np.cumsum(s) / np.arange(1, len(s) + 1) for s in scores if len(s) >= LEAST_WINDOWS]
    return np.array([r[LEAST_WINDOWS - 1 :].max() for r in running])
