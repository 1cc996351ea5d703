"""The bot at a trunk: REGISTER and INVITE with digest, wrong passwords, trunks that want none, leaving at the end."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from sip_sim.registrar import Registrar
from tests.support.far_end import NUMBER, bot_line, far_end
from voicebot.errors import CallRefused, TrunkError
from voicebot.settings import PROJECT, TrunkSettings

pytestmark = [pytest.mark.timeout(60), pytest.mark.usefixtures("nothing_left")]

BUSY = f"""\
scenario: busy
call: {{flow: reminder, account: A-1, number: "{NUMBER}"}}
answers: {{after_s: 0.1, with: 486}}
"""


def trunk(server: str, password: str = "secret", **more: object) -> TrunkSettings:
    wanted = {"register": True, "user": "bank", "password": password, **more}
    return TrunkSettings.model_validate({"server": server, **wanted})


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
async def test_registers_is_challenged_calls_and_leaves(algorithm: str) -> None:
    registrar = Registrar({"bank": "secret"}, algorithm=algorithm, challenges_invite=True)  # type: ignore[arg-type]
    async with far_end(registrar=registrar) as far:
        async with bot_line(far.server, trunk(far.server)) as bot:
            assert registrar.bindings["bank"].startswith("<sip:bank")
            assert f"127.0.0.1:{bot.port}" in registrar.bindings["bank"]
            leg = await bot.signaling.dial(NUMBER)
            phone = await far.rings()
            phone.answer()
            await leg.wait_answered(5)
            assert phone.ladder.holds(("INVITE", "407", "ACK", "INVITE", "180", "200", "ACK"))
            await leg.hang_up()
            assert registrar.refused == 0
        assert registrar.bindings == {}


async def test_the_name_for_the_digest_may_be_another_than_the_user() -> None:
    registrar = Registrar({"login": "secret"})
    async with far_end(registrar=registrar) as far, bot_line(far.server, trunk(far.server, auth_user="login")):
        assert list(registrar.bindings) == ["bank"]


async def test_a_wrong_password_is_a_clear_error_without_the_password() -> None:
    registrar = Registrar({"bank": "secret"})
    async with far_end(registrar=registrar) as far:
        with pytest.raises(TrunkError, match="401") as error:
            async with bot_line(far.server, trunk(far.server, "wr0ng-pa55")):
                pass
    assert "trunk.user, auth_user and password" in error.value.hint
    assert "wr0ng-pa55" not in str(error.value)
    assert error.value.retryable
    assert registrar.bindings == {}


async def test_a_wrong_password_in_the_call_alone_is_a_refusal() -> None:
    registrar = Registrar({"bank": "secret"}, challenges_invite=True)
    async with far_end(registrar=registrar) as far:
        async with bot_line(far.server, trunk(far.server, "wrong", register=False)) as bot:
            leg = await bot.signaling.dial(NUMBER)
            with pytest.raises(CallRefused) as refused:
                await leg.wait_answered(5)
            assert refused.value.status in {401, 403, 407}
        assert far.dialled == []


async def test_a_trunk_without_registration() -> None:
    async with far_end() as far, bot_line(far.server) as bot:
        leg = await bot.signaling.dial(NUMBER)
        (await far.rings()).answer()
        await leg.wait_answered(5)
        await leg.hang_up()
        names = [entry.name for ladder in far.endpoint._transport.ladders.values() for entry in ladder.entries]
        assert "REGISTER" not in names


@asynccontextmanager
async def simulator(folder: Path, *more: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`sip-sim run` over one scenario, as a tester starts it."""
    (folder / "busy.yaml").write_text(BUSY)
    command = [sys.executable, "-m", "sip_sim", "run", str(folder / "busy.yaml"), "--listen", "127.0.0.1:0"]
    command += ["--events", "--out", str(folder / "out"), *more]
    process = await asyncio.create_subprocess_exec(*command, cwd=PROJECT, stdout=asyncio.subprocess.PIPE)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_against_the_simulators_own_command(tmp_path: Path) -> None:
    account = ("--account", "bank:secret", "--digest", "MD5", "--challenge-invite")
    async with simulator(tmp_path, *account) as process:
        assert process.stdout is not None
        ready = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        server = f"127.0.0.1:{ready['port']}"
        async with bot_line(server, trunk(server)) as bot:
            leg = await bot.signaling.dial(NUMBER)
            with pytest.raises(CallRefused) as refused:
                await leg.wait_answered(5)
            assert refused.value.status == 486
        results = [json.loads(line) for line in (await process.stdout.read()).splitlines()]
        assert await asyncio.wait_for(process.wait(), 10) == 0
    sip = [name for name in results[1]["sip"] if name != "100"]
    assert sip == ["INVITE", "407", "ACK", "INVITE", "486", "ACK"]
