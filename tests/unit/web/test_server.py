"""Starting and stopping."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest

from storage.db import open_reader
from voicebot.errors import SettingsError
from voicebot.web.app import make_app
from voicebot.web.live import LiveFeed
from voicebot.web.server import ConsoleServer

from .conftest import TOKEN, ReadCalls


async def test_it_listens_until_the_block_ends(database: Path, tmp_path: Path) -> None:
    with open_reader(database) as reader:
        app = make_app(ReadCalls(reader), LiveFeed(), TOKEN, tmp_path)
        async with aiohttp.ClientSession() as http:
            async with ConsoleServer(app, "127.0.0.1", 0) as server:
                url = server.url
                async with http.get(url + "healthz") as answer:
                    assert answer.status == 200
            with pytest.raises(aiohttp.ClientConnectorError):
                await http.get(url + "healthz")


async def test_a_port_in_use_is_said_with_what_to_do(database: Path, tmp_path: Path) -> None:
    with open_reader(database) as reader:
        reads = ReadCalls(reader)
        async with ConsoleServer(make_app(reads, LiveFeed(), TOKEN, tmp_path), "127.0.0.1", 0) as first:
            port = int(first.url.rstrip("/").rsplit(":", 1)[1])
            with pytest.raises(SettingsError, match="port"):
                await ConsoleServer(make_app(reads, LiveFeed(), TOKEN, tmp_path), "127.0.0.1", port).__aenter__()


async def test_a_log_never_holds_the_token(database: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    with open_reader(database) as reader:
        app = make_app(ReadCalls(reader), LiveFeed(), TOKEN, tmp_path)
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of a host that is an address
        async with (
            ConsoleServer(app, "127.0.0.1", 0) as server,
            aiohttp.ClientSession(cookie_jar=jar) as http,
            http.get(server.url, params={"token": TOKEN}) as answer,
        ):
            assert (answer.status, answer.url.query_string) == (200, "")
    assert TOKEN not in caplog.text


async def test_an_address_others_can_reach_is_warned_of(
    database: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("voicebot.web.server._loopback", lambda address: False)
    with open_reader(database) as reader:
        async with ConsoleServer(make_app(ReadCalls(reader), LiveFeed(), TOKEN, tmp_path), "127.0.0.1", 0):
            assert "TLS" in caplog.text
