"""Reading attempts for people: the command line, the console, tests."""

from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal

from storage.codec import decode_signs, from_json
from storage.connection import Connection, Row, Value
from storage.records import CallFilter, CallRecord, CallSummary, StoredWarning
from storage.repositories_findings import needs_human, no_call, rating
from storage.repositories_voice import comparisons
from voicebot.errors import StorageError
from voicebot.model.outcome import AnsweredBy, Disposition, ItemResult, Outcome, Promise
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Turn
from voicebot.model.voice import VoiceDecision, VoiceReason, VoiceState

ANY = CallFilter()


def calls(db: Connection, limit: int, wanted: CallFilter = ANY) -> list[CallSummary]:
    """The newest attempts first."""
    conditions, values = ["1"], list[Value]()
    for column in ("disposition", "account_id", "flow"):
        value = getattr(wanted, column)
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    if wanted.open_only:
        conditions.append("state = 'open'")
    sql = f"SELECT * FROM v_attempts WHERE {' AND '.join(conditions)} ORDER BY attempt_id DESC LIMIT ?"  # noqa: S608
    return [_summary(row) for row in db.rows(sql, [*values, limit])]


def call(db: Connection, attempt_id: int) -> CallRecord:
    """One attempt. Raises StorageError where unknown."""
    with db.snapshot():
        row = db.row("SELECT * FROM attempts WHERE id = ?", attempt_id)
        summary = db.row("SELECT * FROM v_attempts WHERE attempt_id = ?", attempt_id)
        if row is None or summary is None:
            raise StorageError(f"there is no attempt {attempt_id}", hint="voicebot calls list")
        turns = db.rows("SELECT * FROM turns WHERE attempt_id = ? ORDER BY n", [attempt_id])
        checks = db.rows("SELECT * FROM checks WHERE attempt_id = ? ORDER BY n", [attempt_id])
        return CallRecord(
            summary=_summary(summary),
            start=_start(row),
            progress=_progress(row),
            turns=tuple(_turn(r) for r in turns),
            checks=tuple(
                CheckRecord(r["step"], r["name"], r["result"], r["t"], from_json(r["detail"])) for r in checks
            ),
            voice=_voice(row),
            outcome=_outcome(db, attempt_id),
            warnings=_warnings(db, attempt_id),
            comparisons=comparisons(db, attempt_id),
        )


def _summary(row: Row) -> CallSummary:
    return CallSummary(
        attempt_id=row["attempt_id"],
        account_id=row["account_id"],
        customer_id=row["customer_id"],
        customer_name=row["customer_name"],
        flow=row["flow"],
        direction=row["direction"],
        started_at=row["started_at"],
        sip_status=row["sip_status"],
        answered_by=AnsweredBy(row["answered_by"]) if row["answered_by"] else None,
        disposition=Disposition(row["disposition"]) if row["disposition"] else None,
        right_party=_yes_no(row["right_party"]),
        voice_state=VoiceState(row["voice_state"]) if row["voice_state"] else None,
        voice_score=row["voice_score"],
        voice_net_s=row["voice_net_s"],
        promise_amount=Decimal(row["promise_amount"]) if row["promise_amount"] else None,
        promise_due_on=date.fromisoformat(row["promise_due_on"]) if row["promise_due_on"] else None,
        promise_currency=row["promise_currency"],
        talk_s=row["talk_s"],
        reply_gap_s=row["reply_gap_s"],
        turns=row["turns"],
        warnings=row["warnings"],
    )


def _start(row: Row) -> AttemptStart:
    return AttemptStart(
        account_id=row["account_id"],
        customer_id=row["customer_id"],
        flow=row["flow"],
        script_version=row["script_version"],
        direction=row["direction"],
        number_hash=row["number_hash"],
        driver=row["driver"],
        planned_at=row["planned_at"],
        campaign_id=row["campaign_id"],
        job_id=row["job_id"],
        local_time=row["local_time"],
        timezone=row["timezone"],
    )


def _progress(row: Row) -> AttemptProgress:
    return AttemptProgress(
        sip_call_id=row["sip_call_id"],
        sip_status=row["sip_status"],
        sip_reason=row["sip_reason"],
        answered_by=AnsweredBy(row["answered_by"]) if row["answered_by"] else None,
        answered_by_cause=row["answered_by_cause"],
        answered_at=row["answered_at"],
        ended_at=row["ended_at"],
        talk_s=row["talk_s"],
        recording=row["recording"],
        last_step=row["last_step"],
        media=json.loads(row["media"]) if row["media"] else None,
        sip_cause=row["sip_cause"],
        trunk=row["trunk"],
    )


def _turn(row: Row) -> Turn:
    return Turn(
        step=row["step"],
        prompt=row["prompt"],
        prompt_text=row["prompt_text"],
        prompt_t0=row["prompt_t0"],
        prompt_t1=row["prompt_t1"],
        heard_s=row["heard_s"],
        reply_text=row["reply_text"],
        reply_t0=row["reply_t0"],
        reply_t1=row["reply_t1"],
        reply_confidence=row["reply_confidence"],
        intent=row["intent"],
        slots=json.loads(row["slots"]),
        event=row["event"],
        barged_in=bool(row["barged_in"]),
        reply_gap_s=row["reply_gap_s"],
        voice_state=row["voice_state"],
        asr_engine=row["asr_engine"],
    )


def _voice(row: Row) -> VoiceDecision | None:
    if row["voice_state"] is None:
        return None
    return VoiceDecision(
        state=VoiceState(row["voice_state"]),
        reason=VoiceReason(row["voice_reason"]) if row["voice_reason"] else None,
        score=row["voice_score"],
        llr=row["voice_llr"],
        net_speech_s=row["voice_net_s"],
        accept_limit=row["voice_accept_limit"],
        reject_limit=row["voice_reject_limit"],
        model_id=row["voice_model"],
        calibration_id=row["voice_calibration"],
        spoof=decode_signs(row["voice_spoof"]),
    )


def _outcome(db: Connection, attempt_id: int) -> Outcome | None:
    row = db.row(
        "SELECT o.*, p.amount, p.due_on FROM outcomes o LEFT JOIN promises p USING (attempt_id) WHERE attempt_id = ?",
        attempt_id,
    )
    if row is None:
        return None
    items = db.rows("SELECT item, result FROM item_results WHERE attempt_id = ?", [attempt_id])
    return Outcome(
        disposition=Disposition(row["disposition"]),
        right_party=_yes_no(row["right_party"]),
        promise=Promise(Decimal(row["amount"]), date.fromisoformat(row["due_on"])) if row["amount"] else None,
        appointment=datetime.fromisoformat(row["appointment"]) if row["appointment"] else None,
        callback_at=datetime.fromisoformat(row["callback_at"]) if row["callback_at"] else None,
        items={r["item"]: ItemResult(r["result"]) for r in items},
        intents=tuple(json.loads(row["intents"])),
        refusal=_yes_no(row["refusal"]),
        dispute=_yes_no(row["dispute"]),
        hardship=_yes_no(row["hardship"]),
        opt_out=_yes_no(row["opt_out"]),
        transferred=_yes_no(row["transferred"]),
        hung_up_by=row["hung_up_by"],
        last_step=row["last_step"],
        error=row["error"],
        complaint=True if "complaint" in json.loads(row["intents"]) else None,
        needs_human=needs_human(db, attempt_id),
        rating=rating(db, attempt_id),
        no_call=no_call(db, attempt_id),
    )


def _warnings(db: Connection, attempt_id: int) -> tuple[StoredWarning, ...]:
    sql = """
        SELECT w.id, w.code, e.reason, w.rule, w.rule_version, w.severity, w.owner, w.raised_at, w.due_at, w.state,
          e.evidence
        FROM warning_evidence e JOIN warnings w ON w.id = e.warning_id WHERE e.attempt_id = ? ORDER BY w.seq
    """
    return tuple(StoredWarning(**{**row, "evidence": from_json(row["evidence"])}) for row in db.rows(sql, [attempt_id]))


def _yes_no(value: int | None) -> bool | None:
    return None if value is None else bool(value)
