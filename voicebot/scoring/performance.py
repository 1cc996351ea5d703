"""Q4 (document Q): rates of the counts that v_performance gives per day x campaign x product x channel x funding x
script x agent x currency."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

from voicebot.scoring.result import Value

VERSION = "Q4/1"
DIMENSIONS = ("day", "campaign", "product", "channel", "funding", "script", "agent", "currency")


@dataclass(frozen=True, slots=True)
class Counts:
    """Counts of one row; seconds for talk; money in the row's currency. None: nothing is known of it."""

    attempts: int = 0
    connects: int = 0
    right_party: int = 0
    machine: int = 0
    promises: int = 0
    promises_judged: int = 0
    promises_kept: int = 0
    accounts: int = 0
    talk_s: float = 0.0
    talks: int = 0
    transfers: int = 0
    contained: int = 0
    refusals: int = 0
    opt_outs: int = 0
    complaints: int = 0
    voice_accept: int = 0
    voice_reject: int = 0
    voice_inconclusive: int = 0
    drops: int = 0
    warnings: int = 0
    rating_sum: float = 0.0
    rated: int = 0
    amount_due: float = 0.0
    amount_paid: float = 0.0
    overdue: int = 0
    cured: int = 0


@dataclass(frozen=True, slots=True)
class PerformanceRow:
    """Counts of one combination; None in a dimension: not known. `day`: UTC."""

    day: str
    campaign: str | None
    product: str | None
    channel: str | None
    funding: str | None
    script: str
    agent: str | None
    currency: str | None
    counts: Counts

    @property
    def subject(self) -> str:
        """How it is stored."""
        return "|".join(str(getattr(self, name) or "") for name in DIMENSIONS)


#: rate -> (numerator, denominator), of the counts.
RATES = {
    "connect_rate": ("connects", "attempts"),
    "rpc_rate": ("right_party", "attempts"),
    "amd_share": ("machine", "connects"),
    "ptp_rate": ("promises", "right_party"),
    "kept_ptp_rate": ("promises_kept", "promises_judged"),
    "cure_rate": ("cured", "overdue"),
    "aht_s": ("talk_s", "talks"),
    "containment": ("contained", "connects"),
    "transfer_rate": ("transfers", "connects"),
    "refusal_rate": ("refusals", "right_party"),
    "opt_out_rate": ("opt_outs", "connects"),
    "complaint_rate": ("complaints", "connects"),
    "drop_rate": ("drops", "connects"),
    "rating": ("rating_sum", "rated"),
    "paid_share": ("amount_paid", "amount_due"),
}


def rates(counts: Counts) -> dict[str, Value]:
    """Counts and rates; a rate of nothing is None, never 0."""
    values: dict[str, Value] = {field.name: getattr(counts, field.name) for field in fields(Counts)}
    for name, (above, below) in RATES.items():
        divisor = getattr(counts, below)
        values[name] = getattr(counts, above) / divisor if divisor else None
    return values


def total(rows: Iterable[PerformanceRow]) -> Counts:
    """The rows' sum. Money of several currencies is added up as it is: sum rows of one currency."""
    sums = {field.name: 0.0 for field in fields(Counts)}
    for row in rows:
        for name in sums:
            sums[name] += getattr(row.counts, name)
    kinds = {field.name: str(field.type) for field in fields(Counts)}
    return Counts(**{name: value if kinds[name] == "float" else int(value) for name, value in sums.items()})  # type: ignore[arg-type]
