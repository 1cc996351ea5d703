"""The bot calls sipp, and sipp the bot, on a wire that loses messages: every call ends in one outcome, with no ghost.

RFC 3261 section 17: each side sends again until it has an answer. All calls of a case run at the same time.
"""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.foreign.process import BotProcess, bot_process
from tests.foreign.relay import Relay, relay
from tests.foreign.sipp import Counts, Sipp, sipp_runs

pytestmark = pytest.mark.timeout(120)
Losses = tuple[tuple[str, int], ...]

#: What is lost of a call of the bot, by the scenario of who is called.
OUT: dict[str, tuple[Losses, ...]] = {
    "customer": (
        (),
        (("INVITE", 1),),
        (("100 INVITE", 1),),
        (("180 INVITE", 1),),
        (("100 INVITE", 1), ("180 INVITE", 1)),
        (("200 INVITE", 1),),
        (("200 INVITE", 1), ("200 INVITE", 2)),
        (("ACK", 1),),
        (("ACK", 1), ("ACK", 2)),
        (("BYE", 1),),
        (("BYE", 1), ("BYE", 2)),
        (("200 BYE", 1),),
        (("INVITE", 1), ("200 INVITE", 1), ("ACK", 1), ("BYE", 1), ("200 BYE", 1)),
    ),
    "customer_hangs_up": ((), (("BYE", 1),), (("200 BYE", 1),), (("BYE", 1), ("200 BYE", 1))),
}
IN: tuple[Losses, ...] = (
    (),
    (("INVITE", 1),),
    (("180 INVITE", 1),),
    (("200 INVITE", 1),),
    (("200 INVITE", 1), ("200 INVITE", 2)),
    (("ACK", 1),),
    (("BYE", 1),),
    (("200 BYE", 1),),
    (("INVITE", 1), ("200 INVITE", 1), ("BYE", 1), ("200 BYE", 1)),
)


@dataclass(frozen=True)
class Outcome:
    """What a run left on both sides."""

    sipp: Counts
    attempts: list[dict[str, Any]]
    lost: Counter[str]
    seen: list[Counter[str]]
    idle_again: bool


def numbers(count: int) -> list[str]:
    """What the example portfolio's first customers are called by."""
    return [f"15550101{i:03}" for i in range(1, count + 1)]


def dialled(program: str, name: str, folder: Path) -> Outcome:
    """The bot dials one customer for each case of a scenario, all at once."""
    cases = OUT[name]
    # sipp must name the relay as its contact, and the relay needs sipp's port: the relay is made first, and told.
    with relay(("127.0.0.1", 9), dict(zip(numbers(len(cases)), cases, strict=True))) as wire:
        running = sipp_runs(
            program, name, folder / "sipp", calls=len(cases), at_a_time=50, talk_ms=800, contact_port=wire.front_port
        )
        with running as run, bot_process(folder / "bot", {"server": wire.server}, max_calls=20, max_call_s=4.0) as bot:
            wire.peer = ("127.0.0.1", run.port)
            return finish(bot, run, wire, bot.accounts(len(cases)))


def finish(bot: BotProcess, run: Sipp, wire: Relay, accounts: list[str]) -> Outcome:
    """Dial, wait for both sides' end, collect."""
    bot.ask("dial", within_s=60, accounts=accounts, at_a_time=len(accounts))
    counts = run.end(40)
    bot.wait_idle(40)
    return Outcome(counts, bot.ask("attempts"), wire.lost, list(wire.seen.values()), bot.is_idle())


@pytest.fixture(scope="module")
def outcomes(sipp: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Of all scenarios, which run at the same time too."""
    with ThreadPoolExecutor() as pool:
        runs = {name: pool.submit(dialled, sipp, name, tmp_path_factory.mktemp(name)) for name in OUT}
        return {name: run.result() for name, run in runs.items()}


@pytest.mark.parametrize("name", OUT)
def test_each_call_out_ends_once_whatever_is_lost(outcomes: dict[str, Outcome], name: str) -> None:
    cases, got = OUT[name], outcomes[name]
    assert got.lost == Counter(what for case in cases for what, _ in case), "each loss must have happened"
    assert (got.sipp.calls, got.sipp.right, got.sipp.failed) == (len(cases), len(cases), 0), got.sipp.errors
    assert sorted(row["account"] for row in got.attempts) == [f"A-{1000 + i}" for i in range(1, len(cases) + 1)]
    for row in got.attempts:
        assert row["disposition"] is not None
        assert row["sip_status"] == 200
        assert row["media"]["rx_packets"] > 10
    assert got.idle_again
    assert len(got.seen) == len(cases), "one Call-ID a call"


def called(program: str, folder: Path) -> Outcome:
    """sipp calls the bot once for each case, over a relay for each (the callee's name is the same)."""
    with bot_process(folder / "bot", max_calls=20) as bot, ThreadPoolExecutor(len(IN)) as pool:

        def one(number: int, losses: Losses) -> tuple[Counts, Counter[str], list[Counter[str]]]:
            with relay(bot.address, {"": losses}) as wire:
                where = ("127.0.0.1", wire.front_port)
                with sipp_runs(
                    program, "caller", folder / str(number), calls=1, target=where, contact_port=wire.back_port
                ) as run:
                    return run.end(), wire.lost, list(wire.seen.values())

        runs = list(pool.map(one, range(len(IN)), IN))
        bot.wait_idle(40)
        figures = [[run[0].calls, run[0].right, run[0].failed, run[0].retransmissions] for run in runs]
        total = Counts(*map(sum, zip(*figures, strict=True)), "".join(run[0].errors for run in runs))
        lost = sum((run[1] for run in runs), Counter[str]())
        return Outcome(total, bot.ask("attempts"), lost, [seen for run in runs for seen in run[2]], bot.is_idle())


def test_each_call_in_ends_once_whatever_is_lost(sipp: str, folder: Path) -> None:
    got = called(sipp, folder)
    assert got.lost == Counter(what for case in IN for what, _ in case), "each loss must have happened"
    assert (got.sipp.calls, got.sipp.right, got.sipp.failed) == (len(IN), len(IN), 0), got.sipp.errors
    assert len(got.attempts) == len(IN)
    assert all(row["disposition"] for row in got.attempts)
    assert all(row["hung_up_by"] == "caller" for row in got.attempts)
    assert got.idle_again
