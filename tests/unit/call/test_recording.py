"""Who refuses to be recorded: the recorder stops at once, the refusal is stored, later calls ask it first."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from storage.memory import MemoryStore
from tests.unit.flow.helpers import ACCOUNT
from voicebot.call.kit import Kit
from voicebot.call.recording import RecordingRefusal, may_record
from voicebot.call.reporter import Reporter
from voicebot.media.recorder import Recorder
from voicebot.model.portfolio import Account
from voicebot.model.records import Consent

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore([ACCOUNT])


@pytest.fixture
def kit(store: MemoryStore) -> Iterator[Kit]:
    settings = SimpleNamespace(telephony=SimpleNamespace(recording=True))
    with ThreadPoolExecutor(1) as pool:
        made = SimpleNamespace(
            store=store, workers=SimpleNamespace(storage=pool), script_version="abc", settings=settings
        )
        yield cast("Kit", made)


@pytest.mark.parametrize("account", [ACCOUNT, None])
def test_the_recorder_stops_at_once_and_the_refusal_is_stored_once(kit: Kit, account: Account | None) -> None:
    stored: list[Consent] = []
    stops: list[float] = []
    reporter = cast("Reporter", SimpleNamespace(consent=stored.append))
    watch = RecordingRefusal(kit, account, reporter, cast("Recorder", SimpleNamespace(stop=stops.append)))
    refused: dict[str, object] = {"recording_refused": True}
    seen: list[dict[str, object]] = [{}, {"greeted": True}, refused, {**refused, "reached": True}]
    for t, facts in enumerate(seen):
        watch.facts(facts, "right_party.ask", t + 0.123, NOW)
    assert stops == [2.123]
    assert [(c.customer_id, c.purpose, c.granted) for c in stored] == ([("C-1", "recording", False)] if account else [])
    assert [c.evidence for c in stored] == ([{"step": "right_party.ask", "t": 2.12}] if account else [])


def test_a_call_that_is_not_recorded_keeps_the_refusal_too(kit: Kit) -> None:
    stored: list[Consent] = []
    watch = RecordingRefusal(kit, ACCOUNT, cast("Reporter", SimpleNamespace(consent=stored.append)), None)
    watch.facts({"recording_refused": True}, "s", 1.0, NOW)
    assert [c.granted for c in stored] == [False]


async def test_later_calls_are_not_recorded_until_the_customer_agrees(kit: Kit, store: MemoryStore) -> None:
    assert await may_record(kit, ACCOUNT)
    for granted, recorded in ((False, False), (True, True), (None, True)):
        store.add_consent(None, Consent("C-1", "recording", "spoken", "abc", granted, NOW.isoformat()))
        assert await may_record(kit, ACCOUNT) is recorded
    assert await may_record(kit, None)


async def test_where_nothing_is_recorded_nobody_is_asked_for(kit: Kit) -> None:
    kit.settings.telephony.recording = False
    assert not await may_record(kit, ACCOUNT)
    assert not await may_record(kit, None)
