"""Thresholds of documents Q and R: early warning, tags, unpaid shares, warnings, collection numbers, pre-loan risk."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from voicebot.scoring.config_cases import NotNegative, Positive, Share
from voicebot.scoring.config_section import Section

Points = Annotated[float, Field(ge=0, le=20)]
#: (from this indicator on, so many points), rising.
Bands = tuple[tuple[float, Points], ...]
Level = Literal["green", "yellow", "orange", "red"]


class EarlyWarningSettings(Section):
    """Q5: points of five dimensions, the level, willingness to repay, and the rules that lift a level."""

    #: Levels begin at these points (0-100).
    yellow: float = Field(default=30.0, ge=0, le=100)
    orange: float = Field(default=60.0, ge=0, le=100)
    red: float = Field(default=80.0, ge=0, le=100)
    #: Contract: overdue instalments of the customer's accounts, and promises broken.
    contract_overdue: Bands = ((1, 6), (2, 12), (3, 20))
    contract_broken: Bands = ((1, 8), (2, 16), (3, 20))
    #: Related parties: borrowers that share a device; calls that a third or a wrong party took.
    related_device: Bands = ((2, 8), (3, 20))
    related_third: Bands = ((2, 5), (4, 10))
    #: Behaviour: contact anomaly A; accounts with lost contact; refusals; voice warnings.
    behavioural_anomaly: Bands = ((0.3, 5), (0.5, 12), (0.7, 20))
    behavioural_lost: Bands = ((1, 10), (2, 16))
    behavioural_refusals: Bands = ((1, 6), (2, 12), (3, 20))
    behavioural_voice: Bands = ((1, 12), (2, 20))
    #: Finance: the instalment due as a share of the outstanding debt; hardship told; pre-loan risk.
    financial_due_share: Bands = ((0.05, 3), (0.10, 6), (0.25, 10))
    financial_hardship: Bands = ((1, 14), (2, 20))
    financial_pre_loan: Bands = ((30, 8), (60, 16), (80, 20))
    #: Willingness: 1 - willingness.
    willingness_lack: Bands = ((0.5, 4), (0.6, 8), (0.7, 12), (0.8, 16), (0.9, 20))
    #: Days of promises, refusals, hardship and warnings that count.
    window_d: int = Field(default=90, ge=1)
    #: Prior of kept and of broken promises (Beta).
    prior_kept: Positive = 1.0
    prior_broken: Positive = 1.0
    #: Willingness lost by one refusal.
    refusal_cost: Share = 0.10
    #: Attempts on different days without the right party that make a lost contact.
    lost_days: int = Field(default=3, ge=1)
    #: Rule: broken promises, and borrowers that share a device, from these numbers on.
    rule_broken: int = Field(default=2, ge=1)
    rule_device: int = Field(default=3, ge=2)
    #: Any rule lifts the level to at least this one.
    rule_level: Level = "orange"
    #: Device and other external data may be used (a lawful basis is recorded with every import).
    use_devices: bool = False
    #: The pre-loan risk may be used as part of the financial dimension.
    use_pre_loan: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if not self.yellow < self.orange < self.red:
            raise ValueError("yellow < orange < red is needed")
        for name in type(self).model_fields:
            bands = getattr(self, name)
            if isinstance(bands, tuple) and list(bands) != sorted(set(bands)):
                raise ValueError(f"{name}: the bands must rise")
            if isinstance(bands, tuple) and [p for _, p in bands] != sorted(p for _, p in bands):
                raise ValueError(f"{name}: the points must not fall")
        return self


class TagSettings(Section):
    """Tags that the calls give, and how long they hold."""

    #: Days after which an automatic tag ends unless it is given again.
    valid_d: int = Field(default=90, ge=1)
    #: Answered calls from which the best hour is worth a tag.
    min_answers: int = Field(default=3, ge=1)
    #: Share of answered attempts from which a customer is easy, under which hard to reach.
    reach_easy: Share = 0.5
    reach_hard: Share = 0.2
    #: Willingness from which it is high, under which low.
    willing_high: Share = 0.6
    willing_low: Share = 0.4


class UnpaidSettings(Section):
    """W-Q1: a product, channel or funding source with too many unpaid instalments."""

    #: More than the mean and so many standard deviations over the groups of its kind.
    deviations: Positive = 2.0
    #: More than so many times last month's share.
    last_month_ratio: Positive = 1.5
    #: Instalments due from which a group is judged.
    min_due: int = Field(default=20, ge=1)
    #: Groups of one kind from which mean and deviation mean something.
    min_groups: int = Field(default=3, ge=2)
    #: Days of instalments that are looked at, and days an instalment may be late before it counts.
    window_d: int = Field(default=30, ge=7)
    grace_d: int = Field(default=5, ge=0)
    #: An unpaid share under this never warns.
    min_share: Share = 0.02


class WarningSettings(Section):
    """W-C, W-Q and W-R: who gets them, how grave they are, hours until they are due."""

    w_c1_owner: str = Field(default="supervisor", min_length=1)
    w_c2_owner: str = Field(default="supervisor", min_length=1)
    w_q1_owner: str = Field(default="risk staff", min_length=1)
    w_q2_owner: str = Field(default="account manager", min_length=1)
    w_q3_owner: str = Field(default="internal audit", min_length=1)
    w_r1_owner: str = Field(default="credit officer", min_length=1)
    w_c1_hours: Positive = 48.0
    w_c2_hours: Positive = 8.0
    w_q1_hours: Positive = 72.0
    w_q2_hours: Positive = 48.0
    w_q3_hours: Positive = 24.0
    w_r1_hours: Positive = 48.0
    #: Flows whose wrong purpose, procedure or identity is a W-Q3.
    follow_up_flows: tuple[str, ...] = ("follow_up", "disbursement")
    #: Items of them that count.
    follow_up_items: tuple[str, ...] = ("purpose", "procedure", "identity")
    #: Levels a customer must reach for a W-Q2.
    w_q2_levels: tuple[Level, ...] = ("orange", "red")


class NumberSettings(Section):
    """Recognition of collection numbers (R-c, R-d, 110)."""

    #: A number is in the library from this probability on.
    library_p: Share = 0.8
    #: Calls shorter than this are short.
    short_s: Positive = 15.0
    #: A cell is near a collection address within its own radius, else this one, in metres.
    cell_radius_m: Positive = 500.0
    #: Leading digits that make numbers neighbours.
    prefix_digits: int = Field(default=7, ge=3)
    #: Numbers with fewer calls are not judged.
    min_calls: int = Field(default=5, ge=1)
    #: The bank's own outbound numbers: never in the library.
    own_numbers: tuple[str, ...] = ()
    #: Folds of the cross-validation, grouped by company.
    folds: int = Field(default=5, ge=2)
    #: Trees, their depth, and the step of the gradient boosting.
    trees: int = Field(default=120, ge=1)
    depth: int = Field(default=3, ge=1)
    step: Positive = 0.08
    #: Seed of the training.
    seed: int = 1


class PreLoanSettings(Section):
    """Step 120: an applicant's risk from calls with collection numbers."""

    #: Days of calls that count.
    window_d: int = Field(default=90, ge=1)
    #: Days after which recency falls to 1/e.
    recency_d: Positive = 30.0
    #: Without labels: weights of distinct numbers and of calls.
    a_numbers: NotNegative = 0.6
    a_calls: NotNegative = 0.1
    #: Bands begin here.
    manual: float = Field(default=30.0, ge=0, le=100)
    high: float = Field(default=60.0, ge=0, le=100)
    #: With labels: intercept and coefficients of x1..x5, fitted on one's own defaults. Empty: unfitted.
    intercept: float = 0.0
    coefficients: tuple[float, ...] = ()
    #: Reasons shown.
    top: int = Field(default=3, ge=1, le=5)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.manual >= self.high:
            raise ValueError("manual must be less than high")
        if len(self.coefficients) not in (0, 5):
            raise ValueError("coefficients are five (x1 to x5), or none")
        return self
