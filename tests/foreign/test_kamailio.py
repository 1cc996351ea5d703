"""Kamailio between the bot and the customers' telephones: 407 with digest, Record-Route, a whole verification."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from tests.calls.conftest import CACHE, SHIPPED
from tests.foreign.process import bot_process, wait_until
from tests.foreign.relay import relay
from tests.foreign.sipp import free_port, sipp_runs
from tests.foreign.test_sipp_out import Losses, finish, numbers
from voicebot.demo import run as demo
from voicebot.demo.prepare import example_cast
from voicebot.demo.run import DemoPlan, DemoResult, run_demo
from voicebot.settings import Settings, load

pytestmark = pytest.mark.timeout(240)
CONFIG = Path(__file__).parent / "kamailio" / "kamailio.cfg"
SCENARIO = "verification_right_person"


@contextmanager
def proxy(program: str, folder: Path, here: int, phones: int) -> Iterator[Path]:
    """Kamailio on 127.0.0.1:`here`, calls handed to `phones`; its log."""
    text = CONFIG.read_text().replace("HERE_PORT", str(here)).replace("PHONES_PORT", str(phones))
    config, log = folder / "kamailio.cfg", folder / "kamailio.log"
    config.write_text(text)
    # -DD: no daemon; its children end with it.
    command = [program, "-DD", "-E", "-f", str(config), "-Y", str(folder), "-m", "32", "-M", "8"]
    with log.open("w") as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, cwd=folder)
        try:
            wait_until(lambda: listens(here) or process.poll() is not None, "Kamailio")
            assert process.poll() is None, log.read_text()[-2000:]
            yield log
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def listens(port: int) -> bool:
    """Whether somebody has this UDP port."""
    rows = [row.split() for row in Path("/proc/net/udp").read_text().splitlines()[1:]]
    return any(int(row[1].partition(":")[2], 16) == port for row in rows)


@pytest.fixture(scope="module")
def called(kamailio: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DemoResult, str]]:
    """The call with the real models, through the proxy; and what the proxy logged."""
    folder, here, patch = tmp_path_factory.mktemp("kamailio"), free_port(), pytest.MonkeyPatch()
    plain = demo._settings
    proxies = []

    def through_the_proxy(settings: Settings, run: Path, port: int, trunk_port: int) -> Settings:
        started = proxy(kamailio, folder, here, trunk_port)
        proxies.append((started, started.__enter__()))
        mine = plain(settings, run, port, trunk_port)
        trunk = {"server": f"127.0.0.1:{here}", "user": "voicebot", "password": "secret"}
        return mine.model_copy(update={"trunk": mine.trunk.model_copy(update=trunk)})

    patch.setattr(demo, "_settings", through_the_proxy)
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / "calls.log").open("w") as log:
            plan = DemoPlan((SHIPPED / f"{SCENARIO}.yaml",), CACHE, parallel=1, cast=example_cast(customers=40))
            result = asyncio.run(run_demo(load(environ={}), plan, Console(file=log, width=200)))
        yield result, proxies[0][1].read_text()
    finally:
        patch.undo()
        for started, _ in proxies:
            started.__exit__(None, None, None)
        shutil.rmtree(folder, ignore_errors=True)


def test_the_right_person_is_verified_through_it(called: tuple[DemoResult, str]) -> None:
    (row,) = called[0].rows
    assert row.wrong() == [], f"recording and SIP messages: {called[0].simulator}"
    assert row.stored is not None
    assert row.stored.disposition is not None
    assert row.stored.disposition.value == "RPC_VERIFIED"


def test_it_asked_for_the_digest(called: tuple[DemoResult, str]) -> None:
    assert called[1].count("challenged") == 1
    assert called[1].count("proved") == 1


def test_the_telephones_answer_keeps_the_dialog_on_its_route(called: tuple[DemoResult, str]) -> None:
    assert called[1].count("in-dialog ACK by its route") == 1
    assert called[1].count("in-dialog BYE by its route") == 1


#: What is lost between the bot and the proxy. Later messages of the dialog go by the Record-Route, not by the relay.
LOST: tuple[Losses, ...] = (
    (),
    (("407 INVITE", 1),),
    (("ACK", 1),),
    (("INVITE", 2),),
    (("180 INVITE", 1),),
    (("200 INVITE", 1),),
    (("INVITE", 1), ("407 INVITE", 1), ("ACK", 1), ("INVITE", 3), ("200 INVITE", 1)),
)


@pytest.mark.parametrize("scenario", ["customer", "customer_hangs_up"])
def test_each_challenged_call_ends_once_whatever_is_lost(kamailio: str, sipp: str, folder: Path, scenario: str) -> None:
    """bot, a wire that loses messages, Kamailio, sipp: one Call-ID and one outcome a call, the dialog by its route."""
    here, many = free_port(), len(LOST)
    with (
        sipp_runs(sipp, scenario, folder / "sipp", calls=many, at_a_time=50, talk_ms=800) as run,
        proxy(kamailio, folder, here, run.port) as log,
        relay(("127.0.0.1", here), dict(zip(numbers(many), LOST, strict=True))) as wire,
        bot_process(folder / "bot", {"server": wire.server, "password": "secret"}, max_call_s=2.5) as bot,
    ):
        got = finish(bot, run, wire, bot.accounts(many))
        text = log.read_text()
    assert got.lost == Counter(what for case in LOST for what, _ in case), "each loss must have happened"
    assert (got.sipp.calls, got.sipp.right, got.sipp.failed) == (many, many, 0), got.sipp.errors
    assert [row["sip_status"] for row in got.attempts] == [200] * many
    assert all(row["disposition"] for row in got.attempts)
    assert len(got.seen) == many
    assert text.count("proved") >= many
    assert text.count("in-dialog ACK by its route") >= many
    assert text.count("in-dialog BYE by its route") >= many


def test_a_wrong_password_is_refused_once(kamailio: str, folder: Path) -> None:
    here = free_port()
    with proxy(kamailio, folder, here, free_port()) as log:
        with bot_process(folder / "bot", {"server": f"127.0.0.1:{here}", "password": "wrong"}) as bot:
            bot.ask("dial", accounts=bot.accounts(1))
            (row,) = bot.ask("attempts")
            bot.wait_idle()
        assert row["sip_status"] in {401, 403, 407}
        assert row["disposition"] == "FAILED"
        assert "proved" not in log.read_text()
        assert log.read_text().count("challenged") <= 3
