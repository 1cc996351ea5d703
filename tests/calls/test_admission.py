"""Who may send us SIP, how often, and how many calls: at the wire, on both drivers. 127.0.0.2 is somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.bots import bot_settings, example_database, no_models
from tests.support.far_end import NUMBER, bot_line, far_end
from tests.support.idle import tasks, udp_ports, until
from tests.support.pyvoip_bot import pyvoip
from tests.support.sip_source import Source, retry_after, tag_of
from voicebot.app import Application
from voicebot.errors import AdmissionError
from voicebot.settings import TrunkSettings
from voicebot.signaling import baresip_native, rate
from voicebot.signaling.sip_guard import SipGuard

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]
NOWHERE = "127.0.0.1:9"
Bot = Callable[..., AbstractAsyncContextManager[Any]]


@pytest.fixture(params=["baresip", "pyvoip"])
def bot(request: pytest.FixtureRequest) -> Bot:
    """The driver alone; `legs` are its inbound calls."""
    return bot_line if request.param == "baresip" else pyvoip


@pytest.fixture
def in_driver_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """As where the kernel takes no filter."""
    monkeypatch.setattr(SipGuard, "_apply", lambda *_: None)


@asynccontextmanager
async def bank(folder: Path, monkeypatch: pytest.MonkeyPatch, **telephony: object) -> AsyncIterator[Any]:
    """A whole bot without models: (application, far end)."""
    no_models(monkeypatch)
    async with far_end() as far:
        settings = bot_settings(folder, far.server, **telephony)
        example_database(settings)
        async with Application(settings) as application:
            idle = udp_ports(), tasks()
            yield application, far, settings.telephony
            await until(lambda: application.supervisor.live == 0, "the calls' end")
            for phone in far.phones:
                await phone.close()
            await until(lambda: (udp_ports(), tasks()) == idle, "idle")


# -- the cap ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("driver", ["baresip", "pyvoip"])
async def test_over_the_cap_503_says_when_to_call_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    one_line = {"driver": driver, "max_calls": 1, "retry_after_s": 7}
    async with bank(tmp_path, monkeypatch, **one_line) as (application, far, telephony):
        supervisor = application.supervisor
        status, phone = await far.call(telephony)
        assert status == 200
        async with Source("127.0.0.2", telephony.port) as caller:
            for _ in range(3):
                status, text = await caller.ask("INVITE")
                assert (status, retry_after(text)) == (503, 7)
            with pytest.raises(AdmissionError) as error:
                await supervisor.dial("A-1001", "reminder")
            assert error.value.retry_after_s == 7
            assert "try again in 7 s" in str(error.value)
            assert (supervisor.refused, supervisor.live) == (3, 1)
            await phone.hang_up()
            await until(lambda: supervisor.live == 0, "the line is free again")
        status, phone = await far.call(telephony)
        assert status == 200
        await phone.hang_up()


@pytest.mark.parametrize("driver", ["baresip", "pyvoip"])
async def test_a_call_that_comes_while_draining_gets_503(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    async with bank(tmp_path, monkeypatch, driver=driver, retry_after_s=9) as (application, far, telephony):
        supervisor = application.supervisor
        status, phone = await far.call(telephony)
        assert status == 200
        draining = asyncio.create_task(supervisor.drain(30))
        async with Source("127.0.0.1", telephony.port) as caller:
            status, text = await caller.ask("INVITE")
            assert (status, retry_after(text)) == (503, 9)
            assert (await caller.ask("OPTIONS"))[0] == 200
        assert supervisor.refused == 1
        with pytest.raises(AdmissionError) as error:
            await supervisor.dial("A-1001", "reminder")
        assert error.value.retry_after_s == 9
        assert not phone.ended
        await phone.hang_up()
        await draining


async def test_a_driver_that_drains_refuses_with_503_too(bot: Bot) -> None:
    async with bot(NOWHERE, retry_after_s=9) as line, Source("127.0.0.1", line.port) as caller:
        await line.signaling.drain()
        status, text = await caller.ask("INVITE")
        assert (status, retry_after(text)) == (503, 9)
        assert line.legs.empty()
        assert line.signaling.turned_away.no_room == 1
        with pytest.raises(AdmissionError) as error:
            await line.signaling.dial(NUMBER)
        assert error.value.retry_after_s == 9


@pytest.mark.parametrize("status", [403, 404, 480, 486, 503, 603])
async def test_a_leg_is_refused_with_any_status(bot: Bot, status: int) -> None:
    async with far_end() as far, bot(far.server) as line:
        calling = asyncio.create_task(far.call(line))
        leg = await line.legs.get()
        await leg.reject(status)
        got, phone = await calling
        assert got == status
        assert leg.ended is not None
        assert leg.ended.by == "bot"
        final = next(entry.raw for entry in phone.ladder.entries if entry.name.startswith(str(status)))
        assert retry_after(final) == (10 if status == 503 else None)
        await until(lambda: phone.ladder.holds(("INVITE", str(status), "ACK")), "the ACK")


# -- who ------------------------------------------------------------------------------------------------------------


async def test_nothing_of_a_stranger_is_served_or_answered(bot: Bot) -> None:
    """Dropped in the kernel; the carrier beside it is served."""
    async with bot(NOWHERE, carriers=("127.0.0.3", "127.0.1.0/24")) as line:
        async with Source("127.0.0.2", line.port) as stranger:
            for method in ("INVITE", "OPTIONS", "REGISTER", "BYE"):
                stranger.begin(method)
            await asyncio.sleep(0.3)
            assert stranger.heard == []
        assert line.legs.empty()
        assert line.signaling.turned_away.kernel == 4
        for host in ("127.0.0.3", "127.0.1.77", "127.0.0.1"):  # the last: our trunk
            async with Source(host, line.port) as carrier:
                assert (await carrier.ask("OPTIONS"))[0] == 200
        async with Source("127.0.0.3", line.port) as carrier:
            call_id = carrier.begin("INVITE")
            await (await line.legs.get()).reject(404)
            assert (await carrier.answer(call_id))[0] == 404


@pytest.mark.usefixtures("in_driver_only")
async def test_without_the_kernel_the_driver_drops_strangers(bot: Bot) -> None:
    async with bot(NOWHERE, carriers=("127.0.0.3",)) as line, Source("127.0.0.2", line.port) as stranger:
        for method in ("INVITE", "OPTIONS", "REGISTER"):
            stranger.begin(method)
        await until(lambda: line.signaling.turned_away.strangers == 3, "three strangers counted")
        assert stranger.heard == []
        assert line.legs.empty()
        async with Source("127.0.0.3", line.port) as carrier:
            assert (await carrier.ask("OPTIONS"))[0] == 200


async def test_a_stranger_cannot_even_connect_by_tcp() -> None:
    trunk = TrunkSettings(server=NOWHERE, transport="tcp")
    async with bot_line(NOWHERE, trunk, carriers=("127.0.0.3",)) as line:
        with pytest.raises(TimeoutError):
            async with Source("127.0.0.2", line.port, tcp=True):
                pass
        async with Source("127.0.0.3", line.port, tcp=True) as carrier:
            assert (await carrier.ask("OPTIONS"))[0] == 200
        assert line.signaling.turned_away.kernel >= 1


async def test_with_another_stack_than_is_known_the_kernel_still_keeps_strangers_out(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(baresip_native, "VERSION", b"4.11.0")
    async with bot_line(NOWHERE, carriers=("127.0.0.3",), calls_per_s=0.01, burst=1) as line:
        assert "another than 4.11.0" in caplog.text
        async with Source("127.0.0.2", line.port) as stranger, Source("127.0.0.3", line.port) as carrier:
            stranger.begin("OPTIONS")
            for _ in range(5):  # not limited
                assert (await carrier.ask("OPTIONS"))[0] == 200
            assert stranger.heard == []
            call_id = carrier.begin("INVITE")
            await (await line.legs.get()).reject(503)
            status, text = await carrier.answer(call_id)
            assert (status, retry_after(text)) == (503, 10)


# -- how often --------------------------------------------------------------------------------------------------------


async def test_a_source_over_its_rate_gets_503_and_others_are_served(bot: Bot) -> None:
    async with bot(NOWHERE, calls_per_s=0.5, burst=2, retry_after_s=4) as line:
        async with Source("127.0.0.2", line.port) as hasty:
            for _ in range(2):
                call_id = hasty.begin("INVITE")
                await (await line.legs.get()).reject()
                assert (await hasty.answer(call_id))[0] == 486
            status, text = await hasty.ask("INVITE")
            assert (status, retry_after(text)) == (503, 4)
            assert line.legs.empty()
            assert line.signaling.turned_away.calls_limited == 1
            assert (await hasty.ask("OPTIONS"))[0] == 200
            assert line.signaling.turned_away.others_limited == 0
        await asyncio.sleep(2.1)  # newcomers share one allowance
        async with Source("127.0.0.3", line.port) as calm:
            call_id = calm.begin("INVITE")
            await (await line.legs.get()).reject()
            assert (await calm.answer(call_id))[0] == 486


async def test_a_request_sent_again_counts_once() -> None:
    """Over UDP every message may come twice: an INVITE in its transaction, admitted or refused."""
    async with bot_line(NOWHERE, calls_per_s=0.01, burst=1) as line, Source("127.0.0.2", line.port) as caller:
        first = caller.request("INVITE", "one", branch="z9hG4bKone")
        for _ in range(3):
            caller.send(first)
        leg = await line.legs.get()
        assert line.signaling.turned_away.calls_limited == 0
        second = caller.request("INVITE", "two", branch="z9hG4bKtwo")
        for _ in range(3):
            caller.send(second)
        status, text = await caller.answer("two")
        assert (status, retry_after(text)) == (503, 10)
        await until(lambda: len(caller.answers("two")) >= 3, "an answer to each of them")
        caller.send(caller.request("ACK", "two", branch="z9hG4bKtwo", to_tag=tag_of(text)))
        assert line.signaling.turned_away.calls_limited == 1
        await leg.reject()
        status, text = await caller.answer("one")
        assert status == 486
        caller.send(caller.request("ACK", "one", branch="z9hG4bKone", to_tag=tag_of(text)))
        assert line.legs.empty()


async def test_a_flood_of_options_starves_no_call(bot: Bot) -> None:
    """5,000 from the very address that then calls, and goes on while the call is on: it is dropped in the kernel."""
    async with bot(NOWHERE) as line, Source("127.0.0.2", line.port) as flood:
        async with Source("127.0.0.2", line.port) as caller:
            for i in range(5000):
                flood.begin("OPTIONS")
                if i % 100 == 0:
                    await asyncio.sleep(0.005)
            call_id = caller.begin("INVITE")
            async with asyncio.timeout(1):
                leg = await line.legs.get()
            await leg.reject()
            assert (await caller.answer(call_id))[0] == 486
        counts = line.signaling.turned_away
        assert len([text for text in flood.heard if text.startswith("SIP/2.0 200")]) <= 60
        assert counts.others_limited >= 1
        assert counts.kernel > 1000, counts
        assert counts.calls_limited == 0


async def test_a_flood_of_calls_leaves_the_running_call_of_the_same_carrier(bot: Bot) -> None:
    async with bot(NOWHERE, calls_per_s=5, burst=5) as line, Source("127.0.0.2", line.port) as carrier:
        call_id = carrier.begin("INVITE")
        leg = await line.legs.get()
        answering = asyncio.create_task(leg.answer())
        status, text = await carrier.answer(call_id)
        assert status == 200
        carrier.send(carrier.request("ACK", call_id, to_tag=tag_of(text)))
        await answering
        async with Source("127.0.0.2", line.port) as flood:
            refusing = asyncio.create_task(_refuse_all(line.legs))
            for i in range(3000):
                flood.begin("INVITE")
                if i % 50 == 0:
                    await asyncio.sleep(0.005)
            counts = line.signaling.turned_away
            assert counts.calls_limited > 100
            assert counts.kernel > 500, counts
            carrier.send(carrier.request("BYE", call_id, to_tag=tag_of(text), cseq=2))
            await until(lambda: leg.ended is not None, "the BYE was heard")
            assert leg.ended.by == "caller"
            await asyncio.sleep(0.5)
            refusing.cancel()


async def test_a_flood_from_everywhere_spares_the_carrier_that_was_there_before(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate, "PROBATION_S", 0.5)
    async with AsyncExitStack() as stack:
        line = await stack.enter_async_context(bot(NOWHERE))
        carrier = await stack.enter_async_context(Source("127.0.0.3", line.port))
        hosts = [f"127.0.2.{i}" for i in range(1, 201)]
        flood = [await stack.enter_async_context(Source(host, line.port)) for host in hosts]
        first = carrier.begin("INVITE")
        await (await line.legs.get()).reject()
        assert (await carrier.answer(first))[0] == 486
        await asyncio.sleep(0.6)
        seen: list[str] = []
        refusing = asyncio.create_task(_refuse_all(line.legs, seen))
        for _ in range(20):
            for source in flood:
                source.begin("INVITE")
            await asyncio.sleep(0.02)
        assert line.signaling.turned_away.kernel > 1000, line.signaling.turned_away
        assert len(seen) <= 60
        second = carrier.begin("INVITE")
        assert (await carrier.answer(second))[0] == 486
        refusing.cancel()


async def _refuse_all(legs: asyncio.Queue[Any], seen: list[str] | None = None) -> None:
    while True:
        leg = await legs.get()
        if seen is not None:
            seen.append(leg.remote)
        await leg.reject()
