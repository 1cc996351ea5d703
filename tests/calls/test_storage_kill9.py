"""kill -9 at any moment: no acknowledged row is lost, and every attempt ends with exactly one outcome."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from storage.db import open_store
from voicebot.model.outcome import Disposition

ROOT = Path(__file__).resolve().parents[2]
KILLS = 10

#: Three threads write attempts as calls do, and print each id after the method that acknowledged it has returned.
WRITER = """
import os, sys, threading
from pathlib import Path
from storage.db import open_store
from voicebot.model.outcome import Disposition, Outcome, WarningCode, WarningRaised
from voicebot.model.records import AttemptProgress, AttemptStart, Turn

store = open_store(Path(sys.argv[1]))
store.recover()

def say(word, attempt):
    os.write(1, f"{word} {attempt}\\n".encode())

def calls():
    while True:
        start = AttemptStart(None, None, "reminder", "v", "inbound", "h", "baresip", "2026-11-22T12:00:00+00:00")
        attempt = store.open_attempt(start)
        say("opened", attempt)
        store.progress(attempt, AttemptProgress(sip_status=200, last_step="greet"))
        for n in range(3):
            store.add_turn(attempt, Turn(f"step{n}", "p", "text " * 50, 0.0, 1.0))
            say("turn", attempt)
        warning = WarningRaised(WarningCode.W_V1, "another voice")
        assert store.close_attempt(attempt, Outcome(Disposition.VOICE_MISMATCH, warnings=(warning,)))
        say("closed", attempt)

for _ in range(3):
    threading.Thread(target=calls).start()
"""


def written_until_killed(database: Path, after_s: float) -> list[tuple[str, int]]:
    """What a writer acknowledged before it was killed, `after_s` seconds after its first acknowledgement."""
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    writer = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(database)], cwd=ROOT, env=environ, stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    said = writer.stdout.readline()
    time.sleep(after_s)
    writer.send_signal(signal.SIGKILL)
    said += writer.stdout.read()
    assert writer.wait(timeout=10) == -signal.SIGKILL
    lines = [line.split() for line in said.decode().split("\n")[:-1]]
    return [(word, int(attempt)) for word, attempt in lines]


def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path):
    database, rng = tmp_path / "var" / "voicebot.db", random.Random(11)
    said: list[tuple[str, int]] = []
    for _ in range(KILLS):
        said += written_until_killed(database, rng.uniform(0.0, 0.4))
    opened = {attempt for word, attempt in said if word == "opened"}
    closed = {attempt for word, attempt in said if word == "closed"}
    assert len(opened) > KILLS
    with open_store(database) as store:
        interrupted = store.recover()
        assert store.recover() == 0
        assert store.db.row("PRAGMA integrity_check") == {"integrity_check": "ok"}
        assert store.db.rows("PRAGMA foreign_key_check") == []
        assert interrupted <= 3  # the last writer's threads; each writer recovered what the one before left
        attempts = {row["id"]: row["state"] for row in store.db.rows("SELECT id, state FROM attempts")}
        outcomes = {row["attempt_id"]: row for row in store.db.rows("SELECT * FROM outcomes")}
        assert opened <= set(attempts)
        assert set(outcomes) == set(attempts)
        assert set(attempts.values()) == {"closed"}
        done = {attempt for attempt, row in outcomes.items() if row["disposition"] == Disposition.VOICE_MISMATCH}
        assert closed <= done
        evidence = store.db.rows("SELECT attempt_id FROM warning_evidence")
        assert {row["attempt_id"] for row in evidence} == done  # an outcome and its warning: both or neither
        for row in outcomes.values():
            if row["attempt_id"] not in done:
                assert (row["disposition"], row["error"]) == ("TECHNICAL_FAILURE", "interrupted")
        turns = {
            r["attempt_id"]: r["n"] for r in store.db.rows("SELECT attempt_id, count(*) AS n FROM turns GROUP BY 1")
        }
        for attempt in opened:
            assert turns.get(attempt, 0) >= said.count(("turn", attempt))
    left = list((tmp_path / "var" / "voicebot.db.owners").iterdir())
    assert left == []  # the marks of the killed are swept
