"""Thresholds of document C: cases (S11, S21-S24, S12), saturation (S13), score and assignment (S14)."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from voicebot.scoring.config_section import Section, must_sum_to_one

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]

#: Severity of a feedback type, section 3 of the specification. The names are those of `what-if`.
FEEDBACK = {
    "invalid": 1.0,
    "suspended": 0.9,
    "wrong_party": 0.8,
    "rejected": 0.7,
    "powered_off": 0.6,
    "third_party": 0.5,
    "no_answer": 0.4,
    "machine": 0.4,
    "busy": 0.3,
}


class CaseSettings(Section):
    """S11: which accounts are cases, and which of them were reached."""

    #: Days in which a right-party contact makes a case a communicated one.
    lookback_d: int = Field(default=90, ge=1)
    #: Days of attempts that S21-S24 count.
    contact_window_d: int = Field(default=30, ge=1)
    #: Also classify accounts that are not overdue but were called in `lookback_d`; they are never assigned.
    called_too: bool = True


class ContactSettings(Section):
    """S21-S24: an un-communicated case is normal or abnormal."""

    #: S21: abnormal above so many phone attempts.
    n1: int = Field(default=20, ge=1)
    #: S22: suspected above so many; less than `n1`.
    n2: int = Field(default=10, ge=0)
    #: S23: a suspected case is abnormal above so many other contacts.
    m1: int = Field(default=15, ge=1)
    #: S24: abnormal from this contact anomaly on.
    theta_a: Share = 0.50
    #: Attempts the prior share of hang-ups counts for.
    k: NotNegative = 5.0
    #: Prior share of hang-ups, where the portfolio is too small to tell.
    h0: Share = 0.20
    #: Attempts from which the portfolio's own share of hang-ups replaces `h0`.
    h0_min_calls: int = Field(default=500, ge=1)
    #: Weights of hang-ups, feedback and effort in A_p; they sum to 1.
    w_hang: Share = 0.30
    w_feedback: Share = 0.55
    w_effort: Share = 0.15
    #: Weights of all and of recent other contacts in A_o; they sum to 1.
    w_other: Share = 0.5
    w_recent: Share = 0.5
    #: Days that are recent (T), and the number of recent contacts that saturates (M_T).
    recent_d: int = Field(default=7, ge=1)
    m_t: Positive = 5.0
    #: How much each channel can say alone (noisy-OR).
    g_phone: Share = 0.9
    g_other: Share = 0.4
    #: Severity of each feedback type.
    feedback: dict[str, Share] = Field(default_factory=lambda: dict(FEEDBACK), validate_default=True)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.n2 >= self.n1:
            raise ValueError("n2 must be less than n1")
        if set(self.feedback) != set(FEEDBACK):
            raise ValueError(f"feedback needs exactly the types {', '.join(FEEDBACK)}")
        if self.k == 0 and self.h0 > 0:
            raise ValueError("k = 0 leaves no prior: set h0 to 0 too")
        must_sum_to_one("w_hang, w_feedback, w_effort", (self.w_hang, self.w_feedback, self.w_effort))
        must_sum_to_one("w_other, w_recent", (self.w_other, self.w_recent))
        return self


#: Log-odds of cooperation by what the debtor said or did, until labels allow a fit.
COOPERATION = {
    "promise_with_date": 3.0,
    "partial_payment": 1.5,
    "asks_plan": 1.5,
    "claims_paid": 0.5,
    "dispute": 0.0,
    "hardship": 0.0,
    "refusal": -3.0,
    "abuse": -2.5,
    "demand_to_stop": -2.0,
}


class CooperationSettings(Section):
    """S12: a communicated case is cooperative or not."""

    #: Weights of the cooperation degree c and of 1 - p_neg in K; they sum to 1.
    w_c: Share = 0.6
    w_calm: Share = 0.4
    #: A communication is cooperative from this K on.
    k_min: Share = 0.5
    #: Weights of the recent and of the whole share in R; they sum to 1.
    w_recent: Share = 0.7
    w_all: Share = 0.3
    #: A case is cooperative from this R on.
    r_min: Share = 0.5
    #: Days that are recent (T), and how many of the last communications stand in where T has none.
    recent_d: int = Field(default=30, ge=1)
    stale_last: int = Field(default=3, ge=1)
    #: Words before a keyword in which a negation turns it off.
    negation_window: int = Field(default=3, ge=0)
    #: Folder of keyword lexicons, one LANGUAGE.yaml each; empty: the shipped ones.
    lexicons: str = ""
    #: Logistic regression for c: intercept and log-odds by what was said or done.
    intercept: float = 0.0
    odds: dict[str, float] = Field(default_factory=lambda: dict(COOPERATION), validate_default=True)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if set(self.odds) != set(COOPERATION):
            raise ValueError(f"odds needs exactly the names {', '.join(COOPERATION)}")
        must_sum_to_one("w_c, w_calm", (self.w_c, self.w_calm))
        must_sum_to_one("w_recent, w_all", (self.w_recent, self.w_all))
        return self


class EmotionSettings(Section):
    """S12b: the emotion of a debtor's words. Off, keywords decide alone."""

    #: Judge emotion at all. The law of the place decides: in the EU it is high-risk, and callers must be told.
    enabled: bool = False
    #: Only of customers whose newest answer to the purpose `emotion` is yes. Off: where telling them is enough.
    consent: bool = True
    #: Model file of `voicebot score train-emotion`; empty: the shipped one (English).
    model: str = ""


class SaturationSettings(Section):
    """S13: how busy a collector is."""

    #: Weights of phone minutes, phone calls, other minutes, other messages and quick feedback; they sum to 1.
    w_d_p: Share = 0.30
    w_n_p: Share = 0.25
    w_d_o: Share = 0.15
    w_n_o: Share = 0.15
    w_t: Share = 0.15
    #: Targets while there are fewer than `min_peers` collectors: minutes, calls, minutes, messages in the window.
    ref_d_p: Positive = 300.0
    ref_n_p: Positive = 100.0
    ref_d_o: Positive = 60.0
    ref_n_o: Positive = 80.0
    #: Mean minutes to feedback at which the activity term is one half.
    t_ref: Positive = 30.0
    #: Peers from which their quantile replaces the targets.
    min_peers: int = Field(default=8, ge=2)
    quantile: Share = 0.90
    #: Working days (Monday to Friday) that are counted.
    window_working_d: int = Field(default=5, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        weights = (self.w_d_p, self.w_n_p, self.w_d_o, self.w_n_o, self.w_t)
        must_sum_to_one("w_d_p, w_n_p, w_d_o, w_n_o, w_t", weights)
        if self.w_d_o + self.w_n_o >= 1:
            raise ValueError("w_d_o and w_n_o leave nothing for the telephone")
        return self


class CollectorSettings(Section):
    """S14: a collector's score, and who gets the next case."""

    #: Work in a case by its class; uncooperative more than cooperative, not reached more than reached.
    w_norm: Positive = 1.2
    w_abn: Positive = 2.0
    w_coop: Positive = 0.5
    w_non: Positive = 1.0
    #: Work at which the score's first part is used up.
    w_max: Positive = 100.0
    #: How much of the score work and saturation can take.
    share_work: Share = 0.6
    share_saturation: Share = 0.4
    #: Assignable from this score on.
    theta_q: float = Field(default=40.0, ge=0, le=100)
    #: Cases a collector may get a day, unless the collector has a cap of their own.
    daily_cap: int = Field(default=20, ge=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.share_work + self.share_saturation > 1 + 1e-9:
            raise ValueError("share_work and share_saturation exceed 1 together: a score could fall under 0")
        return self
