"""From calls and payments to levels, warnings, tags and performance (document Q), and document R's batch."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from storage.scoring_import import Origin, import_scoring
from tests.unit.scoring.conftest import NOW, TODAY, Bank
from voicebot.errors import StorageError
from voicebot.model.outcome import Disposition, ItemResult, Outcome, Promise, WarningCode, WarningRaised
from voicebot.scoring.config import ScoringSettings
from voicebot.scoring.performance import RATES, Counts, rates, total
from voicebot.scoring.runs_cases import run_cases
from voicebot.scoring.runs_customers import run_performance, run_tags, run_warnings
from voicebot.scoring.runs_numbers import run_collection_numbers, run_pre_loan
from voicebot.scoring.tags import Tag, portrait

DEFAULT = ScoringSettings()
D = Disposition
ORIGIN = Origin("register", date(2026, 11, 1), "legitimate interest")


def level(bank: Bank, customer: str) -> str:
    return str(bank.scoring.newest("customer")[customer].result["level"])


def test_a_dispute_raises_the_level_and_warns_the_account_manager_once(bank: Bank) -> None:
    bank.call(1, Outcome(D.DISPUTE, right_party=True, dispute=True), words="this is wrong")
    figures = run_warnings(bank.scoring, DEFAULT, NOW)
    assert level(bank, "C-1") == "orange"
    assert level(bank, "C-2") == "green"
    assert (bank.codes(), figures["warnings"]) == (["W-Q2"], 1)
    assert run_warnings(bank.scoring, DEFAULT, NOW + timedelta(days=1))["warnings"] == 0


def test_a_voice_warning_is_a_rule_until_it_is_closed(bank: Bank) -> None:
    raised = WarningRaised(WarningCode.W_V1, "another voice")
    bank.call(1, Outcome(D.VOICE_MISMATCH, warnings=(raised,)), words="hello")
    run_warnings(bank.scoring, DEFAULT, NOW)
    assert bank.scoring.newest("customer")["C-1"].result["rules"] == ["W-V1"]
    voice = next(w for w in bank.scoring.warnings() if w.code == "W-V1")
    bank.scoring.decide_warning(voice.id, "closed", "the son's telephone", "S-1", NOW)
    run_warnings(bank.scoring, DEFAULT, NOW)
    assert level(bank, "C-1") == "green"
    with pytest.raises(StorageError, match="is closed"):
        bank.scoring.decide_warning(voice.id, "ack", "x", "S-1", NOW)
    with pytest.raises(StorageError, match="no warning"):
        bank.scoring.decide_warning("W-99", "ack", "x", "S-1", NOW)


def test_promises_and_refusals_make_willingness(bank: Bank) -> None:
    promise = Promise(Decimal("450"), date(2026, 11, 1))
    for back, kept in ((20, 0), (10, 0)):
        attempt = bank.call(1, Outcome(D.PROMISE_TO_PAY, right_party=True, promise=promise), days_ago=back, words="yes")
        with bank.store.db.write():
            bank.store.db.run("UPDATE promises SET kept = ? WHERE attempt_id = ?", kept, attempt)
    bank.call(1, Outcome(D.REFUSED, right_party=True, refusal=True), words="no")
    run_warnings(bank.scoring, DEFAULT, NOW)
    found = bank.scoring.newest("customer")["C-1"].result
    assert found["willing"] == pytest.approx(0.25 - 0.1)
    assert found["willingness"] == 16
    assert found["rules"] == ["broken_promises"]


def test_lost_contact_and_anomaly_come_from_the_cases(bank: Bank) -> None:
    for back in (1, 2, 3):
        bank.call(1, D.NO_ANSWER, days_ago=back)
    for back in range(6):
        bank.call(2, D.FAILED, days_ago=back, status=404)
    run_cases(bank.scoring, DEFAULT, NOW)
    run_warnings(bank.scoring, DEFAULT, NOW)
    found = bank.scoring.newest("customer")
    assert (found["C-1"].inputs["lost"], found["C-2"].inputs["lost"], found["C-3"].inputs["lost"]) == (1, 1, 0)
    assert found["C-2"].inputs["A"] == pytest.approx(0.555, abs=1e-3)


def test_a_wrong_item_of_a_follow_up_call_warns_the_audit(bank: Bank) -> None:
    wrong = {"purpose": ItemResult.MISMATCH, "identity": ItemResult.MATCH}
    attempt = bank.call(1, Outcome(D.RPC_VERIFIED, right_party=True, items=wrong), words="a car", flow="follow_up")
    bank.call(2, Outcome(D.RPC_VERIFIED, right_party=True, items=wrong), words="a car", flow="verification")
    run_warnings(bank.scoring, DEFAULT, NOW)
    warning = next(w for w in bank.scoring.warnings() if w.code == "W-Q3")
    assert (warning.attempt_id, warning.owner, warning.severity) == (attempt, "internal audit", "high")
    assert warning.reason == f"follow-up call {attempt}: purpose is mismatch"
    assert bank.codes().count("W-Q3") == 1


def test_a_product_with_many_unpaid_instalments_warns_risk_staff(bank: Bank, make_account) -> None:
    for n in range(100, 200):
        bank.put(make_account(n, overdue_d=10, due="0.00" if n % 10 else "450.00"))
    with bank.store.db.write():
        bank.store.db.run("UPDATE accounts SET product = 'P' || (CAST(substr(id, 3) AS INTEGER) % 4)")
        bank.store.db.run("UPDATE accounts SET due = '450.00' WHERE product = 'P3'")
        # instalments with nothing due do not count: give them a schedule that is paid
        for row in bank.store.db.rows("SELECT id FROM accounts WHERE due = '0.00'"):
            due_on = (TODAY - timedelta(days=10)).isoformat()
            bank.store.db.insert("schedules", {"account_id": row["id"], "n": 1, "due_on": due_on, "due": "450"})
            payment = {"id": f"p-{row['id']}", "account_id": row["id"], "amount": "450", "currency": "USD"}
            bank.store.db.insert("payments", {**payment, "paid_at": due_on, "imported_at": due_on})
    run_warnings(bank.scoring, DEFAULT, NOW)
    found = [w for w in bank.scoring.warnings() if w.code == "W-Q1"]
    assert [w.subject for w in found] == ["product:P3"]
    assert bank.scoring.newest("unpaid-share")["product:P3"].result["share"] == 1.0


def test_tags_are_written_once_and_a_persons_stays(bank: Bank) -> None:
    for back in (1, 2, 3):
        bank.call(1, Outcome(D.RPC_VERIFIED, right_party=True), days_ago=back, words="yes")
    run_cases(bank.scoring, DEFAULT, NOW)
    run_warnings(bank.scoring, DEFAULT, NOW)
    assert run_tags(bank.scoring, DEFAULT, NOW)["customers"] == 1
    shown = {name: tag.value for name, tag in portrait(bank.scoring.tags("C-1"), NOW).items()}
    wanted = {"best_hour": "12", "cooperation": "cooperative", "language": "en", "level": "green", "reach": "easy"}
    assert shown == wanted
    assert run_tags(bank.scoring, DEFAULT, NOW)["tags written"] == 0
    bank.scoring.put_tags([Tag("C-1", "best_hour", "18", "human", 1.0, NOW, given_by="M-1")])
    assert run_tags(bank.scoring, DEFAULT, NOW + timedelta(days=60))["tags written"] == 4
    later = portrait(bank.scoring.tags("C-1"), NOW + timedelta(days=61))
    assert (later["best_hour"].value, later["best_hour"].given_by) == ("18", "M-1")
    with pytest.raises(StorageError, match="no customer"):
        bank.scoring.put_tags([Tag("C-99", "x", "y", "human", 1.0, NOW)])


def test_performance_counts_and_rates(bank: Bank) -> None:
    with bank.store.db.write():
        bank.store.db.insert("channels", {"id": "branch", "name": "Branch", "class": "own"})
        bank.store.db.run("UPDATE accounts SET channel_id = 'branch' WHERE id = 'A-1'")
    promise = Promise(Decimal("450"), date(2026, 11, 30))
    bank.call(1, Outcome(D.PROMISE_TO_PAY, right_party=True, promise=promise), words="yes", talk_s=60.0)
    bank.call(1, Outcome(D.REFUSED, right_party=True, refusal=True), words="no", talk_s=20.0)
    bank.call(1, D.NO_ANSWER)
    bank.call(2, Outcome(D.TRANSFERRED, right_party=True, transferred=True), words="a person please")
    figures = run_performance(bank.scoring, NOW, TODAY - timedelta(days=3), TODAY)
    assert figures["rows"] == 2
    rows = bank.scoring.performance(TODAY - timedelta(days=3), TODAY)
    one = next(row for row in rows if row.channel == "branch")
    values = rates(one.counts)
    wanted = {"attempts": 3, "connects": 2, "promises": 1, "accounts": 1, "amount_due": 450.0, "amount_paid": 0.0}
    assert {name: values[name] for name in wanted} == wanted
    assert values["connect_rate"] == pytest.approx(2 / 3)
    assert values["ptp_rate"] == 0.5
    assert values["aht_s"] == 40
    assert values["containment"] == 1.0
    assert (values["overdue"], values["cure_rate"]) == (1, 0.0)
    assert values["kept_ptp_rate"] is None  # not known yet: never 0
    assert values["rating"] is None
    both = total(rows)
    assert (both.attempts, both.transfers) == (4, 1)
    stored = bank.scoring.newest("performance")
    assert set(stored) == {row.subject for row in rows}


def test_every_rate_is_of_counts() -> None:
    names = set(Counts.__dataclass_fields__)
    assert all({above, below} <= names for above, below in RATES.values())


def calls_csv(rnd: random.Random) -> str:
    """Call records of 12 collection companies' numbers and 30 people's, and two numbers nobody knows."""
    lines = ["number,other,outgoing,answered,at,duration_s,cell_id"]
    for i in range(44):
        centre = i < 12 or i == 42
        for k in range(25):
            at = datetime(2026, 11, 2 + k % 5, 9, tzinfo=UTC) + timedelta(minutes=rnd.randint(0, 600), seconds=k)
            other = f"+86139{rnd.randint(0, 300 if centre else 4):08}"
            seconds = rnd.randint(1, 30) if centre else rnd.randint(40, 400)
            out = 1 if centre else rnd.randint(0, 1)
            lines.append(f"021555500{i:02},{other},{out},{rnd.randint(0, 1)},{at:%Y-%m-%dT%H:%M:%S},{seconds},")
    return "\n".join(lines)


def test_from_imported_records_to_a_library_and_an_applicants_risk(bank: Bank, tmp_path) -> None:
    def load(kind: str, content: str) -> int:
        file = tmp_path / f"{kind}.csv"
        file.write_text(content)
        return import_scoring(bank.store.db, kind, file, ORIGIN, bank.store.number_hash, NOW)

    numbers = [f"021555500{i:02},{f'Company {i}' if i < 12 else ''},{int(i < 12)}" for i in range(42)]
    assert load("collection-numbers", "number,company,label\n" + "\n".join(numbers)) == 42
    assert load("number-calls", calls_csv(random.Random(7))) > 1000
    settings = ScoringSettings.model_validate(
        {"numbers": {"own_numbers": ["021-5555 0003"], "trees": 20}, "pre_loan": {}}
    )
    figures = run_collection_numbers(bank.scoring, settings, NOW)
    assert figures["labelled"] == 41  # the bank's own is left out
    assert float(str(figures["auc"])) > 0.9
    library = {
        row["number"] for row in bank.store.db.rows("SELECT number FROM collection_numbers WHERE in_library = 1")
    }
    assert "02155550003" not in library
    assert "02155550000" in library
    assert "02155550042" in library  # recognised
    assert "02155550043" not in library
    at = (NOW - timedelta(days=1)).isoformat()
    rows = [f"P-1,021555500{i:02},1,{at},form 3" for i in (0, 1, 2, 42)] + [f"P-2,02155550020,1,{at},form 3"]
    assert load("applicant-calls", "applicant_id,number,answered,at,consent\n" + "\n".join(rows)) == 5
    assert run_pre_loan(bank.scoring, DEFAULT, NOW)["bands"] == {"pass": 1, "manual": 0, "high": 1}
    risk = bank.scoring.newest("pre-loan")["P-1"]
    assert (risk.inputs["x1"], risk.inputs["x2"], risk.inputs["x5"]) == (4, 4, 4)
    assert risk.inputs["library"] == ["02155550000", "02155550001", "02155550002", "02155550042"]
    assert risk.result["unfitted"] is True
    warning = next(w for w in bank.scoring.warnings() if w.code == "W-R1")
    assert (warning.subject, warning.owner) == ("applicant:P-1", "credit officer")
