"""The state of the trunks on the console and at the health check; who calls us, and what was turned away."""

from __future__ import annotations

from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from storage.db import open_reader
from voicebot.model.trunk import SourceState, Traffic, TrunkState
from voicebot.web.app import make_app
from voicebot.web.live import LiveFeed

from .conftest import TOKEN, ReadCalls

STATES = [TrunkState("trunk-1", False, False, 9, 2, 1), TrunkState("spare", True)]
TRAFFIC = Traffic(
    (SourceState("192.0.2.10", 12, 3, 40, 0, 37.6), SourceState("2001:db8::1", 1, 0, 0, 0, None)),
    {"strangers": 0, "calls_limited": 3, "no_line": 5},
)


async def traffic() -> Traffic:
    return TRAFFIC


async def test_health_and_page_tell_how_the_trunks_are(database: Path, recordings: Path, live: LiveFeed) -> None:
    with open_reader(database) as reader:
        app = make_app(ReadCalls(reader), live, TOKEN, recordings, lambda: STATES)
        async with TestClient(TestServer(app)) as client:
            health = await (await client.get("/healthz")).json()
            assert health["trunks"] == [
                {"name": "trunk-1", "healthy": False, "registered": False},
                {"name": "spare", "healthy": True, "registered": None},
            ]
            client.session.headers["Authorization"] = f"Bearer {TOKEN}"
            page = await (await client.get("/")).text()
            assert "trunk-1: unhealthy, not registered" in page
            assert "spare: healthy</span>" in page


async def test_who_calls_us_and_what_was_turned_away(database: Path, recordings: Path, live: LiveFeed) -> None:
    with open_reader(database) as reader:
        app = make_app(ReadCalls(reader), live, TOKEN, recordings, lambda: STATES, traffic)
        async with TestClient(TestServer(app)) as client:
            assert (await client.get("/api/carriers")).status == 401
            client.session.headers["Authorization"] = f"Bearer {TOKEN}"
            told = await (await client.get("/api/carriers")).json()
            assert told["trunks"][0] == {
                **{"name": "trunk-1", "healthy": False, "registered": False},
                **{"dialled": 9, "refused": 2, "silent": 1},
            }
            assert told["sources"][0] == {
                **{"source": "192.0.2.10", "calls": 12, "refused": 3, "others": 40, "others_refused": 0, "left": 37.6}
            }
            assert told["turned_away"] == {"strangers": 0, "calls_limited": 3, "no_line": 5}
            page = " ".join((await (await client.get("/")).text()).split())
            row = "<tr><td>{}</td>" + '<td class="number">{}</td>' * 3
            assert row.format("trunk-1", 9, 2, 1) in page
            assert row.format("192.0.2.10", 12, 3, 40) + '<td class="number">0</td><td class="number">37</td>' in page
            assert "any number" in page
            assert "strangers 0, calls limited 3, no line 5." in page
