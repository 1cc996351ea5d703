"""The notice about emotion: what was stored before, what is stored now, and the switch it follows."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

import pytest

from storage.memory import MemoryStore
from tests.unit.flow.helpers import ACCOUNT
from voicebot.app import emotion_use
from voicebot.call.emotion_notice import EmotionNotice, stored_answer
from voicebot.call.kit import Kit
from voicebot.call.reporter import Reporter
from voicebot.flow.checks import EmotionUse, Told
from voicebot.model.records import Consent
from voicebot.scoring.config_cases import EmotionSettings

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore([ACCOUNT])


@pytest.fixture
def kit(store: MemoryStore) -> Iterator[Kit]:
    with ThreadPoolExecutor(1) as pool:
        workers = SimpleNamespace(storage=pool)
        made = SimpleNamespace(store=store, workers=workers, script_version="abc", emotion=EmotionUse.CONSENT)
        yield cast("Kit", made)


def test_notice_and_answers_are_stored_once_each(kit: Kit) -> None:
    stored: list[Consent] = []
    notice = EmotionNotice(kit, ACCOUNT, cast("Reporter", SimpleNamespace(consent=stored.append)))
    told: dict[str, object] = {"emotion_told": True}
    for facts in ({}, told, told, {**told, "consent_emotion": False}, {**told, "consent_emotion": False}):
        notice.facts(facts, "consent_emotion.ask", 31.234, NOW)
    assert [(c.purpose, c.basis, c.granted) for c in stored] == [
        ("emotion", "spoken", None),
        ("emotion", "spoken", False),
    ]
    assert stored[0].evidence == {"step": "consent_emotion.ask", "t": 31.23}


@pytest.mark.parametrize(("granted", "known"), [(True, Told.GRANTED), (False, Told.REFUSED), (None, Told.TOLD)])
async def test_what_was_stored_is_known_in_the_next_call(
    kit: Kit, store: MemoryStore, granted: bool | None, known: Told
) -> None:
    assert await stored_answer(kit, ACCOUNT) is Told.NOT
    store.add_consent(None, Consent("C-1", "emotion", "spoken", "abc", granted, NOW.isoformat()))
    assert await stored_answer(kit, ACCOUNT) is known
    assert await stored_answer(kit, None) is Told.NOT


def test_what_judges_is_what_tells() -> None:
    assert emotion_use(EmotionSettings()) is EmotionUse.OFF
    assert emotion_use(EmotionSettings(enabled=True)) is EmotionUse.CONSENT
    assert emotion_use(EmotionSettings(enabled=True, consent=False)) is EmotionUse.NOTICE
