"""Rules that choose accounts (documents V and Q, steps V2b-1, Q2a, Q3b, Q3f): conditions, and which rule wins.

Where several rules match, the one with the most dimensions set wins, then the higher priority, then the newer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Self

from pydantic import Field, model_validator

from voicebot.campaign.yaml_model import Model, Texts
from voicebot.model.campaign import Candidate

#: Days past due of who has nothing unpaid.
NOTHING_DUE = -36_500


class Band(Model):
    """From `from` (included) to `below` (excluded); a side that is not written is open."""

    since: Decimal | None = Field(default=None, alias="from")
    below: Decimal | None = None

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if self.since is None and self.below is None:
            raise ValueError("a band needs `from`, `below` or both")
        if self.since is not None and self.below is not None and self.since >= self.below:
            raise ValueError(f"the band is empty: from {self.since} below {self.below}")
        return self

    def holds(self, value: Decimal) -> bool:
        """True inside the band."""
        return (self.since is None or value >= self.since) and (self.below is None or value < self.below)

    def meets(self, other: Band) -> bool:
        """True where a value lies in both."""
        low = max((b.since for b in (self, other) if b.since is not None), default=None)
        high = min((b.below for b in (self, other) if b.below is not None), default=None)
        return low is None or high is None or low < high


#: Dimensions that are a list of values, and those that are a band.
LISTS = (
    *("product", "product_class", "channel", "channel_class", "funding_source", "agent", "branch", "region"),
    *("risk_level", "language", "currency"),
)
BANDS = ("amount", "days_past_due", "outstanding", "loan_age_days")


class Match(Model):
    """Conditions; each that is written must hold. A value that is not known fulfils none. `amount`: what is open of the
    instalment it is about, else of all that is unpaid; `days_past_due`: of the oldest unpaid instalment on the day of
    the plan, negative before it is due; `loan_age_days`: since disbursement."""

    product: Texts = ()
    product_class: Texts = ()
    channel: Texts = ()
    channel_class: Texts = ()
    funding_source: Texts = ()
    agent: Texts = ()
    branch: Texts = ()
    region: Texts = ()
    risk_level: Texts = ()
    language: Texts = ()
    currency: Texts = ()
    amount: Band | None = None
    days_past_due: Band | None = None
    outstanding: Band | None = None
    loan_age_days: Band | None = None

    def lists(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """The lists that are written."""
        return ((name, value) for name in LISTS if (value := getattr(self, name)))

    def bands(self) -> Iterator[tuple[str, Band]]:
        """The bands that are written."""
        return ((name, value) for name in BANDS if (value := getattr(self, name)) is not None)

    @property
    def dimensions(self) -> int:
        """How many are written."""
        return sum(1 for _ in self.lists()) + sum(1 for _ in self.bands())

    def matches(self, view: View) -> bool:
        """True where every condition holds."""
        return all(view.texts.get(name) in values for name, values in self.lists()) and all(
            band.holds(view.numbers[name]) for name, band in self.bands()
        )

    def meets(self, other: Match) -> bool:
        """True where an account may match both."""
        lists, bands = dict(other.lists()), dict(other.bands())
        return all(set(v) & set(lists.get(n, v)) for n, v in self.lists()) and all(
            band.meets(bands.get(n, band)) for n, band in self.bands()
        )


class Rule(Match):
    """A rule with its switch. `flow`, `sms`, `email`: in place of the campaign's; `supervisor`: whose team has it."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$")
    on: bool = True
    priority: int = 0
    since: date | None = None
    flow: str | None = None
    sms: str | None = None
    email: str | None = None
    supervisor: str | None = None

    @property
    def rank(self) -> tuple[int, int, date]:
        """The higher one wins."""
        return self.dimensions, self.priority, self.since or date.min


@dataclass(frozen=True, slots=True)
class View:
    """A candidate as rules see it."""

    texts: Mapping[str, str | None]
    numbers: Mapping[str, Decimal]


def view(candidate: Candidate, day: date, amount: Decimal | None = None) -> View:
    """What the rules look at. `amount`: of the instalment it is about; None: all that is unpaid."""
    account, unpaid = candidate.account, candidate.unpaid
    past_due = (day - unpaid[0].due_on).days if unpaid else NOTHING_DUE
    open_amount = amount if amount is not None else sum((i.due - i.paid for i in unpaid), Decimal(0))
    return View(
        texts={
            "product": candidate.product_id or account.loan.product,
            "product_class": candidate.product_class,
            "channel": candidate.channel_id,
            "channel_class": candidate.channel_class,
            "funding_source": candidate.funding_source_id,
            "agent": candidate.agent_id,
            "branch": candidate.branch,
            "region": candidate.region,
            "risk_level": candidate.risk_level,
            "language": account.customer.language,
            "currency": account.loan.currency,
        },
        numbers={
            "amount": open_amount,
            "days_past_due": Decimal(past_due),
            "outstanding": account.loan.outstanding,
            "loan_age_days": Decimal((day - account.loan.disbursed_on).days),
        },
    )


def pick(rules: Sequence[Rule], seen: View) -> Rule | None:
    """The rule that wins; None where no rule that is on matches."""
    return max((r for r in rules if r.on and r.matches(seen)), key=lambda r: r.rank, default=None)


def conflicts(rules: Sequence[Rule]) -> Iterator[tuple[int, str]]:
    """Rules of which nothing says that they win over an earlier one: their place and what is wrong."""
    for n, rule in enumerate(rules):
        for earlier in rules[:n]:
            if rule.name == earlier.name:
                yield n, f"the rule `{rule.name}` is there twice"
            elif rule.on and earlier.on and rule.rank == earlier.rank and rule.meets(earlier):
                yield (
                    n,
                    (
                        f"the rules `{earlier.name}` and `{rule.name}` overlap and nothing says which one wins: "
                        "give one a `priority`, or a `since` date"
                    ),
                )
