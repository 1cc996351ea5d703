"""Q3c, W-Q1 (document Q): products, channels and funding sources with unusually many unpaid instalments."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voicebot.scoring.config import version
from voicebot.scoring.config_risk import UnpaidSettings
from voicebot.scoring.result import Result, Value

VERSION = "Q3c/1"


@dataclass(frozen=True, slots=True)
class DueGroup:
    """Instalments due in the window of one group. `dimension`: product, channel or funding."""

    dimension: str
    name: str
    due: int
    unpaid: int

    @property
    def share(self) -> float:
        """Unpaid of due."""
        return self.unpaid / self.due if self.due else 0.0

    @property
    def subject(self) -> str:
        """How it is stored."""
        return f"{self.dimension}:{self.name}"


def unpaid_shares(
    groups: Sequence[DueGroup], last_month: Mapping[str, float], settings: UnpaidSettings
) -> dict[str, Result]:
    """Result by subject; `abnormal` is true where the share is over its peers' mean + deviations * sd, or over
    last_month_ratio times last month's share (`last_month` by subject; a group without one is not compared with it).
    The peers are the other groups of the dimension: one bad group must not hide itself in the mean. Their deviation is
    taken as at least that of chance (binomial), else equal peers would make every small difference a warning."""
    by_dimension = defaultdict[str, list[DueGroup]](list)
    for group in groups:
        if group.due >= settings.min_due:
            by_dimension[group.dimension].append(group)
    found = {}
    for peers in by_dimension.values():
        for group in peers:
            others = [p.share for p in peers if p is not group]
            found[group.subject] = _judge(group, others, last_month.get(group.subject), settings)
    return found


def _judge(group: DueGroup, others: list[float], before: float | None, settings: UnpaidSettings) -> Result:
    limit = None
    if len(others) + 1 >= settings.min_groups:
        mean = math.fsum(others) / len(others)
        spread = math.fsum((x - mean) ** 2 for x in others) / len(others)
        sd = math.sqrt(max(spread, mean * (1 - mean) / group.due))  # never less than the chance of so many instalments
        limit = mean + settings.deviations * sd
    share = group.share
    reasons = []
    if share >= settings.min_share:
        if limit is not None and share > limit + 1e-9:
            reasons.append(f"{share:.1%} unpaid, over {limit:.1%} (mean + {settings.deviations:g} sd of the others)")
        if before is not None and share > settings.last_month_ratio * before + 1e-9:
            reasons.append(
                f"{share:.1%} unpaid, more than {settings.last_month_ratio:g} times last month's {before:.1%}"
            )
    inputs: dict[str, Value] = {"due": group.due, "unpaid": group.unpaid, "last_month": before, "peers": len(others)}
    values: dict[str, Value] = {"share": share, "limit": limit, "abnormal": bool(reasons)}
    return Result("unpaid-share", version(VERSION, settings), inputs, values, tuple(reasons))
