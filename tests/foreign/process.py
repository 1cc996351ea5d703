"""The bot of tests/foreign/bot.py, started and asked from a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue
from typing import Any

from storage.db import open_store
from storage.portfolio import import_portfolio
from storage.portfolio_example import write_example
from tests.support.bots import bot_settings, write_toml
from voicebot.settings import PROJECT, Settings

#: How many customers can be called.
CUSTOMERS = 40
#: What must be as it was when no call runs. (`threads` are only reported.)
IDLE = ("live", "stack", "tasks", "files", "sockets", "rtp")


def wait_until(condition: Callable[[], object], what: str, within_s: float = 10.0) -> None:
    """Fails naming `what` where `condition` does not become true."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {within_s:g} s"
        time.sleep(0.05)


class BotProcess:
    """A running bot; `settings` are its own."""

    def __init__(self, process: subprocess.Popen[str], settings: Settings, log: Path) -> None:
        self.process, self.settings, self.log = process, settings, log
        self.address = ("127.0.0.1", settings.telephony.port)
        self._answers: dict[int, Queue[Any]] = {}
        self._lock = threading.Lock()
        self._number = 0
        ready = process.stdout.readline() if process.stdout else ""
        assert ready.startswith('{"ready"'), f"the bot did not start, see {log}: {log.read_text()[-2000:]}"
        threading.Thread(target=self._read, daemon=True).start()
        self.ask("counters")
        self.idle = self.ask("counters")

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            answer = json.loads(line)
            self._answers[answer["number"]].put(answer["answer"])
        for waiting in self._answers.values():
            waiting.put({"error": "the bot's process has ended"})

    def ask(self, do: str, within_s: float = 30.0, **arguments: object) -> Any:
        """One command and its answer; fails where the bot died or does not answer."""
        with self._lock:
            self._number += 1
            number, answer = self._number, Queue[Any]()
            self._answers[number] = answer
            assert self.process.stdin is not None
            self.process.stdin.write(json.dumps({"number": number, "do": do, "with": arguments}) + "\n")
            self.process.stdin.flush()
        got = answer.get(timeout=within_s)
        assert not (isinstance(got, dict) and "error" in got), f"{do}: {got}, see {self.log}"
        return got

    def last_attempt(self) -> int:
        """The number of the newest attempt; 0 before the first."""
        return max((row["attempt"] for row in self.ask("attempts")), default=0)

    def accounts(self, count: int) -> list[str]:
        """The first accounts of the portfolio."""
        return [f"A-{1000 + i}" for i in range(1, count + 1)]

    def is_idle(self) -> bool:
        """Nothing of any call is left."""
        now = self.ask("counters")
        return all(now[name] <= self.idle[name] for name in IDLE)

    def wait_idle(self, within_s: float = 10.0) -> None:
        """Fails naming what is left."""
        end = time.monotonic() + within_s
        while not self.is_idle():
            now = self.ask("counters")
            left = {name: (self.idle[name], now[name]) for name in IDLE}
            new = Counter(now["names"]) - Counter(self.idle["names"])  # one name may be open twice
            assert time.monotonic() < end, f"(at first, now): {left}, new files: {sorted(new.elements())}"
            time.sleep(0.1)


@contextmanager
def bot_process(folder: Path, trunk: dict[str, object] | None = None, **telephony: object) -> Iterator[BotProcess]:
    """Start it with a database of its own, calls sent by `trunk`; ended afterwards whatever happened. Requests are not
    limited where nothing is said of it: all peers are one source here, and what they send is to be served."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = bot_settings(folder, "127.0.0.1:9", **{"calls_per_s": 0, **telephony})
    paths = settings.paths.model_copy(update={"prompt_cache": folder / "prompts"})
    # No OPTIONS: sipp takes one for a call.
    line = settings.trunk.model_copy(update={"options_s": 0, **(trunk or {})})
    settings = settings.model_copy(update={"paths": paths, "trunk": line})
    with open_store(settings.paths.database) as store:
        files = write_example(folder / "portfolio", today=datetime.now(UTC).date(), count=CUSTOMERS)
        assert not import_portfolio(store.db, *files).problems
    command = [sys.executable, "-m", "tests.foreign.bot", str(write_toml(settings, folder / "bot.toml"))]
    log = folder / "bot.log"
    with log.open("w") as errors:
        process = subprocess.Popen(
            command, cwd=PROJECT, env={**os.environ, "OMP_NUM_THREADS": "1"}, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        try:
            yield BotProcess(process, settings, log)
            assert process.poll() is None, f"the bot ended by itself ({process.returncode}), see {log}"
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
