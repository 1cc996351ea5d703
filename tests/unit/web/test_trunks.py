"""The state of the trunks on the console and at the health check."""

from __future__ import annotations

from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from storage.db import open_reader
from voicebot.model.trunk import TrunkState
from voicebot.web.app import make_app
from voicebot.web.live import LiveFeed

from .conftest import TOKEN, ReadCalls

STATES = [TrunkState("trunk-1", False, False), TrunkState("spare", True)]


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
