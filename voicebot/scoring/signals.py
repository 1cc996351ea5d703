"""From what a call leaves (intents, outcome, keyword groups) to the signals of cooperation (S12c)."""

from __future__ import annotations

from collections.abc import Iterable

#: Intents of callflows/intents.yaml, facts of the outcome, and groups of the lexicon -> config_cases.COOPERATION.
SIGNALS = {
    "promise": "promise_with_date",
    "can_pay_partly": "partial_payment",
    "asks_plan": "asks_plan",
    "already_paid": "claims_paid",
    "dispute": "dispute",
    "hardship": "hardship",
    "refusal": "refusal",
    "refuse": "refusal",
    "unwilling": "refusal",
    "opt_out": "demand_to_stop",
    "stop_calling": "demand_to_stop",
    "keyword:refuse": "refusal",
    "keyword:stop": "demand_to_stop",
    "keyword:insult": "abuse",
    "keyword:threat": "abuse",
}

#: Signals that a person does not cooperate.
AGAINST = ("refusal", "demand_to_stop", "abuse")


def understood(facts: Iterable[str]) -> tuple[str, ...]:
    """The facts that say a person does not cooperate, as keywords: a flow understands them by phrases of its own
    (callflows/intents.yaml), a second lexicon."""
    return tuple(f"understood: {name}" for name in sorted(facts) if SIGNALS.get(name) in AGAINST)


def signals_of(facts: Iterable[str], keyword_groups: Iterable[str] = ()) -> frozenset[str]:
    """The signals that hold; what is not in the table says nothing of cooperation."""
    names = (*facts, *(f"keyword:{group}" for group in keyword_groups))
    return frozenset(SIGNALS[name] for name in names if name in SIGNALS)
