"""The live feed: everything said reaches who watches, and nobody who watches can hold a call up."""

from __future__ import annotations

import asyncio
import json

from aiohttp.test_utils import TestClient

from voicebot.call.observer import CallObserver
from voicebot.model.outcome import Disposition, Outcome
from voicebot.web import live as feed
from voicebot.web.live import LiveFeed

from .conftest import MATCH, UNSURE


def talk(live: CallObserver, attempt_id: int = 7) -> None:
    live.attempt_started(attempt_id, "A-1", "reminder", "outbound")
    live.bot_says(attempt_id, "Hello.", 0.2)
    live.caller_says(attempt_id, "yes speaking", 1.4)
    live.voice_decided(attempt_id, MATCH)
    live.voice_decided(attempt_id, UNSURE)
    live.attempt_ended(attempt_id, Outcome(Disposition.HUNG_UP))


async def test_a_watcher_gets_everything_in_order() -> None:
    live = LiveFeed()
    with live.watch() as watcher:
        assert watcher is not None
        talk(live)
        events = [await watcher.next() for _ in range(6)]
    assert [e.kind for e in events if e] == ["started", "bot", "caller", "voice", "voice", "ended"]
    assert [e.state for e in events if e and e.kind == "voice"] == ["match", "inconclusive"]
    assert events[4] is not None
    assert "not enough speech" in events[4].text


async def test_who_comes_late_sees_what_was_said_so_far_in_the_calls_that_run() -> None:
    live = LiveFeed()
    talk(live, 1)  # over
    live.attempt_started(2, None, "reminder", "inbound")
    live.bot_says(2, "Good morning.", 0.2)
    with live.watch() as watcher:
        assert watcher is not None
        late = [await watcher.next(), await watcher.next()]
    assert [(e.attempt_id, e.kind) for e in late if e] == [(2, "started"), (2, "bot")]
    assert live.calls == 1


async def test_a_slow_watcher_is_dropped_and_the_others_go_on() -> None:
    live = LiveFeed()
    with live.watch() as slow, live.watch() as quick:
        assert slow is not None
        assert quick is not None
        seen = 0
        for n in range(feed.QUEUE + 50):
            live.bot_says(1, f"{n}", float(n))
            seen += (await quick.next()) is not None
        assert await slow.next() is None
        assert live.watchers == 1
    assert seen == feed.QUEUE + 50


async def test_what_is_kept_of_a_call_is_bounded() -> None:
    live = LiveFeed()
    live.attempt_started(1, None, "reminder", "inbound")
    for n in range(10_000):
        live.bot_says(1, f"{n}", float(n))
    with live.watch() as watcher:
        assert watcher is not None
        first = await watcher.next()
    assert first is not None
    assert first.text == str(10_000 - feed.BACKLOG)


async def test_too_many_watchers_are_refused(staff: TestClient, live: LiveFeed) -> None:
    watches = [live.watch() for _ in range(feed.WATCHERS)]
    for watch in watches:
        watch.__enter__()
    assert (await staff.get("/api/live")).status == 503
    for watch in watches:
        watch.__exit__(None, None, None)


async def test_the_stream_is_server_sent_events(staff: TestClient, live: LiveFeed) -> None:
    async with staff.get("/api/live") as answer:
        assert answer.content_type == "text/event-stream"
        assert answer.headers["Cache-Control"] == "no-store"
        await answer.content.readuntil(b"\n\n")
        live.attempt_started(7, "A-1", "reminder", "outbound")
        live.caller_says(7, "line one\ndata: forged\n\n", 1.0)
        blocks = [await answer.content.readuntil(b"\n\n") for _ in range(2)]
    events = [json.loads(block.removeprefix(b"data: ")) for block in blocks]
    assert [event["kind"] for event in events] == ["started", "caller"]
    assert events[1]["text"] == "line one\ndata: forged\n\n"


async def test_the_stream_ends_when_the_server_stops(staff: TestClient, live: LiveFeed) -> None:
    async with staff.get("/api/live") as answer:
        await answer.content.readuntil(b"\n\n")
        live.close()
        async with asyncio.timeout(5):
            assert await answer.content.read() == b""


async def test_a_reader_that_went_away_is_forgotten(staff: TestClient, live: LiveFeed) -> None:
    answer = await staff.get("/api/live")
    await answer.content.readuntil(b"\n\n")
    assert live.watchers == 1
    answer.close()
    async with asyncio.timeout(5):
        while live.watchers:
            live.bot_says(1, "still talking", 0.0)
            await asyncio.sleep(0.02)
