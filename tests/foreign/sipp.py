"""sipp (Debian package sip-tester) as a caller or as who is called: a scenario run to its end, and its counts."""

from __future__ import annotations

import csv
import itertools
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.foreign.sound import packets

SCENARIOS = Path(__file__).parent / "scenarios"
#: Which of pytest's processes this is, where there are several.
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
#: RTP of one sipp after the other, 120 ports each; the bot's is elsewhere (tests/support/far_end.py).
MEDIA_PORTS = itertools.cycle(range(22000 + 2000 * WORKER, 24000 + 2000 * WORKER - 120, 120))
#: What sipp sends.
TONE_HZ = 450


@dataclass(frozen=True)
class Counts:
    """What sipp says at its end."""

    calls: int
    right: int
    failed: int
    retransmissions: int
    errors: str


def free_port() -> int:
    """A UDP port on loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Sipp:
    """One run of a scenario; `port` is its SIP port."""

    def __init__(self, process: subprocess.Popen[str], folder: Path, port: int) -> None:
        self.process, self.port, self._folder = process, port, folder

    def end(self, within_s: float = 60.0) -> Counts:
        """Wait for its end, and count."""
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        rows = list(csv.DictReader((self._folder / "counts.csv").open(), delimiter=";"))
        assert rows, f"sipp wrote nothing: {self.output()}"
        last = {name: int(rows[-1][name + "(C)"]) for name in ("SuccessfulCall", "FailedCall", "Retransmissions")}
        calls = int(rows[-1]["TotalCallCreated"])
        return Counts(calls, last["SuccessfulCall"], last["FailedCall"], last["Retransmissions"], self.output())

    def output(self) -> str:
        """What it complained of."""
        return "\n".join(path.read_text(errors="replace")[-3000:] for path in self._folder.glob("*.log"))


def _scenario(name: str, folder: Path, port: int, contact_port: int, talk_ms: int) -> Path:
    tone = folder / "tone.alaw"
    tone.write_bytes(b"".join(packets(TONE_HZ, 2.0)))
    text = (SCENARIOS / f"{name}.xml").read_text()
    filled = {"TONE_FILE": str(tone), "CONTACT_PORT": str(contact_port or port), "TALK_MS": str(talk_ms)}
    for word, value in filled.items():
        text = text.replace(word, value)
    made = folder / f"{name}.xml"
    made.write_text(text)
    return made


@contextmanager
def sipp_runs(
    program: str, name: str, folder: Path, *, calls: int, target: tuple[str, int] | None = None, at_a_time: int = 10,
    rate: int = 10, talk_ms: int = 1500, contact_port: int = 0, longest_s: int = 60,
) -> Iterator[Sipp]:  # fmt: skip
    """Start it: calling `target`, or (None) waiting to be called. It is gone afterwards whatever happened."""
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    made = _scenario(name, folder, port, contact_port, talk_ms)
    command = [program, *([f"{target[0]}:{target[1]}"] if target else []), "-sf", str(made)]
    command += ["-i", "127.0.0.1", "-p", str(port), "-mi", "127.0.0.1", "-m", str(calls), "-l", str(at_a_time)]
    command += ["-mp", str(next(MEDIA_PORTS)), "-nostdin"]
    command += ["-timeout", str(longest_s), "-trace_stat", "-stf", "counts.csv", "-fd", "1"]
    command += ["-trace_err", "-error_file", "errors.log"] + (["-r", str(rate)] if target else [])
    with (folder / "out.log").open("w") as out:
        process = subprocess.Popen(command, cwd=folder, stdout=out, stderr=subprocess.STDOUT, text=True)
        try:
            yield Sipp(process, folder, port)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
