"""sipp calls the bot: sixty calls with sound, ten at a time; more than the bot has lines for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.foreign.process import BotProcess, bot_process
from tests.foreign.sipp import sipp_runs

pytestmark = pytest.mark.timeout(120)
LINES = 20


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    with bot_process(tmp_path_factory.mktemp("bot"), max_calls=LINES) as running:
        yield running


@pytest.mark.parametrize(("scenario", "calls"), [("caller", 40), ("caller_one_codec", 20)])
def test_calls_with_sound(bot: BotProcess, sipp: str, folder: Path, scenario: str, calls: int) -> None:
    """60 in both tests. The bot offers anew just after its answer: one caller agrees, the other refuses that (488)."""
    before, refused = bot.last_attempt(), bot.ask("counters")["refused"]
    # Fewer than the lines: sipp begins the next call before the bot has stored the last one's end.
    with sipp_runs(sipp, scenario, folder, calls=calls, target=bot.address, at_a_time=10, rate=15) as run:
        counts = run.end()
    assert (counts.calls, counts.right, counts.failed) == (calls, calls, 0), counts.errors
    bot.wait_idle()
    attempts = bot.ask("attempts", after=before)
    assert len(attempts) == calls
    for row in attempts:
        # A caller whom nobody knows and who goes leaves a wish to be called back where it came so far.
        assert row["disposition"] in {"HUNG_UP", "CALLBACK"}
        assert row["hung_up_by"] == "caller"
        assert row["sip_status"] == 200
        assert row["media"]["rx_packets"] > 40, row["media"]
        assert row["media"]["tx_packets"] > 40, row["media"]
        assert row["media"]["rx_lost"] == 0
    assert bot.ask("counters")["refused"] == refused


def refusals(folder: Path) -> int:
    """How often sipp was told 503, and each time when to call again."""
    unexpected = (folder / "errors.log").read_text(errors="replace")
    refused = unexpected.count("SIP/2.0 503 Service Unavailable")
    assert unexpected.count("Retry-After: 10") == refused
    return refused


def test_more_calls_than_lines(bot: BotProcess, sipp: str, folder: Path) -> None:
    """25 at once for 20 lines: five get 503 with Retry-After and are counted, the others are untouched."""
    before, refused = bot.last_attempt(), bot.ask("counters")["refused"]
    with sipp_runs(sipp, "caller", folder, calls=25, target=bot.address, at_a_time=25, rate=1000) as run:
        counts = run.end()
    assert (counts.right, counts.failed) == (LINES, 5), counts.errors
    assert refusals(folder) == 5
    bot.wait_idle()
    assert bot.ask("counters")["refused"] - refused == 5
    attempts = bot.ask("attempts", after=before)
    assert len(attempts) == LINES
    assert all(row["disposition"] in {"HUNG_UP", "CALLBACK"} for row in attempts)
    assert all(row["media"]["rx_lost"] == 0 for row in attempts)


def test_more_calls_at_once_than_a_source_may_begin(sipp: str, folder: Path) -> None:
    """25 at once where 18 are allowed: seven get 503 before anything is made for them, the others are untouched."""
    with bot_process(folder / "bot", max_calls=30, calls_per_s=0.01, burst=18) as bot:
        with sipp_runs(sipp, "caller", folder, calls=25, target=bot.address, at_a_time=25, rate=1000) as run:
            counts = run.end()
        assert (counts.right, counts.failed) == (18, 7), counts.errors
        assert refusals(folder) == 7
        bot.wait_idle()
        after = bot.ask("counters")
        assert (after["refused"], after["turned_away"]["calls_limited"]) == (0, 7)
        assert after["turned_away"]["unanswered"] == 0
        assert len(bot.ask("attempts")) == 18
