"""Real calls: the bot in this process, the simulator's customers in another, SIP and RTP on loopback between them."""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.idle import tasks, udp_ports, until
from voicebot.settings import PROJECT

SHIPPED = PROJECT / "sip_sim" / "scenarios"
OURS = Path(__file__).parent / "scenarios"
#: Where prompts, the simulator's speech and voices stay between runs.
CACHE = PROJECT / "var" / "tests"

os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_configure(config: pytest.Config) -> None:
    """Our marks."""
    config.addinivalue_line("markers", "scenario: a whole call, judged by its sound, its SIP and the bank's database")


class BesideEachOther(LoadScopeScheduling):
    """With `-n`: a file of tests, or a folder of scenarios, is one process's work."""

    def _split_scope(self, nodeid: str) -> str:
        folder = re.search(r"test_scenarios\.py::\w+\[(\w+)", nodeid)
        return folder[1] if folder else nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> BesideEachOther:
    """Our way to share the tests out."""
    return BesideEachOther(config, log)  # type: ignore[arg-type]


@pytest.fixture
async def nothing_left() -> AsyncIterator[None]:
    """After the test no task of ours runs and no UDP socket is open that was not before."""
    before = udp_ports()
    yield
    await until(lambda: not tasks() and not udp_ports() - before, "everything closed")
