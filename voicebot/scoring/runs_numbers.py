"""The batch runs of document R: the collection-number library (R-b to 110), then applicants' risk (120)."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from voicebot.scoring.collection_numbers import Features, features, near, neighbours_of
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.ports import NumberRow, ScoringStore
from voicebot.scoring.pre_loan import PreLoanFacts, pre_loan, recency
from voicebot.scoring.result import Result, Value
from voicebot.scoring.warnings import ScoringWarning, alert


def run_collection_numbers(store: ScoringStore, settings: ScoringSettings, now: datetime) -> dict[str, object]:
    """Features of all numbers, the recogniser trained on the labelled ones, and the library. Raises ScoringError where
    the labelled numbers cannot teach it."""
    from voicebot.scoring.recogniser import Sample, recognise  # scikit-learn takes a second to load

    used = settings.numbers
    own = {"".join(c for c in number if c.isdigit()) for number in used.own_numbers}
    rows = [row for row in store.numbers() if row.number not in own]
    known = number_features(store, rows, settings)
    samples = [
        Sample(row.number, known[row.number], row.label, row.company or f"number {row.number}")
        for row in rows
        if row.label is not None and row.number in known
    ]
    unknown = {row.number: known[row.number] for row in rows if row.label is None and row.number in known}
    found = recognise(samples, unknown, used)
    library = store.put_library(found.p, used.library_p, found.model, own)
    inputs: dict[str, Value] = {"numbers": len(rows), "labelled": len(samples), "judged": len(found.p)}
    values: dict[str, Value] = {**found.figures, "library": library}
    top = sorted(found.importance.items(), key=lambda pair: -pair[1])[:5]
    reasons = tuple(f"{name}: {share:.0%} of the decisions" for name, share in top)
    store.put_scores("collection-numbers", [("library", Result("R-110", found.model, inputs, values, reasons))], now)
    return {**inputs, **values, "model": found.model, "features": dict(top)}


def number_features(store: ScoringStore, rows: list[NumberRow], settings: ScoringSettings) -> dict[str, Features]:
    """Features by number, of those with enough calls."""
    addresses = [row.place for row in rows if row.place is not None and row.label]
    near_cells = near(store.cells(), addresses, settings.numbers)
    neighbours = neighbours_of((row.number for row in rows), settings.numbers)
    calls = store.number_calls()
    found = {}
    for row in rows:
        made = features(calls.get(row.number, []), near_cells, neighbours[row.number], settings.numbers)
        if made is not None:
            found[row.number] = made
    return found


def run_pre_loan(store: ScoringStore, settings: ScoringSettings, now: datetime) -> dict[str, object]:
    """Risk of every applicant with imported call records; W-R1 for the high band."""
    used = settings.pre_loan
    results, alerts, bands = list[tuple[str, Result]](), [], Counter[str]()
    for applicant in store.applicants(now, used.window_d):
        facts = PreLoanFacts(
            x1=applicant.numbers,
            x2=applicant.calls,
            x3=applicant.answered / applicant.calls if applicant.calls else 0.0,
            x4=0.0 if applicant.days is None else recency(applicant.days, used),
            x5=applicant.companies,
        )
        result = pre_loan(facts, used)
        inputs = {**result.inputs, "library": applicant.library}
        result = Result(result.formula, result.version, inputs, result.values, result.reasons)
        results.append((applicant.applicant_id, result))
        bands[result.text("band")] += 1
        if result.values["band"] == "high":
            reason = f"pre-loan risk {result.number('risk'):.0f}: {'; '.join(result.reasons)}"
            evidence = {"risk": result.values["risk"], "unfitted": result.values["unfitted"], "version": result.version}
            subject = f"applicant:{applicant.applicant_id}"
            alerts.append(alert(ScoringWarning.W_R1, reason, settings.warnings, subject=subject, evidence=evidence))
    changed = store.put_scores("pre-loan", results, now)
    return {
        "applicants": len(results),
        "bands": {name: bands.get(name, 0) for name in ("pass", "manual", "high")},
        "changed": changed,
        "warnings": store.put_warnings(alerts, now),
    }
