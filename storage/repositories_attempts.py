"""Writing attempts. Every function runs inside the caller's transaction (`Connection.write`)."""

from __future__ import annotations

import dataclasses
from datetime import datetime

from storage.codec import encode_signs, iso, to_json, to_utc
from storage.connection import Connection, Row, Value
from storage.repositories_campaign_leases import leased, start_try
from storage.repositories_findings import add_findings
from storage.warning_rules import RULES, VERSION
from voicebot.errors import StorageError
from voicebot.model.outcome import Disposition, Outcome, WarningRaised
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Turn
from voicebot.model.voice import VoiceDecision


def open_attempt(db: Connection, start: AttemptStart, owner: str, now: datetime) -> int:
    """Insert the attempt; the customer is the account's where none is given. Raises StorageError."""
    row: dict[str, Value] = {**dataclasses.asdict(start), "started_at": iso(now), "owner": owner}
    if start.account_id is not None:
        account = db.row("SELECT customer_id FROM accounts WHERE id = ?", start.account_id)
        if account is None or start.customer_id not in (None, account["customer_id"]):
            raise StorageError(
                "the attempt's account is unknown, or another customer's", hint="voicebot portfolio import"
            )
        row["customer_id"] = account["customer_id"]
        if busy := db.row("SELECT id FROM attempts WHERE account_id = ? AND state = 'open'", start.account_id):
            raise StorageError(
                f"the account has an open attempt ({busy['id']}) already",
                hint="wait until it ends; after a crash `recover()` at the next start closes it",
            )
    if start.job_id is not None:
        leased(db, start.job_id, owner)
    attempt_id = db.insert("attempts", row)
    if attempt_id is None:
        raise StorageError("the attempt was not stored")
    if start.job_id is not None:
        start_try(db, start.job_id, attempt_id)
    return attempt_id


def attempt_row(db: Connection, attempt_id: int) -> Row:
    """Raises StorageError where unknown."""
    row = db.row("SELECT * FROM attempts WHERE id = ?", attempt_id)
    if row is None:
        raise StorageError(f"there is no attempt {attempt_id}", hint="voicebot calls list")
    return row


def progress(db: Connection, attempt_id: int, facts: AttemptProgress) -> None:
    """Store the fields that are not None."""
    values: dict[str, Value] = {k: v for k, v in dataclasses.asdict(facts).items() if v is not None}
    if facts.media is not None:
        values["media"] = to_json(facts.media)
    _update(db, attempt_id, values)


def set_voice(db: Connection, attempt_id: int, decision: VoiceDecision) -> None:
    """The decision in force, all of it (a None replaces what was there)."""
    names = {
        "net_speech_s": "net_s",
        "model_id": "model",
        "calibration_id": "calibration",
    }
    fields = {**dataclasses.asdict(decision), "spoof": encode_signs(decision.spoof)}
    _update(db, attempt_id, {f"voice_{names.get(k, k)}": v for k, v in fields.items()})


def _update(db: Connection, attempt_id: int, values: dict[str, Value]) -> None:
    attempt_row(db, attempt_id)
    if values:
        names = ", ".join(f"{name} = ?" for name in values)
        db.run(f"UPDATE attempts SET {names} WHERE id = ?", *values.values(), attempt_id)  # noqa: S608


def add_turn(db: Connection, attempt_id: int, turn: Turn) -> None:
    """Append."""
    attempt_row(db, attempt_id)
    row: dict[str, Value] = {**dataclasses.asdict(turn), "slots": to_json(turn.slots)}
    db.insert("turns", {"attempt_id": attempt_id, "n": _next(db, "turns", attempt_id), **row})


def add_check(db: Connection, attempt_id: int, check: CheckRecord) -> None:
    """Append."""
    attempt_row(db, attempt_id)
    row: dict[str, Value] = {**dataclasses.asdict(check), "detail": to_json(check.detail)}
    db.insert("checks", {"attempt_id": attempt_id, "n": _next(db, "checks", attempt_id), **row})


def _next(db: Connection, table: str, attempt_id: int) -> int:
    row = db.row(f"SELECT count(*) + 1 AS n FROM {table} WHERE attempt_id = ?", attempt_id)  # noqa: S608
    return int(row["n"]) if row else 1


def add_warning(db: Connection, attempt_id: int, customer_id: str | None, warning: WarningRaised, now: datetime) -> str:
    """One warning per (code, customer, UTC day); every attempt that raises it adds its evidence. Returns its id."""
    rule, day = RULES[warning.code], iso(now)[:10]
    about = customer_id if customer_id is not None else f"attempt {attempt_id}"
    same = "SELECT id FROM warnings WHERE code = ? AND coalesce(customer_id, 'attempt ' || attempt_id) = ? AND day = ?"
    found = db.row(same, warning.code, about, day)
    if found is None:
        number = db.row("SELECT coalesce(max(seq), 0) + 1 AS n FROM warnings") or {"n": 1}
        found = {"id": f"{warning.code}-{number['n']}"}
        row: dict[str, Value] = {
            "seq": number["n"],
            "id": found["id"],
            "code": warning.code,
            "customer_id": customer_id,
            "attempt_id": attempt_id,
            "day": day,
            "reason": warning.reason,
            "rule": rule.rule,
            "rule_version": VERSION,
            "severity": rule.severity,
            "owner": rule.owner,
            "raised_at": iso(now),
            "due_at": iso(now + rule.due),
        }
        db.insert("warnings", row)
    evidence: dict[str, Value] = {
        "warning_id": found["id"],
        "attempt_id": attempt_id,
        "raised_at": iso(now),
        "reason": warning.reason,
        "evidence": to_json(warning.evidence),
    }
    db.insert("warning_evidence", evidence, "ON CONFLICT DO NOTHING")
    return str(found["id"])


def close_attempt(db: Connection, attempt_id: int, outcome: Outcome, now: datetime) -> bool:
    """The outcome with all that belongs to it. False where the attempt has one (nothing is written then)."""
    attempt = attempt_row(db, attempt_id)
    zone = attempt["timezone"] or _zone(db, attempt["customer_id"])
    appointment, callback = to_utc(outcome.appointment, zone), to_utc(outcome.callback_at, zone)
    row: dict[str, Value] = {
        "attempt_id": attempt_id,
        "disposition": outcome.disposition,
        "right_party": outcome.right_party,
        "appointment": iso(appointment) if appointment else None,
        "callback_at": iso(callback) if callback else None,
        "intents": to_json(outcome.intents),
        "refusal": outcome.refusal,
        "dispute": outcome.dispute,
        "hardship": outcome.hardship,
        "opt_out": outcome.opt_out,
        "transferred": outcome.transferred,
        "hung_up_by": outcome.hung_up_by,
        "last_step": outcome.last_step,
        "error": outcome.error,
        "closed_at": iso(now),
    }
    if db.insert("outcomes", row, "ON CONFLICT (attempt_id) DO NOTHING") is None:
        return False
    db.run("UPDATE attempts SET state = 'closed' WHERE id = ?", attempt_id)
    for item, result in outcome.items.items():
        db.insert("item_results", {"attempt_id": attempt_id, "item": item, "result": result})
    _promise(db, attempt, outcome, now)
    for warning in outcome.warnings:
        add_warning(db, attempt_id, attempt["customer_id"], warning, now)
    add_findings(db, attempt, outcome, now)
    if outcome.disposition is Disposition.DO_NOT_CALL or outcome.opt_out:
        _do_not_call(db, attempt, now)
    return True


def _zone(db: Connection, customer_id: str | None) -> str | None:
    row = db.row("SELECT timezone FROM customers WHERE id = ?", customer_id)
    return str(row["timezone"]) if row else None


def _promise(db: Connection, attempt: Row, outcome: Outcome, now: datetime) -> None:
    if outcome.promise is None:
        return
    account = db.row("SELECT currency FROM accounts WHERE id = ?", attempt["account_id"])
    row: dict[str, Value] = {
        "attempt_id": attempt["id"],
        "account_id": attempt["account_id"],
        "customer_id": attempt["customer_id"],
        "amount": str(outcome.promise.amount),
        "currency": account["currency"] if account else None,
        "due_on": outcome.promise.due_on.isoformat(),
        "made_at": iso(now),
    }
    db.insert("promises", row)


def _do_not_call(db: Connection, attempt: Row, now: datetime) -> None:
    known = attempt["customer_id"] is not None
    row: dict[str, Value] = {
        "customer_id": attempt["customer_id"],
        "number_hash": None if known else attempt["number_hash"],
        "attempt_id": attempt["id"],
        "since": iso(now),
    }
    db.insert("do_not_call", row, "ON CONFLICT DO NOTHING")


def last_flow(db: Connection, account_id: str) -> str | None:
    """The flow of the account's newest outbound attempt."""
    row = db.row(
        "SELECT flow FROM attempts WHERE account_id = ? AND direction = 'outbound' ORDER BY id DESC LIMIT 1", account_id
    )
    return str(row["flow"]) if row else None
