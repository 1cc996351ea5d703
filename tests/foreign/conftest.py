"""Bots as processes, one for each file of tests; peers that are not installed are skipped with a reason."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.foreign.process import BotProcess, bot_process


def peer(program: str, package: str) -> str:
    """The path of a peer's program; skips visibly where it is not installed."""
    found = shutil.which(program) or shutil.which(program, path="/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{program} is absent (Debian package {package}; tools/install_peers.sh installs it)")
    return found


@pytest.fixture(scope="session")
def sipp() -> str:
    return peer("sipp", "sip-tester")


@pytest.fixture(scope="session")
def baresip() -> str:
    return peer("baresip", "baresip-core")


@pytest.fixture(scope="session")
def kamailio() -> str:
    return peer("kamailio", "kamailio")


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BotProcess]:
    """A bot that is called; it dials nobody."""
    with bot_process(tmp_path_factory.mktemp("bot")) as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path
