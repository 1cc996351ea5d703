"""The nightly runs of document Q: early warning, unpaid shares, follow-up faults, tags, performance."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime, timedelta

from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.early_warning import LEVELS, customer_level, lost_contact
from voicebot.scoring.performance import VERSION as PERFORMANCE
from voicebot.scoring.performance import rates
from voicebot.scoring.ports import ScoringStore, Stored
from voicebot.scoring.result import Result, Value
from voicebot.scoring.tags import Tag, changed, portrait, tags_of
from voicebot.scoring.unpaid import unpaid_shares
from voicebot.scoring.warnings import Alert, ScoringWarning, alert


def run_warnings(store: ScoringStore, settings: ScoringSettings, now: datetime) -> dict[str, object]:
    """Levels of all customers (W-Q2), unpaid shares (W-Q1), faults of follow-up calls (W-Q3)."""
    levels, raised = _levels(store, settings, now)
    unpaid = _unpaid(store, settings, now)
    faults = _faults(store, settings, now)
    new = store.put_warnings([*raised, *unpaid, *faults], now)
    return {
        "customers": sum(levels.values()),
        "levels": {name: levels.get(name, 0) for name in LEVELS},
        "level rose": len(raised),
        "unpaid": len(unpaid),
        "follow-up faults": len(faults),
        "warnings": new,
    }


def _levels(store: ScoringStore, settings: ScoringSettings, now: datetime) -> tuple[Counter[str], list[Alert]]:
    since = now - timedelta(days=settings.early_warning.window_d)
    lost, anomaly = _contact(store, settings, since, now.date())
    before = store.newest("customer")
    results, alerts, levels = list[tuple[str, Result]](), list[Alert](), Counter[str]()
    for customer_id, known in store.customers(since, now.date()).items():
        facts = dataclasses.replace(known, lost=lost.get(customer_id, 0), anomaly=anomaly.get(customer_id))
        result = customer_level(facts, settings.early_warning)
        level = result.text("level")
        levels[level] += 1
        results.append((customer_id, result))
        old = _level_before(before.get(customer_id))
        if LEVELS.index(level) > LEVELS.index(old) and level in settings.warnings.w_q2_levels:
            reason = f"the level rose from {old} to {level}: {'; '.join(result.reasons[:3])}"
            evidence = {"score": result.values["score"], "level": level, "before": old, "version": result.version}
            alerts.append(
                alert(ScoringWarning.W_Q2, reason, settings.warnings, customer_id=customer_id, evidence=evidence)
            )
    store.put_scores("customer", results, now)
    return levels, alerts


def _level_before(stored: Stored | None) -> str:
    level = stored.result.get("level") if stored else None
    return str(level) if level in LEVELS else LEVELS[0]


def _contact(
    store: ScoringStore, settings: ScoringSettings, since: datetime, day: date
) -> tuple[dict[str, int], dict[str, float]]:
    """Lost accounts, and the highest contact anomaly, by customer."""
    owner = {row.account_id: row.customer_id for row in store.cases(day, since)}
    cases = store.newest("case")
    days = store.contact_days(since)
    lost, anomaly = Counter[str](), dict[str, float]()
    for account_id, customer_id in owner.items():
        result: Mapping[str, object] = cases[account_id].result if account_id in cases else {}
        if lost_contact(result.get("class") == "abnormal", days.get(account_id, []), settings.early_warning):
            lost[customer_id] += 1
        a = result.get("A")
        if isinstance(a, int | float):
            anomaly[customer_id] = max(anomaly.get(customer_id, 0.0), float(a))
    return dict(lost), anomaly


def _unpaid(store: ScoringStore, settings: ScoringSettings, now: datetime) -> list[Alert]:
    used = settings.unpaid
    last = now.date() - timedelta(days=used.grace_d)
    groups = store.due_groups(last - timedelta(days=used.window_d - 1), last)
    month_ago = store.before("unpaid-share", now - timedelta(days=used.window_d))
    shares = {subject: _share(stored) for subject, stored in month_ago.items()}
    results = unpaid_shares(groups, shares, used)
    store.put_scores("unpaid-share", results.items(), now)
    return [
        alert(
            ScoringWarning.W_Q1,
            f"{subject}: {'; '.join(result.reasons)}",
            settings.warnings,
            subject=subject,
            evidence={**result.inputs, **result.values, "version": result.version},
        )
        for subject, result in results.items()
        if result.values["abnormal"]
    ]


def _share(stored: Stored) -> float:
    share = stored.result.get("share")
    return float(share) if isinstance(share, int | float) else 0.0


def _faults(store: ScoringStore, settings: ScoringSettings, now: datetime) -> list[Alert]:
    used = settings.warnings
    faults = store.follow_up_faults(used.follow_up_flows, used.follow_up_items, now - timedelta(days=7))
    return [
        alert(
            ScoringWarning.W_Q3,
            f"follow-up call {fault.attempt_id}: {fault.item} is {fault.result}",
            used,
            customer_id=fault.customer_id,
            subject=f"case:{fault.account_id}" if fault.account_id else None,
            attempt_id=fault.attempt_id,
            evidence={"item": fault.item, "result": fault.result},
        )
        for fault in faults
    ]


def run_tags(store: ScoringStore, settings: ScoringSettings, now: datetime) -> dict[str, object]:
    """Automatic tags of every customer that had a call; a person's tags stay in force."""
    customers, cases = store.newest("customer"), store.newest("case")
    cooperation = {
        case.subject: str(case.result["class"]) for case in cases.values() if case.result.get("communicated")
    }
    old = defaultdict[str, list[Tag]](list)
    for tag in store.tags():
        old[tag.customer_id].append(tag)
    written, facts = list[Tag](), store.tag_facts(now - timedelta(days=settings.tags.valid_d))
    for known in facts:
        level = customers.get(known.customer_id)
        willing = level.result.get("willing") if level else None
        told = level is not None and any(level.inputs.get(name) for name in ("kept", "broken", "refusals"))
        full = dataclasses.replace(
            known,
            level=str(level.result["level"]) if level else None,
            willing=float(willing) if told and isinstance(willing, int | float) else None,
            # of several cases the worst: "non_cooperative" comes after "cooperative"
            cooperation=max((cooperation[a] for a in known.accounts if a in cooperation), default=None),
        )
        written += changed(tags_of(full, now, settings.tags), portrait(old[known.customer_id], now))
    store.put_tags(written)
    return {"customers": len(facts), "tags written": len(written)}


def run_performance(store: ScoringStore, now: datetime, first: date, last: date) -> dict[str, object]:
    """Rates of every combination of the days, stored; returns their number, and the rows themselves as `table`."""
    rows = store.performance(first, last)
    results = []
    for row in rows:
        inputs: dict[str, Value] = {
            "day": row.day,
            "campaign": row.campaign,
            "product": row.product,
            "channel": row.channel,
            "funding": row.funding,
            "script": row.script,
            "agent": row.agent,
            "currency": row.currency,
        }
        results.append((row.subject, Result("performance", PERFORMANCE, inputs, rates(row.counts))))
    changed_rows = store.put_scores("performance", results, now)
    table = [{**result.inputs, **result.values} for _, result in results]
    return {"days": [first.isoformat(), last.isoformat()], "rows": len(rows), "changed": changed_rows, "table": table}
