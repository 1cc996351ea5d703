"""Imports go down only, the simulator and the bot share no code, and the pure parts know neither clock nor loop."""

from __future__ import annotations

import ast

import pytest
from importlinter.api import read_configuration
from importlinter.application.use_cases import lint_imports

from tests.fitness.tree import ROOT, name, python, tree

#: Parts that get time and bytes as arguments.
PURE = ("voicebot/flow", "voicebot/turn", "voicebot/nlu", "voicebot/voiceprint")
#: Modules that are a clock, a wait, a thread or a network.
WORLD = frozenset(
    ("time", "asyncio", "threading", "concurrent", "multiprocessing", "sched", "signal", "selectors", "trio", "anyio")
)
SOCKETS = frozenset(("socket", "ssl", "http", "urllib", "aiohttp", "requests"))
#: Calls that ask the clock through a module that is otherwise allowed (datetime's classes hold given times).
CLOCK_CALLS = frozenset(("now", "utcnow", "today"))


def test_the_contracts_of_pyproject_hold(capsys: pytest.CaptureFixture[str]) -> None:
    file = str(ROOT / "pyproject.toml")
    assert len(read_configuration(file)["contracts_options"]) >= 4
    kept = lint_imports(file, cache_dir=None, no_logo=True)
    assert kept, capsys.readouterr().out


def world(module: ast.AST) -> list[tuple[int, str]]:
    """Imports of the world, and questions to the clock, with their lines."""
    found = []
    for node in ast.walk(module):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        found += [(node.lineno, n) for n in names if n.split(".")[0] in WORLD | SOCKETS]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS:
            found.append((node.lineno, f"{ast.unparse(node.func)}()"))
    return found


def test_the_pure_parts_have_no_clock_no_sleep_and_no_socket() -> None:
    paths = python(*PURE)
    assert len(paths) > 20
    assert not [f"{name(path, line)}: {what}" for path in paths for line, what in world(tree(path))]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", ["time"]),
        ("from asyncio import sleep", ["asyncio"]),
        ("import concurrent.futures", ["concurrent.futures"]),
        ("from datetime import datetime\ndatetime.now()", ["datetime.now()"]),
        ("import datetime\ndatetime.date.today()", ["datetime.date.today()"]),
        ("from datetime import time\nt = time(8, 0)", []),
        ("from voicebot.nlu import times", []),
    ],
)
def test_the_search_finds_what_it_should(source: str, found: list[str]) -> None:
    assert [what for _, what in world(ast.parse(source))] == found
