"""The SIP server is not there: nobody listens (the machine says so), or somebody who says nothing."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from tests.support.bots import bot_settings, example_database, no_models
from tests.support.far_end import NUMBER, bot_line
from voicebot.app import Application
from voicebot.demo.simulator import free_port
from voicebot.errors import CallRefused, TrunkError
from voicebot.model.outcome import Disposition
from voicebot.settings import TrunkSettings
from voicebot.signaling import baresip_trunk

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]

RING_S = 1.5


@pytest.fixture(params=["nobody listens", "nobody answers"])
def server(request: pytest.FixtureRequest) -> Iterator[str]:
    """HOST:PORT where no SIP server is."""
    if request.param == "nobody listens":
        yield f"127.0.0.1:{free_port()}"
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{deaf.getsockname()[1]}"


async def test_a_call_ends_in_the_time_of_ringing(server: str) -> None:
    async with bot_line(server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        began = monotonic()
        with pytest.raises(CallRefused) as refused:
            await leg.wait_answered(RING_S)
        assert monotonic() - began < RING_S + 1
        assert refused.value.status is None
        assert leg.ended is not None
        assert leg.ended.by == "bot"


@pytest.mark.parametrize("session_expires_s", [0, 1800])
async def test_an_invite_without_an_answer_is_sent_again_as_it_was(session_expires_s: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.setblocking(False)
        loop = asyncio.get_running_loop()
        server = f"127.0.0.1:{deaf.getsockname()[1]}"
        async with bot_line(server, session_expires_s=session_expires_s) as bot:
            leg = await bot.signaling.dial(NUMBER)
            waiting = asyncio.ensure_future(leg.wait_answered(RING_S + 1))
            sent = [await asyncio.wait_for(loop.sock_recv(deaf, 4096), 3) for _ in range(3)]
            with pytest.raises(CallRefused):
                await waiting
    assert sent[0].startswith(b"INVITE ")
    assert (b"Session-Expires: 1800" in sent[0]) == (session_expires_s > 0)
    assert sent[1:] == sent[:1] * 2  # RFC 3261 section 17.1.1.2


async def test_a_registration_ends_in_time(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(baresip_trunk, "REGISTER_TIMEOUT_S", RING_S)
    began = monotonic()
    with pytest.raises(TrunkError, match="did not answer") as error:
        async with bot_line(server, TrunkSettings.model_validate({"server": server, "register": True})):
            pass
    assert monotonic() - began < RING_S + 1.5
    assert "trunk.server" in error.value.hint


async def test_the_attempt_has_one_outcome(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    no_models(monkeypatch)
    settings = bot_settings(tmp_path, server, ring_timeout_s=RING_S)
    example_database(settings)
    async with Application(settings) as application:
        began = monotonic()
        result = await application.supervisor.dial("A-1001", "reminder")
        assert monotonic() - began < RING_S + 5
        assert result.outcome.disposition is Disposition.FAILED
        assert result.outcome.error == "network"
        store = application.kit.store
        record = await asyncio.to_thread(store.call, result.attempt_id)  # type: ignore[attr-defined]
        assert record.outcome == result.outcome
        assert record.progress.sip_status is None
        assert record.progress.answered_at is None
        assert record.progress.recording is None
        assert application.supervisor.live == 0


async def test_a_start_that_fails_leaves_nothing_behind(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a refused registration the same process can start again: no SIP thread, no lock on the database is left."""
    no_models(monkeypatch)
    monkeypatch.setattr(baresip_trunk, "REGISTER_TIMEOUT_S", 0.5)
    settings = bot_settings(tmp_path, server)
    refused = settings.model_copy(update={"trunk": settings.trunk.model_copy(update={"register_trunk": True})})
    with pytest.raises(TrunkError):
        async with Application(refused):
            pass
    async with Application(settings) as application:
        assert application.supervisor.live == 0


async def test_a_taken_port_is_a_clear_error() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(TrunkError, match="cannot start") as error:
            async with bot_line("127.0.0.1:9", port=taken.getsockname()[1]):
                pass
    assert "telephony.port" in error.value.hint
