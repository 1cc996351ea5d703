"""The nightly runs of document C: cases (S11, S12, S21-S24), then collectors and assignment (S13, S14)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

from voicebot.scoring.assignment import Batch, Collector, assign
from voicebot.scoring.cases import CLASSES, CaseFacts, classify, prior_of_hang_ups, waiting_order
from voicebot.scoring.collector_score import CaseCounts, collector_score
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.contact_anomaly import ContactCounts
from voicebot.scoring.cooperation import Communication, communication
from voicebot.scoring.lexicon import SHIPPED, Lexicon, keywords, languages, load_lexicon
from voicebot.scoring.ports import CollectorRow, CommunicationRow, EmotionJudge, ScoringStore
from voicebot.scoring.result import Result
from voicebot.scoring.saturation import Activity, references, saturation
from voicebot.scoring.signals import signals_of, understood
from voicebot.scoring.warnings import ScoringWarning, alert

#: The class of what is no case any more: paid, or never due.
CLOSED = "closed"
_DAY_S = 86_400.0


def run_cases(
    store: ScoringStore, settings: ScoringSettings, now: datetime, judge: EmotionJudge | None = None
) -> dict[str, object]:
    """Classify every case and store what changed; W-C1 for those that turned abnormal. Returns figures for people."""
    used = settings.cases
    talks = label_communications(store, settings, now, judge)
    since, recent = now - timedelta(days=used.contact_window_d), now - timedelta(days=settings.contact.recent_d)
    counts = store.contact_counts(since, recent)
    calls, hang_ups = sum(c.n_call for c in counts.values()), sum(c.n_hang for c in counts.values())
    h0 = round(prior_of_hang_ups(calls, hang_ups, settings), 2)  # coarse, so that not every result changes every night
    called_since = now - timedelta(days=used.lookback_d) if used.called_too else None
    before = store.newest("case")
    results, judged, alerts = list[tuple[str, Result]](), list[tuple[CaseFacts, Result]](), []
    for row in store.cases(now.date(), called_since):
        facts = CaseFacts(
            row.account_id,
            row.customer_id,
            row.overdue_d,
            counts.get(row.account_id, ContactCounts()),
            tuple(talks.get(row.account_id, ())),
        )
        result = classify(facts, settings, h0)
        results.append((row.account_id, result))
        judged.append((facts, result))
        old = before.get(row.account_id)
        if result.text("class") == "abnormal" and (old is None or old.result.get("class") != "abnormal"):
            evidence = {"account": row.account_id, "A": result.values.get("A"), "version": result.version}
            reason = f"turned abnormal: {'; '.join(result.reasons)}"
            alerts.append(
                alert(
                    ScoringWarning.W_C1,
                    reason,
                    settings.warnings,
                    customer_id=row.customer_id,
                    subject=f"case:{row.account_id}",
                    evidence=evidence,
                )
            )
    there = {subject for subject, _ in results}
    gone = [s for s, old in before.items() if s not in there and old.result.get("class") != CLOSED]
    closed = Result("case", "S11/1", {}, {"communicated": None, "class": CLOSED}, ("no longer overdue",))
    changed = store.put_scores("case", [*results, *((subject, closed) for subject in gone)], now)
    classes = Counter(result.text("class") for _, result in results)
    return {
        "cases": len(results),
        "classes": {name: classes.get(name, 0) for name in CLASSES},
        "overdue": sum(facts.overdue_d > 0 for facts, _ in judged),
        "for a person": sum(result.values.get("person") is not None for _, result in judged),
        "changed": changed,
        "h0": h0,
        "warnings": store.put_warnings(alerts, now),
    }


def label_communications(
    store: ScoringStore, settings: ScoringSettings, now: datetime, judge: EmotionJudge | None
) -> Mapping[str, list[tuple[float, str]]]:
    """S12a-d for every communication of the lookback window: (age in days, label) by account. Stored too."""
    found = defaultdict[str, list[tuple[float, str]]](list)
    lexicons = _lexicons(settings)
    results = []
    for row in store.communications(now - timedelta(days=settings.cases.lookback_d)):
        result = _label(row, lexicons.get(row.language), settings, judge)
        results.append((row.id, result))
        age = max(0.0, (now - row.at).total_seconds() / _DAY_S)
        found[row.account_id].append((age, result.text("label")))
    store.put_scores("communication", results, now)
    return found


def _lexicons(settings: ScoringSettings) -> dict[str, Lexicon]:
    folder = Path(settings.cooperation.lexicons) if settings.cooperation.lexicons else SHIPPED
    return {language: load_lexicon(language, folder) for language in languages(folder)}


def _label(
    row: CommunicationRow, lexicon: Lexicon | None, settings: ScoringSettings, judge: EmotionJudge | None
) -> Result:
    hits, groups = None, set[str]()
    if lexicon is not None and row.texts is not None:
        found = keywords(row.texts, lexicon, settings.cooperation.negation_window)
        hits, groups = tuple(f"{group}: {phrase}" for group, phrase in found), {group for group, _ in found}
    hits = (*(hits or ()), *more) if (more := understood(row.facts)) else hits
    judge = judge if hits and _may_judge(row, settings, judge) else None
    p_neg = judge.p_negative(row.texts or ()) if judge else None
    result = communication(Communication(hits, signals_of(row.facts, groups), p_neg), settings.cooperation)
    by = {"lexicon": lexicon.version if lexicon else None, "emotion": judge.version if judge else None}
    return Result(result.formula, result.version, {**result.inputs, **by}, result.values, result.reasons)


def _may_judge(row: CommunicationRow, settings: ScoringSettings, judge: EmotionJudge | None) -> bool:
    """Emotion is judged in a language the judge knows; of who agreed, or (where no consent is wanted) of who was told.
    Who said no is never judged, and missing is no."""
    allowed = row.emotion_consent if settings.emotion.consent else row.emotion_told
    return judge is not None and row.language in judge.languages and allowed


def run_collectors(store: ScoringStore, settings: ScoringSettings, now: datetime) -> dict[str, object]:
    """Saturation and score of every collector, and a proposal for every waiting case; W-C2 where nobody can take one.

    Reads the classes that `run_cases` stored. Proposals nobody decided on are replaced by the new ones."""
    cases = {s: c for s, c in store.newest("case").items() if c.result.get("class") in CLASSES}
    due = {row.account_id: row.overdue_d for row in store.cases(now.date(), None)}
    overdue = {account: due.get(account, 0) for account in cases}
    ended = store.end_cases(frozenset(account for account, days in overdue.items() if days > 0), now)
    rows = store.collectors(now.date())
    collectors = _score_collectors(store, rows, settings, now)
    taken = store.taken()
    waiting = [
        (CaseFacts(account, "", overdue[account]), Result("case", "", {}, {"class": str(case.result["class"])}))
        for account, case in cases.items()
        if account not in taken
    ]
    batch = assign(waiting_order(waiting), collectors, settings.collector)
    version = collector_score(CaseCounts(), 0.0, settings.collector).version
    store.propose(batch.assigned, version, now)
    raised = 0
    if batch.queue:
        reason = f"{len(batch.queue)} waiting case(s) without a collector: {batch.why}"
        evidence = {"waiting": len(batch.queue), "assigned": len(batch.assigned), "version": version}
        found = alert(ScoringWarning.W_C2, reason, settings.warnings, subject="collectors", evidence=evidence)
        raised = store.put_warnings([found], now)
    store.put_scores("fairness", [("collectors", _fairness(batch, version))], now)
    return {
        "collectors": len(rows),
        "assignable": sum(_assignable(c, settings) for c in collectors),
        "proposed": len(batch.assigned),
        "waiting": len(batch.queue),
        "why": batch.why or None,
        "ended": ended,
        "jain": batch.fairness.jain,
        "assigned a collector": [batch.fairness.assigned_min, batch.fairness.assigned_max],
        "warnings": raised,
    }


def _fairness(batch: Batch, version: str) -> Result:
    f = batch.fairness
    inputs = {"collectors": f.collectors, "waiting": len(batch.assigned) + len(batch.queue)}
    values = {
        "jain": f.jain,
        "assigned": f.assigned,
        "assigned_min": f.assigned_min,
        "assigned_max": f.assigned_max,
        "assigned_mean": f.assigned_mean,
        "queue": len(batch.queue),
    }
    return Result("fairness", version, inputs, values, (batch.why,) if batch.why else ())


def _assignable(collector: Collector, settings: ScoringSettings) -> bool:
    return bool(collector_score(collector.counts, collector.s, settings.collector).values["assignable"])


def _score_collectors(
    store: ScoringStore, rows: list[CollectorRow], settings: ScoringSettings, now: datetime
) -> list[Collector]:
    activities = store.activities(window_start(now, settings.saturation.window_working_d))
    refs = references([activities.get(row.id, Activity()) for row in rows], settings.saturation)
    collectors, results = [], []
    for row in rows:
        busy = saturation(activities.get(row.id, Activity()), refs, settings.saturation)
        counts = CaseCounts(*(row.classes.get(name, 0) for name in CLASSES))
        s = busy.number("S")
        scored = collector_score(counts, s, settings.collector)
        inputs = {**busy.inputs, **scored.inputs}
        values = {**busy.values, **scored.values}
        version = f"{busy.version} {scored.version}"
        results.append((row.id, Result("collector", version, inputs, values, (*scored.reasons, *busy.reasons))))
        collectors.append(Collector(row.id, counts, s, row.today, row.cap))
    store.put_scores("collector", results, now)
    return collectors


def window_start(now: datetime, working_days: int) -> datetime:
    """The moment `working_days` working days (Monday to Friday) ago; a weekend costs nothing."""
    moment = now
    while working_days:
        moment -= timedelta(days=1)
        working_days -= moment.weekday() < 5
    return moment
