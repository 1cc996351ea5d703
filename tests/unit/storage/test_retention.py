"""What may not be kept any more goes, and exactly that; what is held or still needed stays; a line of each stays."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from storage import repositories_retention as tables
from storage.db import SqliteStore
from storage.retention import Expired, Folders, Retention
from tests.support.campaign_rows import pay, row
from voicebot.campaign.retention import RECORDS, Keep, Times, load_schedules
from voicebot.commands.retention import retention as command
from voicebot.errors import CampaignError, StorageError
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome, WarningCode, WarningRaised
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Consent, Turn
from voicebot.model.voice import Voiceprint, VoiceQuality
from voicebot.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
SCHEDULES = load_schedules(ROOT / "calling_rules")
BEGIN = datetime(2026, 11, 22, 12, tzinfo=UTC)
WORDS = "my card is broken"

Start = Callable[..., AttemptStart]


@pytest.fixture
def call(store: SqliteStore, start: Start, tmp_path: Path) -> Callable[..., int]:
    """A whole call with its recording, words, check and outcome."""

    def make(account: str | None = "A-1", outcome: Outcome | None = None, **fields: str) -> int:
        attempt = store.open_attempt(start(account, **fields))
        name = f"{attempt}.wav"
        (tmp_path / "recordings").mkdir(exist_ok=True)
        (tmp_path / "recordings" / name).write_bytes(b"RIFF")
        store.progress(attempt, AttemptProgress(recording=name, answered_by=AnsweredBy.HUMAN))
        store.add_turn(attempt, Turn("s", "p", "what is it?", 0.0, 1.0, reply_text=WORDS))
        store.add_check(attempt, CheckRecord("s", "identity", "passed", 1.0, {"heard": "x"}))
        store.close_attempt(attempt, outcome or Outcome(Disposition.RPC_VERIFIED, right_party=True))
        return attempt

    return make


@pytest.fixture
def at_work(store: SqliteStore, tmp_path: Path) -> Callable[..., Retention]:
    def make(name: str = "us") -> Retention:
        folders = Folders(tmp_path / "recordings", tmp_path / "prompts")
        return Retention(store.db, SCHEDULES, SCHEDULES[name], folders)

    return make


def names(found: tuple[Expired, ...], *, kept: bool = False) -> Counter[str]:
    return Counter(one.record for one in found if bool(one.kept) is kept)


def count(store: SqliteStore, table: str) -> int:
    return int((store.db.row(f"SELECT count(*) AS n FROM {table}") or {})["n"])


def voiceprint(store: SqliteStore, customer: str = "C-1", at: datetime = BEGIN) -> None:
    consent = store.add_consent(None, Consent(customer, "voiceprint", "spoken", "1", True, at.isoformat()))
    quality = VoiceQuality(20.0, 0.0, 0.9, 0.0)
    store.save_voiceprint(Voiceprint(customer, "m", ((0.1, 0.2),), 12.0, quality, at.isoformat(), consent))


def test_every_shipped_schedule_has_a_rule_for_every_record() -> None:
    assert set(SCHEDULES) == {"us", "cn", "eu", "none"}
    assert not SCHEDULES["none"].records
    for name in ("us", "cn", "eu"):
        assert {rule.record for rule in SCHEDULES[name].records} == set(RECORDS)


def test_a_jump_of_the_clock_removes_exactly_what_is_over(store, call, at_work, clock, path, tmp_path) -> None:
    old = call("A-1")
    clock.forward(days=365)
    young = call("A-2")
    three_years = BEGIN.replace(year=2029)
    assert at_work().run(three_years - timedelta(seconds=1)) == ()
    gone = at_work().run(three_years)
    assert {(one.record, one.ref) for one in gone} == {(k, str(old)) for k in ("recording", "transcript", "call")}
    assert not any(one.kept for one in gone)
    assert sorted(p.name for p in (tmp_path / "recordings").iterdir()) == [f"{young}.wav"]
    assert [r["id"] for r in store.db.rows("SELECT id FROM attempts")] == [young]
    assert {t: count(store, t) for t in ("turns", "checks", "outcomes")} == {"turns": 1, "checks": 1, "outcomes": 1}
    lines = tables.lines(store.db, 10)
    assert [(line["record"], line["ref"], line["rule"], line["schedule"]) for line in reversed(lines)] == [
        ("recording", str(old), "3y after made", "us 1"),
        ("transcript", str(old), "3y after last_activity", "us 1"),
        ("call", str(old), "3y after last_activity", "us 1"),
    ]
    assert at_work().run(three_years) == ()
    assert len(tables.lines(store.db, 10)) == 3


def test_an_activity_of_the_account_keeps_its_records_but_not_its_recordings(store, call, at_work, clock) -> None:
    call("A-1")
    pay(store, "A-1", "10.00", BEGIN + timedelta(days=500))
    found = at_work().run(BEGIN.replace(year=2029))
    assert names(found) == {"recording": 1}
    assert names(at_work().run(BEGIN + timedelta(days=500 + 1096))) == {"transcript": 1, "call": 1}


def test_every_table_that_hangs_on_a_call_is_known(store) -> None:
    every = [row["name"] for row in store.db.rows("SELECT name FROM sqlite_master WHERE type = 'table'")]
    hang = {
        name
        for name in every
        if any(
            key["table"] in ("attempts", "outcomes")
            for key in store.db.rows(f"SELECT \"table\" FROM pragma_foreign_key_list('{name}')")
        )
    }
    assert hang == {*tables.UNLINKED, *tables.PARTS}


def test_what_is_removed_is_not_left_in_the_files(store, call, at_work, path) -> None:
    call("A-1")
    assert any(WORDS.encode() in file.read_bytes() for file in path.parent.glob("voicebot.db*") if file.is_file())
    at_work().run(BEGIN.replace(year=2030))
    assert not any(WORDS.encode() in file.read_bytes() for file in path.parent.glob("voicebot.db*") if file.is_file())


def test_a_legal_hold_keeps_all_of_a_customer_until_it_is_lifted(store, call, at_work, tmp_path) -> None:
    call("A-1")
    call("A-2")
    voiceprint(store)
    later = BEGIN.replace(year=2036)
    with store.db.write():
        tables.hold(store.db, "C-1", "case 7", "anna", BEGIN)
    with pytest.raises(StorageError, match="held already"):
        tables.hold(store.db, "C-1", "case 8", "anna", BEGIN)
    found = at_work().run(later)
    assert names(found) == {"recording": 1, "transcript": 1, "call": 1}
    assert names(found, kept=True) == {"recording": 1, "transcript": 1, "call": 1, "voiceprint": 1, "consent": 1}
    assert {one.kept for one in found if one.kept} == {"legal hold: case 7"}
    assert store.voiceprint("C-1") is not None
    with store.db.write():
        tables.lift(store.db, "C-1", "judgment", "anna", later)
    with pytest.raises(StorageError, match="not held"):
        tables.lift(store.db, "C-1", "judgment", "anna", later)
    assert names(at_work().run(later)) == {"recording": 1, "transcript": 1, "call": 1, "voiceprint": 1, "consent": 1}
    assert not list((tmp_path / "recordings").iterdir())
    assert [row["lift_reason"] for row in tables.holds(store.db)] == ["judgment"]


def test_a_voiceprint_goes_with_its_purpose_or_three_years_after_the_last_contact(store, at_work, call, clock) -> None:
    voiceprint(store, "C-1")
    voiceprint(store, "C-2")
    clock.forward(days=100)
    call("A-1")
    assert names(at_work().run(BEGIN.replace(year=2029))) == {"voiceprint": 1}  # C-2 was never called
    assert store.voiceprint("C-2") is None
    assert store.voiceprint("C-1") is not None
    with store.db.write():
        store.db.run("UPDATE accounts SET outstanding = '0.00' WHERE id = 'A-1'")
    assert names(at_work().run(BEGIN + timedelta(days=101))) == {}  # A-3 is not paid
    with store.db.write():
        store.db.run("UPDATE accounts SET outstanding = '0' WHERE id = 'A-3'")
    assert names(at_work().run(BEGIN + timedelta(days=101))) == {"voiceprint": 1}
    assert store.voiceprint("C-1") is None
    assert store.voiceprints("C-1")[0].revoked_at
    assert count(store, "voice_keys") == 0


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        (Outcome(Disposition.WRONG_PARTY), "it forbids the number (wrong party)"),
        (Outcome(Disposition.DISPUTE, dispute=True), "it ends automatic calls (dispute, hardship or complaint)"),
        (
            Outcome(Disposition.VOICE_MISMATCH, warnings=(WarningRaised(WarningCode.W_V1, "x"),)),
            "a warning rests on it",
        ),
    ],
)
def test_what_still_forbids_calls_or_waits_for_a_person_stays(store, call, at_work, outcome, why) -> None:
    call("A-1", outcome)
    found = at_work().run(BEGIN.replace(year=2040))
    assert {one.kept for one in found if one.record == "call"} == {why}
    assert count(store, "outcomes") == 1
    assert not store.db.rows("SELECT 1 FROM attempts WHERE recording IS NOT NULL") or "warning" in why


def test_a_refusal_that_is_in_force_stays_and_an_old_consent_goes(store, at_work) -> None:
    for purpose, granted in (("marketing", True), ("ai_voice", True), ("ai_voice", False)):
        store.add_consent(None, Consent("C-1", purpose, "spoken", "1", granted, BEGIN.isoformat()))
    found = at_work().run(BEGIN.replace(year=2030))
    assert names(found) == {"consent": 2}
    assert {one.kept for one in found if one.kept} == {"the refusal is in force"}


def test_a_campaigns_calls_have_its_own_jurisdiction(store, call, campaigns, at_work) -> None:
    campaigns.add_campaign(row("cn", profile="cn"))
    campaigns.add_campaign(row("de", profile="de"))
    chinese, _, ours = (
        call("A-1", campaign_id="cn"),
        call("A-2", campaign_id="de"),
        call("A-3"),
    )
    found = at_work("eu").run(BEGIN + timedelta(days=181))
    assert {(one.record, one.ref, one.schedule) for one in found} == {("recording", str(ours), "eu 1")}
    found = at_work("none").run(BEGIN.replace(year=2028))
    assert {(one.record, one.ref) for one in found} == {("recording", str(chinese)), ("transcript", str(chinese))}
    assert names(at_work("none").run(BEGIN.replace(year=2060))) == {"call": 1}  # without a schedule nothing goes


def test_prompts_with_names_and_amounts_go(store, at_work, tmp_path) -> None:
    (tmp_path / "prompts").mkdir()
    (tmp_path / "prompts" / "a.wav").write_bytes(b"x")
    assert at_work().run(datetime.now(UTC) + timedelta(days=29)) == ()
    assert names(at_work().run(datetime.now(UTC) + timedelta(days=31))) == {"prompt": 1}
    assert not list((tmp_path / "prompts").iterdir())


def test_a_file_outside_the_folder_is_not_touched(store, call, at_work, tmp_path) -> None:
    outside = tmp_path / "outside.wav"
    outside.write_bytes(b"x")
    attempt = call("A-1")
    store.progress(attempt, AttemptProgress(recording="../outside.wav"))
    found = at_work().run(BEGIN.replace(year=2030))
    assert outside.is_file()
    assert {one.kept for one in found if one.kept} == {"its file is not below the folder of recordings"}


def test_a_run_that_was_killed_between_file_and_row_is_finished(store, call, at_work, tmp_path) -> None:
    attempt = call("A-1")
    (tmp_path / "recordings" / f"{attempt}.wav").unlink()
    assert names(at_work().run(BEGIN.replace(year=2029))) == {"recording": 1, "transcript": 1, "call": 1}


@given(
    made=st.integers(0, 10**8).map(lambda second: BEGIN + timedelta(seconds=second)),
    later=st.timedeltas(timedelta(0), timedelta(days=4000)),
    years=st.integers(1, 10),
)
def test_an_activity_never_shortens_the_time(made: datetime, later: timedelta, years: int) -> None:
    rule = Keep(record="message", keep=f"{years}y", after="last_activity")
    end = rule.ends(Times(made, made + later))
    assert end >= rule.ends(Times(made)) > made
    assert end >= (made + later) + timedelta(days=365 * years)


def test_a_year_from_the_leap_day_ends_on_the_first_of_march() -> None:
    rule = Keep(record="recording", keep="1y", after="made")
    assert rule.ends(Times(datetime(2028, 2, 29, 9, tzinfo=UTC))) == datetime(2029, 3, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{record: recording, keep: forever, after: made}", "write 180d or 3y"),
        ("{record: tape, keep: 1y, after: made}", "tape"),
        ("{record: call, keep: 1y, after: made}", "needs one for `recording`"),
        ("{record: contact, keep: 30d, after: made}", "the caps count by it"),
        ("{record: score, keep: 1y, after: made, ends_with_purpose: true}", "only known of a voiceprint"),
        ("{record: score, keep: 1y, after: made}\n  - {record: score, keep: 2y, after: made}", "more than one rule"),
    ],
)
def test_a_schedule_with_a_mistake_removes_nothing(tmp_path: Path, text: str, said: str) -> None:
    folder = tmp_path / "retention"
    folder.mkdir()
    (folder / "xx.yaml").write_text(f'retention: xx\nversion: "1"\ntitle: X\nrecords:\n  - {text}\n')
    with pytest.raises(CampaignError, match=said):
        load_schedules(tmp_path)


def test_the_commands(store, call, path, tmp_path) -> None:
    call("A-1")
    settings = Settings.model_validate(
        {
            "paths": {
                "database": path,
                "recordings": tmp_path / "recordings",
                "prompt_cache": tmp_path / "prompts",
                "calling_rules": ROOT / "calling_rules",
            }
        }
    )

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(command, arguments, obj=settings, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    then = ("--dry-run", "--at", "2030-01-01T00:00:00Z", "--schedule", "us")
    told = json.loads(run("run", *then, "--json"))
    assert [one["record"] for one in told["removed"]] == ["recording", "transcript", "call"]
    assert (told["dry_run"], told["kept"], count(store, "attempts")) == (True, [], 1)
    assert "recording: 1 would be removed" in run("run", *then)
    run("hold", "A-1", "--reason", "case 7", "--by", "anna")
    assert "call: 1 kept, legal hold: case 7" in run("run", *then)
    assert "case 7 (in force)" in run("holds")
    run("lift", "A-1", "--reason", "over", "--by", "anna")
    assert json.loads(run("holds", "--json"))[0]["lifted_by"] == "anna"
    assert "no record's time is over" in run("run", "--schedule", "us")
    assert run("log") == ""
    assert "3y after last_contact, or when its purpose has ended" in run("schedules")
    refused = CliRunner().invoke(command, ["run", "--at", "2030-01-01T00:00:00Z"], obj=settings)
    assert refused.exit_code == 2
