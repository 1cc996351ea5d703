"""Several trunks on the default stack: who carries the call, who is left alone, and that nobody is rung twice."""

from __future__ import annotations

import asyncio
import itertools
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import pytest

from tests.support.bots import bot_settings, example_database, no_models
from tests.support.far_end import NUMBER, far_end
from tests.support.idle import until
from tests.support.sip_peer import sip_peer
from tests.support.trunks import NO_ANSWER_S, bot_with, states, trunk
from voicebot.app import Application
from voicebot.demo.simulator import free_port
from voicebot.errors import CallNotAnswered, CallRefused, SettingsError, TrunkError
from voicebot.model.outcome import Disposition
from voicebot.model.trunk import CarriedLeg, TrunkState, WatchesTrunks
from voicebot.settings import TelephonySettings, TrunkSettings
from voicebot.signaling import baresip_trunk
from voicebot.signaling.baresip_agent import BaresipSignaling

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]


@pytest.mark.parametrize("first", [[100, 503], [500], [100, 502], [504], [408], [401], [407]])
async def test_the_next_trunk_is_tried_where_the_first_cannot(first: list[int]) -> None:
    async with sip_peer(*first) as a, sip_peer(100, 180, 200) as b, bot_with([trunk(a), trunk(b, name="spare")]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        ends: list[object] = []
        leg.on_end(ends.append)
        await leg.wait_answered(5)
        assert isinstance(leg, CarriedLeg)
        assert leg.trunk == "spare"
        assert not ends
        await leg.hang_up()
        await until(lambda: b.got("BYE"), "BYE")
        assert len(ends) == 1
        assert len(b.got("INVITE")) == 1
        # A 401 or 407 without a challenge is asked again by the stack, up to its limit against loops.
        assert len(a.got("INVITE")) == 1 or first[0] in {401, 407}
        assert a.got("ACK")


@pytest.mark.parametrize(
    ("first", "status"),
    [
        ([100, 486], 486),
        ([100, 603], 603),
        ([404], 404),
        ([100, 180, 503], 503),
        ([100, 183, 500], 500),
        ([100, 180, 408], 408),
        ([(503, "Reason: Q.850;cause=17")], 503),
        ([488], 488),
    ],
)
async def test_nobody_is_rung_twice(first: list[int | tuple[int, str]], status: int) -> None:
    async with sip_peer(*first) as a, sip_peer(100, 180, 200) as b, bot_with([trunk(a), trunk(b)]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        with pytest.raises(CallRefused) as refused:
            await leg.wait_answered(5)
        assert refused.value.status == status
        assert leg.ended is not None
        await asyncio.sleep(NO_ANSWER_S)
        assert b.requests == []


async def test_a_trunk_that_says_nothing_is_left_after_its_time() -> None:
    async with (
        sip_peer(100, 180, 200, silent={"*"}) as a,
        sip_peer(100, 180, 200) as b,
        bot_with([trunk(a), trunk(b)]) as bot,
    ):
        began = monotonic()
        leg = await bot.signaling.dial(NUMBER)
        await leg.wait_answered(5)
        assert NO_ANSWER_S <= monotonic() - began < NO_ANSWER_S + 1
        await leg.hang_up()
        assert states(bot) == [False, True]
        # The next call does not wait for it.
        before = len(a.requests)
        began = monotonic()
        leg = await bot.signaling.dial(NUMBER)
        await leg.wait_answered(5)
        assert monotonic() - began < NO_ANSWER_S
        await leg.hang_up()
        assert {r.header("Call-ID") for r in a.requests[before:]} <= {r.header("Call-ID") for r in a.requests[:before]}
        # It wakes up, hears the INVITE of the first call once more, answers, and is told that it is over.
        a.silent.clear()
        a.invite = [100, 180]
        await until(lambda: a.got("CANCEL"), "CANCEL", 8)
        assert not a.got("BYE")


async def test_a_trunk_that_only_says_100_keeps_the_call() -> None:
    async with sip_peer(100) as a, sip_peer(100, 180, 200) as b, bot_with([trunk(a), trunk(b)]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        with pytest.raises(CallRefused) as refused:
            await leg.wait_answered(NO_ANSWER_S + 1)
        assert refused.value.status is None
        assert b.requests == []
        await until(lambda: a.got("CANCEL"), "CANCEL")


async def test_a_trunk_that_rings_keeps_the_call() -> None:
    async with sip_peer(180) as a, sip_peer(200) as b, bot_with([trunk(a), trunk(b)]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        with pytest.raises(CallNotAnswered):
            await leg.wait_answered(NO_ANSWER_S + 1)
        assert b.requests == []


async def test_all_trunks_down_is_one_clear_error() -> None:
    nobody = f"127.0.0.1:{free_port()}"
    async with sip_peer(100, 503) as a, bot_with([trunk(nobody, transport="tcp"), trunk(a)]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        with pytest.raises(TrunkError, match="no trunk took the call") as error:
            await leg.wait_answered(5)
        assert error.value.status == 503
        assert error.value.retryable
        assert leg.ended is not None
        assert leg.ended.by != "bot"


async def test_given_up_while_the_second_trunk_rings() -> None:
    async with sip_peer(503) as a, sip_peer(100, 180) as b, bot_with([trunk(a), trunk(b)]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        waiting = asyncio.create_task(leg.wait_answered(10))
        await until(lambda: b.got("INVITE"), "the second trunk's INVITE")
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await leg.hang_up()
        await until(lambda: b.got("CANCEL"), "CANCEL")
        await until(lambda: leg.ended is not None, "the end")


async def test_given_up_before_the_trunk_said_anything() -> None:
    """The INVITE is out, and there is nothing yet that could be cancelled: the first answer is waited for."""
    async with sip_peer(100, 180, silent={"INVITE"}) as a, bot_with([trunk(a)]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        giving_up = asyncio.create_task(leg.hang_up())
        await until(lambda: a.got("INVITE"), "INVITE")
        a.silent.clear()  # it answers when it hears the INVITE again
        await giving_up
        await until(lambda: a.got("CANCEL"), "CANCEL")
        await until(lambda: leg.ended is not None, "the end")


async def test_given_up_while_it_is_dialled() -> None:
    async with sip_peer(100, 180) as a, bot_with([trunk(a)]) as bot:
        dialling = asyncio.create_task(bot.signaling.dial(NUMBER))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        dialling.cancel()
        assert isinstance((await asyncio.gather(dialling, return_exceptions=True))[0], asyncio.CancelledError)
        await until(lambda: a.got("INVITE") and a.got("CANCEL"), "CANCEL")


async def test_sound_goes_by_the_second_trunk() -> None:
    async with sip_peer(503) as a, far_end() as far, bot_with([trunk(a), trunk(far.server)]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        waiting = asyncio.create_task(leg.wait_answered(5))
        (await far.rings()).answer()
        await waiting
        await until(lambda: leg.write(b"\0" * 320) == 320, "sound out")
        await until(lambda: len(leg.read(320)) > 0, "sound in")
        await leg.hang_up()


async def test_calls_come_in_by_every_trunk() -> None:
    async with (
        far_end() as first,
        far_end() as second,
        bot_with([trunk(first.server, user="one"), trunk(second.server, user="two")]) as bot,
    ):
        bot.signaling.on_incoming(bot.legs.put_nowait)
        for far, user in ((first, "one"), (second, "two"), (second, "15550109999")):
            calling = asyncio.create_task(far.call(bot, number=user))
            leg = await asyncio.wait_for(bot.legs.get(), 5)
            await leg.answer()
            status, _ = await calling
            assert status == 200
            await leg.hang_up()


async def test_options_make_unhealthy_and_healthy_again() -> None:
    often = {"options_s": 0.2, "no_answer_s": 0.15, "options_misses": 2}
    async with (
        sip_peer(200) as a,
        sip_peer(200, transport="tcp") as b,
        bot_with([trunk(a, **often), trunk(b, **often)]) as bot,
    ):
        await until(lambda: a.got("OPTIONS") and b.got("OPTIONS"), "OPTIONS to both")
        assert states(bot) == [True, True]
        a.silent.add("OPTIONS")
        await until(lambda: states(bot) == [False, True], "the miss is seen")
        leg = await bot.signaling.dial(NUMBER)
        await leg.wait_answered(5)
        await leg.hang_up()
        assert a.got("INVITE") == []
        assert len(b.got("INVITE")) == 1
        b.silent.add("OPTIONS")
        await until(lambda: states(bot) == [False, False], "both are down")
        leg = await bot.signaling.dial(NUMBER)  # none is healthy: all are tried, in order
        await leg.wait_answered(5)
        await leg.hang_up()
        assert len(a.got("INVITE")) == 1
        a.silent.clear()
        await until(lambda: states(bot)[0], "the first answer heals")
        assert {request.header("Via").split()[0] for request in b.got("OPTIONS")} == {"SIP/2.0/TCP"}


async def test_retry_after_is_a_rest() -> None:
    async with sip_peer((503, "Retry-After: 30")) as a, sip_peer(200) as b, bot_with([trunk(a), trunk(b)]) as bot:
        for _ in range(2):
            leg = await bot.signaling.dial(NUMBER)
            await leg.wait_answered(5)
            await leg.hang_up()
            await until(lambda: states(bot) == [False, True], "the rest")
        assert len(a.got("INVITE")) == 1
        assert len(b.got("INVITE")) == 2


# --- registration ------------------------------------------------------------------------------------------------


async def test_a_registration_that_fails_does_not_keep_the_server_from_starting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(baresip_trunk, "retry_pause_s", lambda failures: 0.2 * failures)
    async with sip_peer(others={"REGISTER": [403]}) as a, sip_peer(100, 180, 200) as b:
        async with bot_with([trunk(a, register=True), trunk(b)]) as bot:
            assert bot.signaling.trunks() == (TrunkState("trunk-1", False, False), TrunkState("trunk-2", True, None))
            leg = await bot.signaling.dial(NUMBER)
            await leg.wait_answered(5)
            await leg.hang_up()
            assert a.got("INVITE") == []
            await until(lambda: len(a.got("REGISTER")) >= 3, "tried again")
            a.others["REGISTER"] = [200]
            await until(lambda: states(bot) == [True, True], "registered in the end")
        await until(lambda: "expires=0" in a.got("REGISTER")[-1].header("Contact"), "it left")


async def test_no_trunk_accepts_us() -> None:
    async with sip_peer(others={"REGISTER": [403]}) as a, sip_peer(others={"REGISTER": [403]}) as b:
        with pytest.raises(TrunkError, match="403"):
            async with bot_with([trunk(a, register=True), trunk(b, register=True)]):
                pass


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_registration_is_refreshed_in_time(transport: str) -> None:
    """The trunk grants 3 s: it hears from us again before they are over."""
    async with sip_peer(200, transport=transport, expires=3) as a:
        async with bot_with([trunk(a, register=True)]):
            await until(lambda: len(a.got("REGISTER")) >= 3, "two refreshes", 8)
            at = [request.at for request in a.got("REGISTER")]
            assert all(later - earlier < 3 for earlier, later in itertools.pairwise(at))
            assert len({request.header("Call-ID") for request in a.got("REGISTER")}) == 1
        assert a.connections == (1 if transport == "tcp" else 0)


# --- TCP ---------------------------------------------------------------------------------------------------------


async def test_a_call_over_tcp() -> None:
    async with sip_peer(100, 180, 200, transport="tcp") as a, bot_with([trunk(a)]) as bot:
        leg = await bot.signaling.dial(NUMBER)
        await leg.wait_answered(5)
        await until(lambda: a.got("ACK"), "ACK")
        await leg.hang_up()
        await until(lambda: a.got("BYE"), "BYE")
        assert {request.header("Via").split()[0] for request in a.requests} == {"SIP/2.0/TCP"}
        assert a.connections == 1


# --- the whole bot -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "disposition", "error", "status", "cause", "carried"),
    [
        ([503], [100, 486], Disposition.BUSY, None, 486, None, "spare"),
        ([503], [500], Disposition.FAILED, "trunk", 500, None, "spare"),
        ([100, 180, 603], [200], Disposition.HUNG_UP, None, 603, None, "trunk-1"),
        ([(480, "Reason: Q.850;cause=20")], [200], Disposition.NO_ANSWER, None, 480, 20, "trunk-1"),
        ([503], [(503, "Reason: Q.850;cause=34")], Disposition.FAILED, "trunk", 503, None, "spare"),
    ],
)
async def test_the_attempts_row_tells_the_trunk(
    first: list[int],
    second: list[int],
    disposition: Disposition,
    error: str | None,
    status: int,
    cause: int | None,
    carried: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_models(monkeypatch)
    async with AsyncExitStack() as stack:
        a = await stack.enter_async_context(sip_peer(*first))
        b = await stack.enter_async_context(sip_peer(*second))
        settings = bot_settings(tmp_path, a.server).model_copy(update={"fallback_trunks": (trunk(b, name="spare"),)})
        example_database(settings)
        application = await stack.enter_async_context(Application(settings))
        result = await application.supervisor.dial("A-1001", "reminder")
        store = application.kit.store
        record = await asyncio.to_thread(store.call, result.attempt_id)  # type: ignore[attr-defined]
        assert record.outcome == result.outcome
        assert (record.outcome.disposition, record.outcome.error) == (disposition, error)
        progress = record.progress
        assert (progress.sip_status, progress.sip_cause, progress.trunk) == (status, cause, carried)
        assert isinstance(application._signaling, WatchesTrunks)


def test_one_list_of_authorities_for_all_trunks() -> None:
    tls = {"transport": "tls", "server": "127.0.0.1:1"}
    trunks = [TrunkSettings.model_validate({**tls, "ca_file": name}) for name in ("a.pem", "b.pem")]
    with pytest.raises(SettingsError, match="ca_file") as error:
        BaresipSignaling(TelephonySettings(port=0), trunks[0], trunks[1:])
    assert "one PEM file" in error.value.hint
