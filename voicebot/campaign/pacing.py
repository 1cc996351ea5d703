"""How many calls may be started now: progressive pacing, one free line for every call that is dialled, so nobody who
answers ever waits for a line (rules.md, section 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from voicebot.errors import CampaignError
from voicebot.model.campaign import CampaignRow, Room


@dataclass(frozen=True, slots=True)
class Caps:
    """Most lines at a time. `lines`: of the process; `reserve`: of them kept free for inbound calls; `together`: of all
    campaigns (None: what is left); `each`: of a campaign that is not in `own` (None: as `together`)."""

    lines: int
    reserve: int = 0
    together: int | None = None
    each: int | None = None
    own: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.reserve >= self.lines:
            raise CampaignError(
                f"campaign.reserve_lines = {self.reserve} leaves campaigns none of the {self.lines} line(s)",
                hint="raise telephony.max_calls, or lower campaign.reserve_lines",
            )

    def of(self, campaign_id: str) -> int | None:
        """The cap of one campaign."""
        return self.own.get(campaign_id, self.each)


@dataclass(frozen=True, slots=True)
class InUse:
    """Lines that are taken, by all processes. `others`: by calls of no campaign; `campaigns`: by each one's, and by its
    calls that are about to be dialled."""

    others: int = 0
    campaigns: Mapping[str, int] = field(default_factory=dict)

    @property
    def dialled(self) -> int:
        """By all campaigns."""
        return sum(self.campaigns.values())


def room(caps: Caps, used: InUse, running: frozenset[str] | set[str]) -> Room:
    """What may be started now for the running campaigns. Which of them gets the lines: their jobs' priority tells."""
    free = caps.lines - caps.reserve - used.others - used.dialled
    if caps.together is not None:
        free = min(free, caps.together - used.dialled)
    free = max(0, free)
    return Room(free, {name: _own(caps.of(name), used.campaigns.get(name, 0), free) for name in running})


def _own(cap: int | None, used: int, free: int) -> int:
    return free if cap is None else max(0, min(free, cap - used))


def own_lines(campaign: CampaignRow) -> int | None:
    """The campaign's own number of lines, as its definition says (`lines`); None where it says nothing."""
    try:
        table = yaml.load(campaign.definition, Loader=yaml.BaseLoader)  # noqa: S506 - text only, no objects
    except yaml.YAMLError:
        return None
    lines = table.get("lines", "") if isinstance(table, dict) else ""
    return int(lines) if isinstance(lines, str) and lines.isascii() and lines.isdigit() else None
