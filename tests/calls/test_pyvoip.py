"""The second driver, pyVoIP: at its trunk, against strangers, whole scenarios end to end (legs: test_pyvoip_leg.py)."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import numpy as np
import pytest
from rich.console import Console

from sip_sim.phone import Ended
from sip_sim.registrar import Registrar
from tests.calls.conftest import CACHE, SHIPPED
from tests.support.far_end import NUMBER, event, far_end
from tests.support.idle import until
from tests.support.legs import hear, talking
from tests.support.pyvoip_bot import pyvoip, threads
from voicebot.demo.prepare import example_cast
from voicebot.demo.run import DemoPlan, DemoResult, run_demo
from voicebot.errors import CallRefused, SettingsError, TrunkError
from voicebot.settings import PROJECT, TrunkSettings, load

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]


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
