"""Many short calls out and in: then calls, tasks, files, sockets, RTP ports are as before.

300 each way in `make test`; `make soak` sets VOICEBOT_SOAK_CALLS to 1000.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.foreign.process import IDLE, bot_process
from tests.foreign.sipp import sipp_runs

pytestmark = pytest.mark.timeout(600)
CALLS = int(os.environ.get("VOICEBOT_SOAK_CALLS", "300"))
LINES = 20
#: What calls may leave in use: the transactions of the last 32 s and memories of bounded size, and a little each. A
#: leaked call would be more.
STANDING_KB, KB_A_CALL = 10_000, 10


def test_calls_out_and_in_leave_nothing(sipp: str, folder: Path) -> None:
    many = {"calls": CALLS + 20, "at_a_time": 50, "talk_ms": 300, "longest_s": 500}
    out = sipp_runs(sipp, "customer_hangs_up", folder / "uas", **many)
    with out as called, bot_process(folder / "bot", {"server": f"127.0.0.1:{called.port}"}, max_calls=LINES) as bot:
        # The first calls fill caches: what grows after them is a leak.
        bot.ask("dial", within_s=60, accounts=bot.accounts(20), at_a_time=LINES)
        bot.wait_idle()
        before, memory = bot.ask("counters"), [bot.ask("memory")]
        for start in range(0, CALLS, 20):
            bot.ask("dial", within_s=60, accounts=bot.accounts(min(20, CALLS - start)), at_a_time=LINES)
        counts = called.end()
        bot.wait_idle()
        assert (counts.right, counts.failed) == (CALLS + 20, 0), counts.errors
        memory.append(bot.ask("memory"))
        with sipp_runs(
            sipp, "caller", folder / "uac", calls=CALLS, target=bot.address, at_a_time=LINES // 2, rate=30, talk_ms=200,
            longest_s=500,
        ) as calling:  # fmt: skip
            counts = calling.end(500)
        assert (counts.right, counts.failed) == (CALLS, 0), counts.errors
        bot.wait_idle()
        after = bot.ask("counters")
        memory.append(bot.ask("memory"))
        attempts = bot.ask("attempts", within_s=120)
    assert len(attempts) == 2 * CALLS + 20
    assert all(row["disposition"] for row in attempts)
    assert {name: after[name] for name in IDLE} == {name: before[name] for name in IDLE}
    print(  # noqa: T201 - the figures are what `make soak` is for
        f"\n{CALLS} calls each way; memory before, between, after (KB): {memory}, "
        f"threads {before['threads']} -> {after['threads']}"
    )
    used = [figures["in_use"] for figures in memory]
    assert max(used[1] - used[0], used[2] - used[1]) < STANDING_KB + KB_A_CALL * CALLS
