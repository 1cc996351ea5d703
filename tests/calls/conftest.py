"""Real calls: the bot in this process, the simulator's customers in another, SIP and RTP on loopback between them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.support.idle import tasks, udp_ports, until
from voicebot.demo.prepare import example_cast
from voicebot.demo.run import DemoPlan, DemoResult, run_demo
from voicebot.settings import PROJECT, load

SHIPPED = PROJECT / "sip_sim" / "scenarios"
OURS = Path(__file__).parent / "scenarios"
#: Where prompts, the simulator's speech and voices stay between runs.
CACHE = PROJECT / "var" / "tests"

os.environ.setdefault("OMP_NUM_THREADS", "1")


def scenario_names() -> list[str]:
    """Every scenario file of both folders."""
    return sorted(p.stem for folder in (SHIPPED, OURS) for p in folder.glob("*.yaml") if p.stem != "prompts")


@pytest.fixture(scope="session")
def all_calls() -> DemoResult:
    """All scenarios, called once for the whole test run, several at a time."""
    settings = load(environ={})
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "calls.log").open("w") as log:
        plan = DemoPlan((SHIPPED, OURS), CACHE, parallel=5, cast=example_cast(customers=40))
        return asyncio.run(run_demo(settings, plan, Console(file=log, width=200)))


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """After the test no task of ours runs and no UDP socket is open that was not before."""
    before = udp_ports()
    yield
    await until(lambda: not tasks() and not udp_ports() - before, "everything closed")
