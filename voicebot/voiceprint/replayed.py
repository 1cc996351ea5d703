"""Was this said before: the same recording, played again? Landmarks of an earlier call that fall in line with these.

The share of a stretch's landmarks that fit one earlier call at one and the same distance in time, all along it.
A person who says the same words again hardly ever does so at the same distances: docs/voiceprint.md has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np

from voicebot.voiceprint.sketch import Ints, hashes, landmarks

#: Fewer landmarks than this are too few to take a share of.
LEAST_MARKS = 60
#: Frames two landmarks may be off and still count as in line (32 ms): the windows do not fall on the same samples, and
#: two clocks differ.
TOLERANCE = 2
#: Parts of a stretch, and how many of them, the weakest, count.
PARTS, WEAKER = 4, 2
#: Frames from which a distance is another one (0.16 s).
ELSEWHERE = 10
#: Distances looked at closely: those with the most hits.
_CLOSELY = 8
#: Neighbours of a landmark that count as it: a peak may fall one bin or frame aside.
_NEAR = tuple(n for n in product((-1, 0, 1), repeat=3) if sum(map(abs, n)) <= 2)
#: Added to the time of each further call, in frames: more than any call has.
_APART = 1 << 20


def call_share(shares: Sequence[float]) -> float | None:
    """A call's value: the mean of its two best stretches, one alone counting half: who repeats himself may hit one
    alike, a recording hits them all. None where there are none."""
    return sum(sorted(shares)[-2:]) / 2 if shares else None


class EarlierCalls:
    """The sketches of a customer's earlier calls, ready to be searched."""

    def __init__(self, sketches: Sequence[Ints]) -> None:
        """`sketches`: peaks of each call (sketch.peaks)."""
        marks = [landmarks(s) for s in sketches]
        keys = np.concatenate([hashes(m) for m in marks]) if marks else np.zeros(0, dtype=np.int64)
        # A stretch begins at 0: with half a call's room before it, no distance falls into the call before.
        times = [m[:, 0] + number * _APART + _APART // 2 for number, m in enumerate(marks)]
        order = np.argsort(keys, kind="stable")
        self._keys: Ints = keys[order]
        self._times: Ints = np.concatenate(times)[order] if marks else np.zeros(0, dtype=np.int64)

    def __bool__(self) -> bool:
        """There is something to compare with."""
        return bool(self._keys.size)

    def share(self, stretch: Ints) -> float | None:
        """The share of the stretch's landmarks that one earlier call has in line, [0, 1]; None where there are too few
        to tell. `stretch`: its peaks."""
        marks = landmarks(stretch)
        if len(marks) < LEAST_MARKS or not self:
            return None
        distances, which = self._hits(marks)
        call = distances // _APART
        found = [_in_line(distances[call == n], which[call == n], len(marks)) for n in np.unique(call)]
        return max(found, default=0.0)

    def _hits(self, marks: Ints) -> tuple[Ints, Ints]:
        """Every landmark of an earlier call that equals one of these: distance in time, and which of these it is."""
        distances, which = [], []
        for near in _NEAR:
            wanted = hashes(marks, *near)
            first = np.searchsorted(self._keys, wanted, side="left")
            count = np.searchsorted(self._keys, wanted, side="right") - first
            total = int(count.sum())
            if not total:
                continue
            mine = np.repeat(np.arange(len(marks)), count)
            within = np.arange(total) - np.repeat(np.cumsum(count) - count, count)
            distances.append(self._times[np.repeat(first, count) + within] - marks[mine, 0])
            which.append(mine)
        if not distances:
            return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
        return np.concatenate(distances), np.concatenate(which)


def _in_line(distances: Ints, which: Ints, count: int) -> float:
    """The share in line at the best distance within one call, less that at the next best elsewhere: a tone or a hum
    fits itself at many distances, a recording at one. `count`: landmarks there are."""
    found, hits = np.unique(distances, return_counts=True)
    likely = found[np.argsort(-hits, kind="stable")[:_CLOSELY]]
    best, where = max((_all_along(which[np.abs(distances - at) <= TOLERANCE], count), int(at)) for at in likely)
    far = np.abs(found - where) > ELSEWHERE
    rivals = found[far][np.argsort(-hits[far], kind="stable")[:_CLOSELY]]
    return best - max((_all_along(which[np.abs(distances - at) <= TOLERANCE], count) for at in rivals), default=0.0)


def _all_along(which: Ints, count: int) -> float:
    """The share of landmarks that fit, in the weaker parts of the stretch too: one word said alike is no recording."""
    parts = np.bincount(np.unique(which) * PARTS // count, minlength=PARTS) * PARTS / count
    return float(np.mean(np.sort(parts)[:WEAKER]))
