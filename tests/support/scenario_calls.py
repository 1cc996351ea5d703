"""Folders of scenarios, called by a bot of their own: each folder has its own portfolio, database and bot.

A folder's customers are the example portfolio's; two folders could not call the same person at the same time, and what
one call leaves in the database (a wish not to be called) must not change another's.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from rich.console import Console

from tests.calls.conftest import CACHE, OURS, SHIPPED
from voicebot.demo.prepare import example_cast
from voicebot.demo.run import DemoPlan, DemoResult, run_demo
from voicebot.demo.table import Row
from voicebot.settings import load

#: Calls at a time in each folder; two folders are called at the same time (`make scenarios`).
AT_A_TIME = int(os.environ.get("SCENARIO_CALLS", "5"))


#: These need an agent's telephone in the bank's settings: test_transfer.py calls them.
WITH_AN_AGENT = {"transfer", "transfer_blind"}


def folders() -> Mapping[str, Path]:
    """By name: the tour, the tests' own, and every folder of the shipped scenarios; the longest first."""
    shipped = {folder.name: folder for folder in sorted(SHIPPED.iterdir()) if folder.is_dir() and names(folder)}
    found = {"tour": SHIPPED, "tests": OURS, **shipped}
    found = {name: folder for name, folder in found.items() if name not in WITH_AN_AGENT}
    return dict(sorted(found.items(), key=lambda item: -len(names(item[1]))))


def names(folder: Path) -> list[str]:
    """Its scenarios."""
    return sorted(path.stem for path in folder.glob("*.yaml") if path.stem != "prompts")


@cache
def called(name: str) -> DemoResult:
    """All scenarios of a folder, called once for the whole test run, several at a time."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"{name}.log").open("w") as log:
        plan = DemoPlan((folders()[name],), CACHE, AT_A_TIME, example_cast(customers=40))
        return asyncio.run(run_demo(load(environ={}), plan, Console(file=log, width=200)))


def evidence(row: Row, result: DemoResult, folder: str) -> str:
    """Where to look when it failed, and how to call it again."""
    measured = row.measured or {}
    wav = measured.get("wav") or "-"
    ladder = measured.get("ladder") or "-"
    said = [f"  {line['t0']:6.2f} {line['who']:6} {line['text']}" for line in measured.get("lines") or ()]
    path = measured.get("file") or folders()[folder] / f"{row.listed.scenario}.yaml"
    return "\n".join(
        [
            f"recording (stereo) {wav}",
            f"SIP ladder         {ladder}",
            f"seed               {measured.get('seed', '-')}",
            f"bot's log          {CACHE / f'{folder}.log'}",
            f"database           {result.database}, attempt {row.stored.attempt_id if row.stored else '-'}",
            f"expected           {json.dumps(row.listed.expect)}",
            f"again              .venv/bin/voicebot demo {path} --parallel 1",
            *said,
        ]
    )
