"""MemoryStore and SqliteStore behave the same: any calls in any order give the same answers, errors and records."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.codec import iso
from storage.db import SqliteStore, open_store
from storage.memory import MemoryStore
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
from voicebot.model.portfolio import Account, Customer, Loan
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Consent, Turn
from voicebot.model.voice import (
    SpoofKind,
    SpoofSignal,
    VoiceComparison,
    VoiceDecision,
    Voiceprint,
    VoiceQuality,
    VoiceReason,
    VoiceSketch,
    VoiceState,
)

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
_MONEY = Decimal("12000.00"), Decimal("8400.00"), Decimal("450.00")
_LOAN = Loan("Credit", *_MONEY, date(2026, 11, 27), "USD", "vehicle", date(2026, 1, 2))
_JOE = Customer("C-1", "Joe", "15550101001", date(1990, 5, 2), "4021", timezone="America/New_York")
_ANNA = Customer("C-2", "Anna", "anna", date(1985, 3, 14), "7716")
ACCOUNTS = (Account("A-1", _JOE, _LOAN), Account("A-2", _ANNA, _LOAN), Account("A-3", _JOE, _LOAN))

CODES = [WarningCode.W_V1, WarningCode.W_V4]

texts = st.text(max_size=20)
numbers = st.floats(allow_nan=False, allow_infinity=False)
plain = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | numbers | texts
details = st.dictionaries(texts, plain | st.lists(plain, max_size=2), max_size=3)
attempts = st.sampled_from([1, 1, 2, 2, 3, 4, 9])
customers = st.sampled_from(["C-1", "C-1", "C-1", "C-2", "C-9"])
stamps = st.just("2026-11-22T12:00:00+00:00")
moments = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31))  # noqa: DTZ001
local_or_aware = moments | moments.map(lambda m: m.replace(tzinfo=UTC))

warnings = st.builds(WarningRaised, code=st.sampled_from(CODES), reason=texts, evidence=details)
promises = st.builds(
    Promise, amount=st.decimals(0, 10**9, places=2), due_on=st.dates(date(2026, 1, 1), date(2030, 1, 1))
)
outcomes = st.builds(
    Outcome,
    disposition=st.sampled_from(Disposition),
    promise=st.none() | promises,
    appointment=st.none() | local_or_aware,
    callback_at=st.none() | local_or_aware,
    items=st.dictionaries(texts, st.sampled_from(ItemResult), max_size=3),
    intents=st.lists(texts, max_size=3).map(tuple),
    hung_up_by=st.sampled_from([None, "caller", "bot"]),
    last_step=st.none() | texts,
    warnings=st.lists(warnings, max_size=2).map(tuple),
    error=st.none() | texts,
    **dict.fromkeys(
        ("right_party", "refusal", "dispute", "hardship", "opt_out", "transferred"), st.none() | st.booleans()
    ),
)
turns = st.builds(
    Turn,
    step=texts,
    prompt=texts,
    prompt_text=texts,
    prompt_t0=numbers,
    prompt_t1=numbers,
    heard_s=st.none() | numbers,
    reply_text=st.none() | texts,
    reply_confidence=st.none() | numbers,
    slots=st.dictionaries(texts, texts, max_size=2),
    event=st.sampled_from([None, "Heard", "NoInput"]),
    barged_in=st.booleans(),
    reply_gap_s=st.none() | st.integers(0, 20).map(lambda n: n / 4),  # exact in a mean
    voice_state=st.sampled_from([None, "match", "mismatch", "inconclusive"]),
)
quality = st.builds(
    VoiceQuality, snr_db=st.none() | numbers, clipping=numbers, speech_share=numbers, lost_frames=numbers
)
voiceprints = st.builds(
    Voiceprint,
    customer_id=customers,
    model_id=texts,
    embeddings=st.integers(1, 6).flatmap(
        lambda n: st.lists(st.tuples(*[numbers] * n), min_size=1, max_size=3).map(tuple)
    ),
    net_speech_s=numbers,
    quality=quality,
    enrolled_at=stamps,
    consent_id=st.sampled_from([None, "C-1", "C-2"]),
    calm=st.lists(numbers, max_size=4).map(tuple),
    added=st.integers(0, 1),
)
decisions = st.builds(
    VoiceDecision,
    state=st.sampled_from(VoiceState),
    reason=st.none() | st.sampled_from(VoiceReason),
    score=st.none() | numbers,
    llr=st.none() | numbers,
    net_speech_s=numbers,
    accept_limit=numbers,
    reject_limit=numbers,
    model_id=texts,
    calibration_id=texts,
    spoof=st.lists(st.builds(SpoofSignal, st.sampled_from(SpoofKind), numbers, numbers, st.booleans()), max_size=2).map(
        tuple
    ),
)
starts = st.builds(
    AttemptStart,
    account_id=st.sampled_from([None, "A-1", "A-2", "A-3", "A-9"]),
    customer_id=st.sampled_from([None, "C-1", "C-9"]),
    flow=texts,
    script_version=texts,
    direction=st.sampled_from(["outbound", "inbound", "sideways"]),
    number_hash=texts,
    driver=texts,
    planned_at=stamps,
    campaign_id=st.sampled_from([None, "nov", "none"]),
    timezone=st.sampled_from([None, "Europe/Berlin"]),
)
progresses = st.builds(
    AttemptProgress,
    sip_status=st.none() | st.integers(100, 699),
    sip_reason=st.none() | texts,
    answered_by=st.none() | st.sampled_from(AnsweredBy),
    talk_s=st.none() | st.floats(0, 600),
    recording=st.none() | texts,
    last_step=st.none() | texts,
    media=st.none() | st.dictionaries(texts, numbers, max_size=2),
)
consents = st.builds(
    Consent,
    customer_id=customers,
    purpose=st.sampled_from(["voiceprint", "marketing"]),
    basis=st.sampled_from(["spoken", "written", "guessed"]),
    text_version=texts,
    granted=st.none() | st.booleans(),
    at=stamps,
    evidence=details,
)
checks = st.builds(CheckRecord, step=texts, name=texts, result=texts, t=numbers, detail=details)

OPENED = AttemptStart("A-1", None, "reminder", "v", "outbound", "h", "baresip", "2026-11-22T12:00:00+00:00")


def call(name: str, *arguments: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[str, tuple[object, ...]]]:
    return st.tuples(st.just(name), st.tuples(*arguments))


sketches = st.builds(
    VoiceSketch,
    customer_id=st.sampled_from(["C-1", "C-2"]),
    made_at=st.integers(0, 60).map(lambda days: iso(NOW - timedelta(days=days))),
    peaks=st.binary(max_size=8),
)
operations = st.one_of(
    call("open_attempt", starts),
    call("open_attempt", starts),
    call("progress", attempts, progresses),
    call("set_voice", attempts, decisions),
    call("add_comparison", attempts, st.builds(VoiceComparison, numbers, decisions, st.none() | numbers)),
    call("add_turn", attempts, turns),
    call("add_check", attempts, checks),
    call("add_warning", attempts, customers, warnings),
    call("close_attempt", attempts, outcomes),
    call("add_consent", st.none() | attempts, consents),
    call("consent", customers, st.sampled_from(["voiceprint", "marketing"])),
    call("consent_id", customers, st.sampled_from(["voiceprint", "marketing"])),
    call("save_voiceprint", voiceprints),
    call("voiceprint", customers),
    call("save_sketch", sketches, st.sampled_from([1, 30]), st.sampled_from([1, 3])),
    call("sketches", customers, st.sampled_from([1, 30])),
    call("account", st.sampled_from(["A-1", "A-9"])),
    call("account_by_number", st.sampled_from(["+15550101001", "sip:anna@x", "no"])),
    call("call", attempts),
    call("recover"),
)


def answer(store: object, name: str, arguments: tuple[object, ...]) -> object:
    method: Callable[..., object] = getattr(store, name)
    try:
        return method(*arguments)
    except StorageError:
        return StorageError


def on_both(run: Callable[[MemoryStore, SqliteStore], None]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "v.db"
        with open_store(path, secret=b"memory", clock=lambda: NOW) as sqlite:
            sqlite.db._db.execute("PRAGMA synchronous = OFF")  # speed: nothing is killed here
            memory = MemoryStore(clock=lambda: NOW)
            for store in (memory, sqlite):
                store.put_accounts(ACCOUNTS)
                store.add_campaign("nov", "November", "reminder")
            run(memory, sqlite)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(operations, min_size=6, max_size=24))
def test_any_calls_in_any_order(steps):
    def run(memory: MemoryStore, sqlite: SqliteStore) -> None:
        begin = [("open_attempt", (OPENED,)), ("open_attempt", (dataclasses.replace(OPENED, account_id=None),))]
        for name, arguments in [*begin, *steps]:
            assert answer(memory, name, arguments) == answer(sqlite, name, arguments), name
        for attempt in range(1, 25):
            assert answer(memory, "call", (attempt,)) == answer(sqlite, "call", (attempt,))

    on_both(run)


def test_repeated_warnings_revocation_and_recovery():
    """What random calls seldom meet, in a row."""
    first, other = WarningRaised(CODES[0], "first", {"n": 1}), WarningRaised(CODES[0], "other", {"n": 2})
    yes = Consent("C-1", "voiceprint", "spoken", "v", True, "2026-11-22T12:00:00+00:00")
    print_ = Voiceprint("C-1", "m", ((1.0, 0.0),), 10.0, VoiceQuality(), "2026-11-22T12:00:00+00:00", "C-1")
    steps = [
        *[("open_attempt", (dataclasses.replace(OPENED, account_id=a),)) for a in ("A-1", "A-2", "A-3", "A-1", None)],
        *[("add_warning", (1, "C-1", first)), ("add_warning", (1, "C-1", other)), ("add_warning", (3, "C-1", other))],
        *[("save_voiceprint", (print_,)), ("add_consent", (1, yes)), ("save_voiceprint", (print_,))],
        *[("add_consent", (1, dataclasses.replace(yes, granted=g))) for g in (None, True)],
        *[("voiceprint", ("C-1",)), ("add_consent", (1, dataclasses.replace(yes, granted=False)))],
        *[("voiceprint", ("C-1",)), ("progress", (1, AttemptProgress(last_step="")))],
        *[("add_turn", (n, Turn("said", "p", "t", 0.0, 1.0))) for n in (1, 2)],
        *[("close_attempt", (3, Outcome(Disposition.BUSY, warnings=(first, other)))), ("recover", ()), ("recover", ())],
    ]

    def run(memory: MemoryStore, sqlite: SqliteStore) -> None:
        for name, arguments in steps:
            assert answer(memory, name, arguments) == answer(sqlite, name, arguments), (name, arguments)
        for attempt in range(1, 6):
            assert answer(memory, "call", (attempt,)) == answer(sqlite, "call", (attempt,))
        assert [memory.call(n).outcome.last_step for n in (1, 2)] == ["", "said"]
        assert [w.reason for w in memory.call(1).warnings + memory.call(3).warnings] == ["first", "other"]

    on_both(run)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(outcomes, st.lists(turns, max_size=3), decisions, voiceprints)
def test_outcome_turns_and_voiceprint_come_back_as_they_went_in(outcome, said, decision, voiceprint):
    voiceprint = dataclasses.replace(voiceprint, customer_id="C-2", consent_id=None)
    start = AttemptStart("A-2", "C-2", "f", "v", "outbound", "h", "baresip", "2026-11-22T12:00:00+00:00")

    def run(memory: MemoryStore, sqlite: SqliteStore) -> None:
        for store in (memory, sqlite):
            store.save_voiceprint(voiceprint)
            assert store.voiceprint("C-2") == voiceprint
            attempt = store.open_attempt(start)
            for turn in said:
                store.add_turn(attempt, turn)
            store.set_voice(attempt, decision)
            assert store.close_attempt(attempt, outcome)
            record = store.call(attempt)
            assert (record.start, record.turns, record.voice) == (start, tuple(said), decision)
            for name in ("appointment", "callback_at"):  # a local time is UTC for this customer
                at = getattr(outcome, name)
                assert getattr(record.outcome, name) == (at.replace(tzinfo=at.tzinfo or UTC) if at else None)
            left_out = {"appointment": None, "callback_at": None, "warnings": ()}
            assert dataclasses.replace(record.outcome, **left_out) == dataclasses.replace(outcome, **left_out)
            assert {w.code for w in record.warnings} == {w.code.value for w in outcome.warnings}

    on_both(run)


@pytest.mark.parametrize("value", [Decimal("1.50"), date(2026, 1, 2), time(9, 30), float("inf")])
def test_a_detail_that_is_no_json_is_kept_as_text_or_left_unknown(value):
    start = AttemptStart("A-1", None, "f", "v", "outbound", "h", "baresip", "2026-11-22T12:00:00+00:00")

    def run(memory: MemoryStore, sqlite: SqliteStore) -> None:
        for store in (memory, sqlite):
            attempt = store.open_attempt(start)
            store.add_check(attempt, CheckRecord("s", "n", "passed", 1.0, {"x": value}))
            kept = store.call(attempt).checks[0].detail
            assert kept == {"x": None if isinstance(value, float) else str(value)}

    on_both(run)
