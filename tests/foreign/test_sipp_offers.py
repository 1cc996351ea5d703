"""sipp and the bot: reliable provisional answers (PRACK), UPDATE, an INVITE without an offer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.foreign.process import BotProcess, bot_process
from tests.foreign.sipp import sipp_runs

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    with bot_process(tmp_path_factory.mktemp("bot"), max_calls=20) as running:
        yield running


@pytest.mark.parametrize("scenario", ["caller_prack_update", "caller_delayed_offer"])
def test_a_caller(bot: BotProcess, sipp: str, folder: Path, scenario: str) -> None:
    before = bot.last_attempt()
    with sipp_runs(sipp, scenario, folder, calls=5, target=bot.address, at_a_time=5) as run:
        counts = run.end()
    assert (counts.calls, counts.right, counts.failed) == (5, 5, 0), counts.errors
    bot.wait_idle()
    attempts = bot.ask("attempts", after=before)
    assert len(attempts) == 5
    for row in attempts:
        assert row["sip_status"] == 200
        assert row["media"]["rx_packets"] > 40, row["media"]
        assert row["media"]["tx_packets"] > 40, row["media"]


def test_a_customer_whose_network_sends_183_reliably(sipp: str, folder: Path) -> None:
    with sipp_runs(sipp, "customer_prack", folder / "sipp", calls=3, at_a_time=3) as run:
        with bot_process(folder / "bot", {"server": f"127.0.0.1:{run.port}"}, max_calls=20, max_call_s=4.0) as bot:
            bot.ask("dial", accounts=["A-1001", "A-1002", "A-1003"])
            bot.wait_idle()
            attempts = bot.ask("attempts")
        counts = run.end()
    assert (counts.right, counts.failed) == (3, 0), counts.errors
    for row in attempts:
        assert row["sip_status"] == 200
        assert row["media"]["rx_packets"] > 40, row["media"]
