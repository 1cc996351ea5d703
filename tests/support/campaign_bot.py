"""Bots that run campaigns without models, started in a moment and killed at any: `python -m tests.support.campaign_bot
SETTINGS.toml`. All modules are loaded once; each line on stdin forks a bot, which says on stdout what was acknowledged
to it: `pid`, `ready`, `opened ATTEMPT`, `ended ATTEMPT DISPOSITION`.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from tests.support.bots import Silent
from voicebot import app
from voicebot.call.observer import NoObserver
from voicebot.model.outcome import Outcome
from voicebot.settings import load
from voicebot.signaling import baresip_agent  # noqa: F401 - loaded once, before the forks


def say(*words: object) -> None:
    """One line, whole even where the process is killed right after."""
    os.write(1, (" ".join(map(str, words)) + "\n").encode())


class Told(NoObserver):
    """Says what the store has acknowledged."""

    def attempt_started(self, attempt_id: int, account_id: str | None, flow: str, direction: str) -> None:
        say("opened", attempt_id)

    def attempt_ended(self, attempt_id: int, outcome: Outcome) -> None:
        say("ended", attempt_id, outcome.disposition.value)


async def bot(settings_file: Path) -> None:
    """Until killed."""
    app.choose_recognizer = app.choose_synthesizer = lambda *_: Silent()  # type: ignore[assignment,misc]
    app.choose_activity = Silent  # type: ignore[assignment,misc]
    async with app.Application(load(settings_file, environ={}), Told()) as application:
        say("ready")
        await application.dialer().run()


def main() -> None:
    """Fork a bot for every line."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the killed
    for _ in sys.stdin:
        pid = os.fork()
        if not pid:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            asyncio.run(bot(Path(sys.argv[1])))
        say("pid", pid)


if __name__ == "__main__":
    main()
