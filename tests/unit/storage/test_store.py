"""The store's promises: one outcome per attempt, nothing half written, the right rows beside it."""

from __future__ import annotations

import dataclasses
import stat
import subprocess
import sys
import threading
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from storage.campaign import campaign_store
from storage.db import open_reader, open_store
from storage.secret import secret_path
from voicebot.errors import StorageError
from voicebot.model.outcome import (
    AnsweredBy,
    Disposition,
    ItemResult,
    Outcome,
    Promise,
    WarningCode,
    WarningRaised,
)
from voicebot.model.records import AttemptProgress, Consent, Turn
from voicebot.model.voice import Voiceprint, VoiceQuality

ROOT = Path(__file__).resolve().parents[3]
W_V1 = WarningRaised(WarningCode.W_V1, "another voice", {"score": 0.12})


def test_an_account_comes_back_as_it_was_put(store, accounts):
    assert store.account("A-2") == accounts[1]
    assert store.accounts() == accounts
    with pytest.raises(StorageError, match="no such account"):
        store.account("A-9")


@pytest.mark.parametrize(
    "caller", ["15550101001", "+1 555-010-1001", "sip:15550101001@10.0.0.7;user=phone", "tel:+15550101001"]
)
def test_a_caller_is_found_by_the_number_and_gets_the_account_due_first(store, caller):
    assert store.account_by_number(caller).id == "A-3"


def test_a_caller_is_found_by_the_sip_user(store):
    assert store.account_by_number("sip:Anna@127.0.0.1:5072").id == "A-2"
    assert store.account_by_number("sip:nobody@127.0.0.1") is None
    assert store.account_by_number("") is None


def test_the_number_is_stored_as_a_keyed_hash_that_survives_a_restart(store, path):
    hashed = store.number_hash("+1 555 010 1001")
    assert hashed == store.number_hash("sip:15550101001@x")
    assert len(hashed) == 64
    store.close()
    with open_store(path) as again:
        assert again.number_hash("15550101001") == hashed
    with pytest.raises(StorageError, match="another key"):
        open_store(path, secret=b"another secret of 32 bytes......")


def test_key_and_database_are_for_their_owner_only(store, path):
    assert stat.S_IMODE(secret_path(path).stat().st_mode) == 0o600
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_lost_key_is_an_error_and_not_a_new_key(store, path):
    store.close()
    secret_path(path).unlink()
    with pytest.raises(StorageError, match="missing"):
        open_store(path)


def test_an_account_has_one_open_attempt_at_a_time(store, start):
    first = store.open_attempt(start("A-1"))
    with pytest.raises(StorageError, match="open attempt"):
        store.open_attempt(start("A-1", direction="inbound"))
    store.open_attempt(start("A-2"))
    assert store.close_attempt(first, Outcome(Disposition.BUSY))
    assert store.open_attempt(start("A-1")) > first


def test_unknown_callers_have_as_many_open_attempts_as_they_like(store, start):
    ids = {store.open_attempt(start(None, direction="inbound")) for _ in range(3)}
    assert len(ids) == 3


@pytest.mark.parametrize(
    ("account_id", "fields"),
    [("A-9", {}), ("A-1", {"customer_id": "C-2"}), (None, {"customer_id": "C-9"}), (None, {"direction": "sideways"})],
)
def test_an_attempt_of_nobody_is_refused(store, start, account_id, fields):
    with pytest.raises(StorageError):
        store.open_attempt(start(account_id, **fields))
    assert store.calls() == []


def test_progress_keeps_what_it_is_not_told(store, start):
    attempt = store.open_attempt(start())
    store.progress(attempt, AttemptProgress(sip_status=180, last_step="greet"))
    store.progress(attempt, AttemptProgress(sip_status=200, answered_by=AnsweredBy.HUMAN, media={"mos": 4.2}))
    assert store.call(attempt).progress == AttemptProgress(
        sip_status=200, answered_by=AnsweredBy.HUMAN, media={"mos": 4.2}, last_step="greet"
    )
    with pytest.raises(StorageError, match="no attempt 77"):
        store.progress(77, AttemptProgress(sip_status=200))


def test_the_first_outcome_stays(store, start):
    attempt = store.open_attempt(start())
    assert store.close_attempt(attempt, Outcome(Disposition.HUNG_UP, hung_up_by="caller"))
    promise = Promise(Decimal(1), date(2026, 12, 1))
    assert not store.close_attempt(attempt, Outcome(Disposition.PROMISE_TO_PAY, promise=promise, warnings=(W_V1,)))
    record = store.call(attempt)
    assert record.outcome == Outcome(Disposition.HUNG_UP, hung_up_by="caller")
    assert record.warnings == ()
    assert store.db.rows("SELECT * FROM promises") == []
    with pytest.raises(StorageError):
        store.close_attempt(77, Outcome(Disposition.BUSY))


def test_one_outcome_where_many_threads_close(store, start):
    attempt = store.open_attempt(start())
    wins: list[Disposition] = []
    ready = threading.Barrier(8)

    def close(disposition: Disposition) -> None:
        ready.wait()
        if store.close_attempt(attempt, Outcome(disposition)):
            wins.append(disposition)

    threads = [threading.Thread(target=close, args=(d,)) for d in list(Disposition)[:8]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wins) == 1
    assert store.call(attempt).outcome.disposition is wins[0]


_CLOSER = """
import sys
from pathlib import Path
from storage.db import open_store
from voicebot.model.outcome import Disposition, Outcome
with open_store(Path(sys.argv[1])) as store:
    print(sum(store.close_attempt(i, Outcome(Disposition(sys.argv[2]))) for i in range(1, 41)))
"""


def test_one_outcome_where_two_processes_close(store, start, path):
    for _ in range(40):
        store.open_attempt(start(None, direction="inbound"))
    closers = [
        subprocess.Popen([sys.executable, "-c", _CLOSER, str(path), name], cwd=ROOT, stdout=subprocess.PIPE, text=True)
        for name in ("BUSY", "FAILED")
    ]
    counts = [int(process.communicate(timeout=60)[0]) for process in closers]
    assert sum(counts) == 40
    assert store.db.row("SELECT count(*) AS n FROM outcomes") == {"n": 40}


def test_an_outcome_is_written_whole_or_not_at_all(store, start):
    attempt = store.open_attempt(start())
    broken = Outcome(
        Disposition.PROMISE_TO_PAY,
        promise=Promise(Decimal(10), date(2026, 12, 1)),
        items={"purpose": "perhaps"},  # type: ignore[dict-item]
        opt_out=True,
    )
    with pytest.raises(StorageError, match="CHECK"):
        store.close_attempt(attempt, broken)
    assert store.call(attempt).outcome is None
    assert store.db.rows("SELECT * FROM promises") == []
    assert not opted_out(store, "A-1")
    assert store.recover() == 1


def test_missing_facts_are_null_and_never_a_default(store, start):
    attempt = store.open_attempt(start())
    store.close_attempt(attempt, Outcome(Disposition.NO_ANSWER))
    row = store.db.row("SELECT * FROM outcomes WHERE attempt_id = ?", attempt)
    filled = {name for name, value in row.items() if value is not None}
    assert filled == {"attempt_id", "disposition", "intents", "closed_at"}


def test_a_promise_carries_the_loans_currency_and_items_their_results(store, start):
    attempt = store.open_attempt(start())
    promise = Promise(Decimal("2000.50"), date(2026, 11, 27))
    items = {"purpose": ItemResult.MATCH, "ability": ItemResult.REFUSED}
    store.close_attempt(attempt, Outcome(Disposition.PROMISE_TO_PAY, promise=promise, items=items))
    record = store.call(attempt)
    assert record.outcome.promise == promise
    assert record.outcome.items == items
    assert (record.summary.promise_amount, record.summary.promise_currency) == (Decimal("2000.50"), "USD")
    assert store.db.row("SELECT kept FROM promises") == {"kept": None}


def test_a_local_appointment_is_stored_in_utc_by_the_customers_zone(store, start):
    attempt = store.open_attempt(start())
    store.close_attempt(attempt, Outcome(Disposition.CALLBACK, callback_at=datetime(2026, 11, 24, 15, 0)))  # noqa: DTZ001
    assert store.call(attempt).outcome.callback_at == datetime(2026, 11, 24, 20, 0, tzinfo=UTC)


def opted_out(store, account: str) -> bool:
    """What the gate reads."""
    return campaign_store(store).gate_facts(account, "service", datetime.now(UTC)).do_not_call


def test_do_not_call_is_known_at_once(store, start):
    attempt = store.open_attempt(start())
    assert not opted_out(store, "A-1")
    store.close_attempt(attempt, Outcome(Disposition.DO_NOT_CALL))
    assert opted_out(store, "A-1")
    assert not opted_out(store, "A-2")


def test_opting_out_counts_beside_another_disposition(store, start):
    store.close_attempt(store.open_attempt(start("A-2")), Outcome(Disposition.REFUSED, opt_out=True))
    assert opted_out(store, "A-2")


def test_an_unknown_caller_opts_the_number_out(store, start):
    hashed = store.number_hash("sip:15550101001@far.example")
    attempt = store.open_attempt(start(None, direction="inbound", number_hash=hashed))
    store.close_attempt(attempt, Outcome(Disposition.DO_NOT_CALL))
    assert opted_out(store, "A-1")
    assert not opted_out(store, "A-2")


def test_warnings_are_one_per_code_customer_and_day(store, start, clock):
    first, second = store.open_attempt(start("A-1")), store.open_attempt(start("A-3"))
    assert store.add_warning(first, "C-1", W_V1) == "W-V1-1"
    assert store.add_warning(first, "C-1", W_V1) == "W-V1-1"
    again = WarningRaised(WarningCode.W_V1, "once more", {"score": 0.2})
    assert store.add_warning(second, "C-1", again) == "W-V1-1"
    assert store.add_warning(second, "C-1", WarningRaised(WarningCode.W_V4, "purpose")) == "W-V4-2"
    assert store.add_warning(first, "C-2", W_V1) == "W-V1-3"
    clock.forward(hours=12)
    assert store.add_warning(first, "C-1", W_V1) == "W-V1-4"
    assert len(store.db.rows("SELECT * FROM warnings")) == 4
    kept = store.call(second).warnings[0]
    assert (kept.id, kept.reason, kept.evidence) == ("W-V1-1", "once more", {"score": 0.2})
    assert (kept.severity, kept.state, kept.rule_version) == ("high", "open", "1")
    assert kept.due_at > kept.raised_at


def test_the_outcomes_warnings_are_stored_with_it(store, start):
    attempt = store.open_attempt(start())
    store.add_warning(attempt, "C-1", W_V1)
    store.close_attempt(attempt, Outcome(Disposition.VOICE_MISMATCH, warnings=(W_V1,)))
    assert [w.id for w in store.call(attempt).warnings] == ["W-V1-1"]


def test_recover_closes_open_attempts_with_their_last_step(store, start, path):
    with_progress, with_turn = store.open_attempt(start("A-1")), store.open_attempt(start("A-2"))
    neither, closed = store.open_attempt(start("A-3")), store.open_attempt(start(None, direction="inbound"))
    store.progress(with_progress, AttemptProgress(last_step="ask_dob"))
    store.add_turn(with_turn, Turn("greet", "greet", "Hello", 0.1, 0.9))
    store.close_attempt(closed, Outcome(Disposition.HUNG_UP))
    store.close()
    with open_store(path) as again:
        assert again.recover() == 3
        assert again.recover() == 0
        failed = Disposition.TECHNICAL_FAILURE
        assert again.call(with_progress).outcome == Outcome(failed, last_step="ask_dob", error="interrupted")
        assert again.call(with_turn).outcome == Outcome(failed, last_step="greet", error="interrupted")
        assert again.call(neither).outcome == Outcome(failed, error="interrupted")
        assert again.call(closed).outcome == Outcome(Disposition.HUNG_UP)
        again.open_attempt(start("A-1"))


def test_recover_leaves_the_attempts_of_another_living_store_alone(store, start, path):
    attempt = store.open_attempt(start())
    with open_store(path) as other:
        assert other.recover() == 0
        assert store.close_attempt(attempt, Outcome(Disposition.BUSY))
        second = store.open_attempt(start())
        store.close()
        assert other.recover() == 1
        assert other.call(second).outcome.error == "interrupted"


def test_consent_newest_answer_counts_and_unclear_is_not_yes(store, start):
    attempt = store.open_attempt(start())
    yes = Consent("C-1", "voiceprint", "spoken", "v1", True, "2026-11-22T12:00:00+00:00", {"turn": 3})
    unclear = Consent("C-1", "voiceprint", "spoken", "v1", None, "2026-11-22T12:01:00+00:00")
    assert store.consent("C-1", "voiceprint") is None
    assert store.add_consent(attempt, yes) == "C-1"
    assert store.consent("C-1", "voiceprint") == yes
    store.add_consent(None, unclear)
    assert store.consent("C-1", "voiceprint") == unclear
    assert store.consent("C-1", "marketing") is None
    assert store.consent_id("C-1", "voiceprint") is None  # the newest answer is no agreement
    assert store.add_consent(None, yes) == store.consent_id("C-1", "voiceprint") == "C-3"
    assert store.consent_id("C-1", "marketing") is None


def test_a_refused_consent_revokes_the_voiceprint(store):
    quality = VoiceQuality(snr_db=None)
    first = Voiceprint("C-1", "ecapa:0575cb64", ((0.6, 0.8), (1.0, 0.0)), 12.5, quality, "2026-11-22T12:00:00+00:00")
    second = Voiceprint("C-1", "ecapa:0575cb64", ((0.0, 1.0),), 20.0, quality, "2026-11-22T13:00:00+00:00")
    assert store.voiceprint("C-1") is None
    store.save_voiceprint(first)
    assert store.voiceprint("C-1") == first
    store.save_voiceprint(second)
    assert store.voiceprint("C-1") == second
    no = Consent("C-1", "voiceprint", "spoken", "v1", False, "2026-11-22T14:00:00+00:00")
    store.add_consent(None, Consent("C-2", "voiceprint", "spoken", "v1", False, no.at))
    store.add_consent(None, dataclasses.replace(no, granted=None))
    store.add_consent(None, dataclasses.replace(no, purpose="marketing"))
    assert store.voiceprint("C-1") == second
    store.add_consent(None, no)
    assert store.voiceprint("C-1") is None


@pytest.mark.parametrize("embeddings", [(), ((),), ((1.0,), (1.0, 2.0)), ((float("nan"),),)])
def test_a_spoiled_voiceprint_is_refused(store, embeddings):
    with pytest.raises(StorageError):
        store.save_voiceprint(Voiceprint("C-1", "m", embeddings, 1.0, VoiceQuality(), "2026-11-22T12:00:00+00:00"))
    assert store.voiceprint("C-1") is None


def test_a_reader_sees_what_is_committed_and_cannot_write(store, start, path):
    attempt = store.open_attempt(start())
    with open_reader(path) as reader, store.db.write():
        assert [c.attempt_id for c in reader.calls()] == [attempt]
        with pytest.raises(StorageError, match="cannot be written"), reader.db.write():
            reader.db.run("DELETE FROM attempts")
