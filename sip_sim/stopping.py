"""Ctrl-C: the first one hangs up and leads to the report of what ran, a second one ends at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from typing import Final

import click

from sip_sim.report import ScenarioResult
from sip_sim.runner import Runner

#: The exit status of a run that was stopped.
STOPPED: Final = 130
_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


def tell(line: str) -> None:
    """A line for people, on standard error, where somebody reads it."""
    with contextlib.suppress(BrokenPipeError):
        click.echo(line, err=True)


async def until_done_or_stopped(runner: Runner) -> list[ScenarioResult]:
    """Run the scenarios; SIGINT and SIGTERM stop the runner instead of the program."""
    loop = asyncio.get_running_loop()

    def stop() -> None:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        runner.stop()
        tell("\nstopping: calls are hung up, the report follows (again to end at once)")

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    return await runner.run()


def nobody_reads(runner: Runner) -> None:
    """Whoever drives the bot and read our events has gone, and will make no calls."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    runner.stop()


def tell_what_ran(runner: Runner, results: list[ScenarioResult]) -> None:
    """Where the run was stopped: how far it came, and the exit status for that."""
    if runner.stopped:
        tell(f"stopped: {len(results)} of {len(results) + len(runner.not_run)} scenarios ran")
        raise SystemExit(STOPPED)
