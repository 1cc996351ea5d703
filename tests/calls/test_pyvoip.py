"""The second driver, pyVoIP, against the simulator's telephones: its legs, and whole scenarios end to end."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from rich.console import Console

from sip_sim.g711 import through
from sip_sim.hearing import speech_spans
from sip_sim.media import SaidAll
from sip_sim.phone import Ended, Phone
from sip_sim.registrar import Registrar
from tests.calls.conftest import CACHE, SHIPPED
from tests.calls.test_leg import alike, clean_fifths, hear, noise, say
from tests.support.far_end import NUMBER, RTP_PORTS, FarEnd, event, far_end
from tests.support.idle import udp_ports, until
from voicebot.app import make_signaling
from voicebot.demo.prepare import example_cast
from voicebot.demo.run import DemoPlan, DemoResult, run_demo
from voicebot.demo.simulator import free_port
from voicebot.errors import CallEnded, CallError, CallNotAnswered, CallRefused, SettingsError, TrunkError
from voicebot.model.ports import CallLeg, Signaling
from voicebot.settings import PROJECT, Settings, TelephonySettings, TrunkSettings, load

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]


@dataclass(slots=True)
class Bot:
    """The bot's driver, where it listens, and inbound calls not yet answered."""

    signaling: Signaling
    port: int
    legs: asyncio.Queue[CallLeg] = field(default_factory=asyncio.Queue)


def threads() -> list[str]:
    """pyVoIP's threads that run now."""
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pyvoip")]


@asynccontextmanager
async def pyvoip(server: str, trunk: TrunkSettings | None = None, **telephony: object) -> AsyncIterator[Bot]:
    """The driver as the application makes it; at the end no thread and no RTP socket of any call is left."""
    wanted = {"driver": "pyvoip", "port": free_port(), "rtp_ports": RTP_PORTS, **telephony}
    settings = Settings(telephony=TelephonySettings(**wanted), trunk=trunk or TrunkSettings(server=server))  # type: ignore[arg-type]
    bot = Bot(make_signaling(settings), settings.telephony.port)
    bot.signaling.on_incoming(bot.legs.put_nowait)
    try:
        await bot.signaling.start()
        yield bot
        low, high = RTP_PORTS
        await until(lambda: not [p for p in udp_ports() if low <= p <= high], "RTP sockets closed", 1)
        await until(lambda: not threads(), "RTP threads ended", 1)
    finally:
        await bot.signaling.close()
        assert not threads()


async def talking(far: FarEnd, bot: Bot) -> tuple[CallLeg, Phone]:
    """An answered call of the bot."""
    leg = await bot.signaling.dial(NUMBER)
    phone = await far.rings()
    phone.answer()
    await leg.wait_answered(5)
    return leg, phone


@pytest.mark.parametrize("codec", ["PCMA", "PCMU"])
async def test_sound_goes_both_ways_in_the_codec_that_is_set(codec: str) -> None:
    said, answer = noise(1.0, 1), noise(1.0, 2)
    async with far_end(codec) as far, pyvoip(far.server, codecs=(codec,)) as bot:
        leg, phone = await talking(far, bot)
        offer = next(entry.raw for entry in phone.ladder.entries if entry.name == "INVITE")
        formats = next(line for line in offer.splitlines() if line.startswith("m=audio")).split()[3:]
        assert ("0" in formats, "8" in formats) == (codec == "PCMU", codec == "PCMA")
        phone.say(answer)
        _, heard = await asyncio.gather(say(leg, said), hear(leg, 1.5))
        await leg.drain()
        await leg.hang_up()
        await event(phone, Ended)
        assert clean_fifths(through(codec, answer), heard) >= 4
        assert clean_fifths(through(codec, said), phone.line.recorder.tracks()[1]) >= 4


async def test_keys_are_heard_once_each_and_cannot_be_sent() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg, phone = await talking(far, bot)
        keys: list[str] = []
        leg.on_dtmf(keys.append)
        phone.press("1559#*0")
        await until(lambda: "".join(keys) == "1559#*0", "the keys")
        with pytest.raises(CallError):
            await leg.send_dtmf("4")
        assert not await leg.transfer("sip:agent@127.0.0.1")
        await leg.hang_up()


async def test_flush_stops_within_two_frames() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg, phone = await talking(far, bot)
        leg.write(noise(0.4).tobytes())
        await until(lambda: leg.queued_s < 0.25, "half of it sent")
        sent = 0.4 - leg.queued_s
        leg.flush()
        assert leg.queued_s == 0
        await leg.drain()
        await asyncio.sleep(0.2)
        await leg.hang_up()
        spans = speech_spans(phone.line.recorder.tracks()[1], join_s=0.1)
        assert len(spans) == 1
        assert sent - 0.03 <= spans[0][1] - spans[0][0] <= sent + 2 * 0.02 + 0.02


async def test_drain_lets_the_last_sound_out_before_the_bye() -> None:
    said = noise(0.7)
    async with far_end() as far, pyvoip(far.server) as bot:
        leg, phone = await talking(far, bot)
        await say(leg, said)
        assert leg.queued_s > 0
        await leg.drain()
        assert leg.queued_s == 0
        await leg.hang_up()
        await event(phone, Ended)
        heard = phone.line.recorder.tracks()[1]
        assert alike(through("PCMA", said)[-1200:], heard) > 0.98


async def test_statistics_are_there_after_the_end() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg, phone = await talking(far, bot)
        phone.say(noise(0.8))
        await event(phone, SaidAll)
        await leg.hang_up()
        stats = leg.stats()
        assert stats.tx_packets >= 35
        assert stats.rx_packets >= 35
        assert stats.rx_lost == 0
        assert stats.mos > 4


@pytest.mark.parametrize("by", ["bot", "caller"])
async def test_either_side_hangs_up(by: str) -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg, phone = await talking(far, bot)
        ends: list[str] = []
        leg.on_end(lambda end: ends.append(end.by))
        await (leg.hang_up() if by == "bot" else phone.hang_up())
        await until(lambda: leg.ended is not None, "the end")
        assert (await event(phone, Ended)).by == by
        assert ends == [by]
        leg.on_end(lambda end: ends.append("late " + end.by))
        assert ends == [by, f"late {by}"]
        with pytest.raises(CallEnded):
            leg.read(320)
        with pytest.raises(CallEnded):
            leg.write(b"\0" * 320)
        await leg.hang_up()
        await leg.drain()
        assert phone.ladder.names().count("BYE") == 1


async def test_183_then_200() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.calls.get()
        call = phone._call
        phone._endpoint._transport.send_reply(call.dialog.create_response(call.invite, 183, "Session Progress"))
        waiting = asyncio.create_task(leg.wait_answered(5))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        phone.answer()
        await waiting
        assert leg.call_id == phone.call_id
        await leg.hang_up()
        assert phone.ladder.holds(("INVITE", "183", "200", "ACK", "BYE"))


async def test_nobody_takes_the_call_so_it_is_cancelled() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.rings()
        with pytest.raises(CallNotAnswered):
            await leg.wait_answered(0.5)
        assert (await event(phone, Ended)).by == "cancelled"
        assert leg.ended is not None
        assert leg.ended.by == "bot"
        await until(lambda: phone.ladder.holds(("INVITE", "180", "CANCEL", "487", "ACK")), "the ACK to 487")


async def test_a_far_end_that_is_silent_was_not_reached() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
        deaf.bind(("127.0.0.1", 0))
        async with pyvoip(f"127.0.0.1:{deaf.getsockname()[1]}") as bot:
            leg = await bot.signaling.dial(NUMBER)
            with pytest.raises(CallRefused) as refused:
                await leg.wait_answered(0.8)
            assert refused.value.status is None
        deaf.setblocking(False)
        datagrams = [deaf.recv(4096).split(b" ")[0] for _ in range(2)]
        assert datagrams == [b"INVITE", b"INVITE"]  # sent again: the first may have been lost


@pytest.mark.parametrize(("status", "reason"), [(486, "Busy Here"), (404, "Not Found"), (603, "Decline"), (503, "")])
async def test_a_refusal_brings_its_status(status: int, reason: str) -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.rings()
        phone.reject(status)
        with pytest.raises(CallRefused) as refused:
            await leg.wait_answered(5)
        assert refused.value.status == status
        assert refused.value.reason.startswith(reason)
        await until(lambda: phone.ladder.holds(("INVITE", str(status), "ACK")), "the ACK")
        assert far.dialled == [NUMBER]


async def test_the_caller_gives_up_before_we_answer() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        status, _ = await far.call(bot, timeout_s=0.4)
        assert status == 0
        leg = await bot.legs.get()
        await until(lambda: leg.ended is not None, "the CANCEL")
        assert leg.ended is not None
        assert leg.ended.by == "caller"
        with pytest.raises(CallEnded):
            await leg.answer()


@pytest.mark.parametrize("status", [486, 503])
async def test_an_inbound_call_to_any_number_is_ours_and_may_be_refused(status: int) -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        calling = asyncio.create_task(far.call(bot, number="whoever"))
        leg = await bot.legs.get()
        assert NUMBER in leg.remote
        await leg.reject(status)
        got, phone = await calling
        assert got == status
        assert phone.ladder.holds(("INVITE", str(status), "ACK"))


async def test_an_inbound_call_is_answered_at_once_talks_and_is_hung_up() -> None:
    said = noise(0.6)
    async with far_end() as far, pyvoip(far.server) as bot:
        calling = asyncio.create_task(far.call(bot))
        leg = await bot.legs.get()
        await leg.answer()
        status, phone = await calling
        assert status == 200
        times = {entry.name: entry.t for entry in phone.ladder.entries}
        assert times["200"] - times["INVITE"] < 0.5
        await say(leg, said)
        await leg.drain()
        await leg.hang_up()
        assert (await event(phone, Ended)).by == "bot"
        assert clean_fifths(through("PCMA", said), phone.line.recorder.tracks()[1]) >= 4


async def test_nobody_outside_can_make_us_dial() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg, phone = await talking(far, bot)
        call = phone._call
        refer = call.dialog.create_request("REFER")
        refer.headers.set_single("Refer-To", f"<sip:premium@{far.server}>")
        phone._endpoint._transport.send(refer, call.source_addr)
        await until(lambda: "REFER 603" in phone.ladder.names(), "603")
        assert leg.ended is None
        assert far.dialled == [NUMBER]
        await leg.hang_up()


async def test_call_ids_of_two_runs_differ() -> None:
    seen = set()
    async with far_end() as far:
        for _ in range(2):
            async with pyvoip(far.server) as bot:
                leg = await bot.signaling.dial(NUMBER)
                (await far.rings()).reject(486)
                with pytest.raises(CallRefused):
                    await leg.wait_answered(5)
                seen.add(leg.call_id)
    assert len(seen) == 2


@pytest.mark.parametrize("source", ["port", "address"])
async def test_a_strangers_sound_is_not_heard_and_his_rubbish_stops_nothing(source: str) -> None:
    async with far_end() as far, pyvoip(far.server, rtp_source=source) as bot:
        leg, phone = await talking(far, bot)
        invite = next(entry.raw for entry in phone.ladder.entries if entry.name == "INVITE")
        port = int(next(line for line in invite.splitlines() if line.startswith("m=audio")).split()[1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for sequence in range(50):
                packet = bytes([0x80, 8]) + sequence.to_bytes(2, "big") + bytes(8) + b"\x2a" * 160  # full scale
                for datagram in (packet, b"\x80", b""):
                    stranger.sendto(datagram, ("127.0.0.1", port))
        heard = await hear(leg, 0.5)
        # From the far end's own machine: only its port tells the stranger from it.
        assert (np.abs(heard).max() < 1000) == (source == "port")
        await leg.hang_up()


def deaf_to(bot: Bot, *starts: str) -> None:
    """Lose the first message that the bot sends of each kind."""
    wire = bot.signaling._wire
    send, lost = wire.send, list(starts)

    def losing(text: str, to: tuple[str, int]) -> None:
        start = next((s for s in lost if text.startswith(s)), None)
        if start is not None:
            lost.remove(start)
        else:
            send(text, to)

    wire.send = losing


async def test_messages_that_get_lost_are_sent_again() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        deaf_to(bot, "INVITE", "ACK", "BYE")
        leg, phone = await talking(far, bot)
        await until(lambda: phone.ladder.holds(("INVITE", "200", "200", "ACK")), "the ACK")
        await leg.hang_up()
        assert (await event(phone, Ended)).by == "bot"
        assert far.dialled == [NUMBER]


async def test_our_answer_that_gets_lost_is_sent_again() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        deaf_to(bot, "SIP/2.0 200")
        calling = asyncio.create_task(far.call(bot))
        leg = await bot.legs.get()
        await leg.answer()
        assert (await calling)[0] == 200
        await leg.hang_up()


async def test_a_far_end_without_any_sound_is_given_up() -> None:
    async with far_end() as far, pyvoip(far.server, rtp_timeout_s=1) as bot:
        leg = await bot.signaling.dial(NUMBER)
        phone = await far.rings()
        phone.line.start = lambda: None
        phone.answer()
        await leg.wait_answered(5)
        with pytest.raises(CallEnded):
            await hear(leg, 3)
        assert leg.ended is not None
        assert leg.ended.by == "network"
        assert (await event(phone, Ended)).by == "bot"


@pytest.mark.parametrize(
    "datagram", [b"", b"\r\n\r\n", b"hello", b"INVITE sip:x SIP/2.0\r\n\r\n", bytes(range(256)) * 20]
)
async def test_what_is_no_sip_message_changes_nothing(datagram: bytes) -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(datagram, ("127.0.0.1", bot.port))
        leg, _ = await talking(far, bot)
        await leg.hang_up()


async def test_the_trunk_asks_whether_we_live() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
            trunk.bind(("127.0.0.1", 0))
            trunk.setblocking(False)
            where = f"127.0.0.1:{trunk.getsockname()[1]}"
            lines = ["OPTIONS sip:bank@127.0.0.1 SIP/2.0", f"v: SIP/2.0/UDP {where};branch=z9hG4bK1;i=7"]
            lines += [f"f: <sip:t@{where}>;tag=1", "t: <sip:bank@127.0.0.1>", "i: 1", "cseq: 1 OPTIONS", "l: 0"]
            options = "\r\n".join([*lines, "\r\n"])
            await loop.sock_sendto(trunk, options.encode(), ("127.0.0.1", bot.port))
            async with asyncio.timeout(2):
                answer = (await loop.sock_recv(trunk, 4096)).decode()
        assert answer.startswith("SIP/2.0 200 OK\r\n")
        assert ";i=7\r\n" in answer


def trunk(server: str, password: str = "secret", **more: object) -> TrunkSettings:
    return TrunkSettings.model_validate(
        {"server": server, "register": True, "user": "bank", "password": password, **more}
    )


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
async def test_registers_is_challenged_calls_and_leaves(algorithm: str) -> None:
    registrar = Registrar({"login": "secret"}, algorithm=algorithm, challenges_invite=True)  # type: ignore[arg-type]
    async with far_end(registrar=registrar) as far:
        async with pyvoip(far.server, trunk(far.server, auth_user="login")) as bot:
            assert f"bank@127.0.0.1:{bot.port}" in registrar.bindings["bank"]
            leg, phone = await talking(far, bot)
            wanted = ("INVITE", "407", "ACK", "INVITE", "180", "200", "ACK")
            await until(lambda: phone.ladder.holds(wanted), "the ACK")
            await leg.hang_up()
            assert registrar.refused == 0
        assert registrar.bindings == {}


async def test_a_wrong_password_is_a_clear_error_without_the_password() -> None:
    async with far_end(registrar=Registrar({"bank": "secret"})) as far:
        with pytest.raises(TrunkError, match="401") as error:
            async with pyvoip(far.server, trunk(far.server, "wr0ng-pa55")):
                pass
    assert "trunk.user, auth_user and password" in error.value.hint
    assert "wr0ng-pa55" not in str(error.value)


@pytest.mark.parametrize("more", [{"transport": "tls"}, {"transport": "tcp"}, {"media_encryption": "srtp"}])
async def test_what_it_cannot_do_is_said_at_the_start(more: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match=r"telephony\.driver = pyvoip") as error:
        async with pyvoip("127.0.0.1:5070", TrunkSettings(**more)):  # type: ignore[arg-type]
            pass
    assert "baresip" in error.value.hint


async def test_a_taken_port_is_a_clear_error() -> None:
    async with far_end() as far:
        with pytest.raises(TrunkError, match="cannot start"):
            async with pyvoip(far.server, port=int(far.server.rpartition(":")[2])):
                pass


async def test_a_number_cannot_smuggle_headers() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        with pytest.raises(TrunkError):
            await bot.signaling.dial("100@x SIP/2.0\r\nX-Evil: 1")
        assert far.dialled == []


async def test_closing_ends_the_calls_that_run() -> None:
    async with far_end() as far, pyvoip(far.server) as bot:
        leg, phone = await talking(far, bot)
        await bot.signaling.close()
        assert leg.ended is not None
        assert (await event(phone, Ended)).by == "bot"


def test_nothing_of_it_is_loaded_unless_it_is_chosen() -> None:
    """GPL-3 (docs/licences.md)."""
    code = "import sys; from voicebot import app, settings; app.make_signaling(settings.load(environ={})); "
    code += "print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert "baresip" in loaded
    assert "pyVoIP" not in loaded
    assert not [module for module in loaded if "pyvoip" in module]


SCENARIOS = (
    "verification_right_person",
    "reminder_busy",
    "reminder_unknown_number",
    "reminder_no_answer",
    "inbound_callback",
)


@pytest.fixture(scope="module")
def calls() -> DemoResult:
    """Shipped scenarios over pyVoIP."""
    settings = load(environ={"VOICEBOT_TELEPHONY__DRIVER": "pyvoip"})
    CACHE.mkdir(parents=True, exist_ok=True)
    paths = tuple(SHIPPED / f"{name}.yaml" for name in SCENARIOS)
    with (CACHE / "pyvoip.log").open("w") as log:
        plan = DemoPlan(paths, CACHE, parallel=3, cast=example_cast(customers=40))
        return asyncio.run(run_demo(settings, plan, Console(file=log, width=200)))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SCENARIOS)
def test_scenario(calls: DemoResult, name: str) -> None:
    row = next(r for r in calls.rows if r.listed.scenario == name)
    assert row.wrong() == [], f"recording and SIP messages: {calls.simulator}"


@pytest.mark.timeout(300)
def test_no_thread_is_left_after_the_scenarios(calls: DemoResult) -> None:
    assert calls.rows
    assert not threads()
