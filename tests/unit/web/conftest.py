"""A console over a real database with two calls, and a client of it."""

from __future__ import annotations

import wave
from collections.abc import AsyncIterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from storage.db import Reader, open_reader, open_store
from storage.records import CallFilter, CallRecord, CallSummary
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
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Turn
from voicebot.model.voice import VoiceComparison, VoiceDecision, VoiceReason, VoiceState
from voicebot.web.app import make_app
from voicebot.web.live import LiveFeed

TOKEN = "a-token-of-good-length"
HOSTILE = "<script>alert('x')</script> & {{ 7*7 }}"
MATCH = VoiceDecision(VoiceState.MATCH, None, 0.81, 4.9, 6.2, 4.6, -4.6, "ecapa", "default")
UNSURE = VoiceDecision(
    VoiceState.INCONCLUSIVE, VoiceReason.NOT_ENOUGH_SPEECH, None, None, 0.4, 4.6, -4.6, "ecapa", "default"
)


class ReadCalls:
    """What the composition root puts between the storage's reader and the console."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def calls(self, limit: int, disposition: Disposition | None) -> Sequence[CallSummary]:
        return self._reader.calls(limit, CallFilter(disposition=disposition))

    def call(self, attempt_id: int) -> CallRecord:
        return self._reader.call(attempt_id)


def _start(account_id: str, flow: str) -> AttemptStart:
    planned = "2026-11-22T12:00:00+00:00"
    return AttemptStart(account_id, None, flow, "v1", "outbound", "feed" * 16, "baresip", planned)


def fill(path: Path) -> None:
    """Attempt 1: verification, answered by hostile words. Attempt 2: a promise. Attempt 3: runs."""
    money = Decimal("12000.00"), Decimal("8400.00"), Decimal("450.00")
    loan = Loan("Online Credit", *money, date(2026, 11, 27), "USD", "house_repair", date(2026, 1, 2))
    people = [Customer(f"C-{n}", name, f"1555010{n}", date(1990, 5, 2), "4021") for n, name in enumerate(NAMES, 1)]
    with open_store(path, secret=b"k" * 32) as store:
        store.put_accounts(Account(f"A-{n}", person, loan) for n, person in enumerate(people, 1))
        first = store.open_attempt(_start("A-1", "verification"))
        store.progress(
            first,
            AttemptProgress(
                sip_status=200,
                answered_by=AnsweredBy.HUMAN,
                talk_s=9.5,
                recording="2026-11-22/1.wav",
            ),
        )
        store.add_turn(first, Turn("greet", "greet", "Am I speaking with Joe?", 0.2, 2.4, 1.1, HOSTILE, 1.6, 3.0, 0.9))
        store.add_turn(first, Turn("ask_dob", "ask_dob", "Your date of birth?", 4.0, 5.5, event="NoInput"))
        store.add_check(first, CheckRecord("check", "dob_matches", "dob_wrong", 3.5, {"heard": "two of three"}))
        store.set_voice(first, MATCH)
        store.add_comparison(first, VoiceComparison(2.9, MATCH, 0.8))
        warning = WarningRaised(WarningCode.W_V1, "voice_mismatch", {"score": 0.1})
        items = {"loan_purpose": ItemResult.UNCLEAR}
        store.close_attempt(first, Outcome(Disposition.VOICE_MISMATCH, items=items, warnings=(warning,)))
        second = store.open_attempt(_start("A-2", "reminder"))
        store.progress(second, AttemptProgress(sip_status=200, recording="../secret.wav"))
        promise = Promise(Decimal("2000.00"), date(2026, 11, 27))
        store.close_attempt(second, Outcome(Disposition.PROMISE_TO_PAY, right_party=True, promise=promise))
        store.open_attempt(_start("A-3", "invitation"))


NAMES = ("Joe <b>Miller</b>", "Anna Field", "Ron Vale")


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """The folder of recordings with attempt 1's, and a file beside it that nobody may get."""
    folder = tmp_path / "recordings"
    (folder / "2026-11-22").mkdir(parents=True)
    for path in (folder / "2026-11-22" / "1.wav", tmp_path / "secret.wav"):
        with wave.open(str(path), "wb") as out:
            out.setnchannels(2)
            out.setsampwidth(2)
            out.setframerate(8000)
            out.writeframes(bytes(3200))
    return folder


@pytest.fixture
def live() -> LiveFeed:
    """The feed the console shows."""
    return LiveFeed()


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A filled database."""
    path = tmp_path / "voicebot.db"
    fill(path)
    return path


@pytest.fixture
async def client(database: Path, recordings: Path, live: LiveFeed) -> AsyncIterator[TestClient]:
    """A client without credentials."""
    with open_reader(database) as reader:
        async with TestClient(TestServer(make_app(ReadCalls(reader), live, TOKEN, recordings))) as client:
            yield client


@pytest.fixture
async def staff(client: TestClient) -> TestClient:
    """The same client with the token."""
    client.session.headers["Authorization"] = f"Bearer {TOKEN}"
    return client
