"""`sip-sim` on a bot that is not ours: Debian's baresip, which speaks one sentence to whoever calls. The simulator runs
in an empty folder: no portfolio, no database, nothing of the bank's."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import soundfile

from sip_sim.voices import VoiceBox
from tests.foreign.sipp import free_port
from tests.foreign.test_baresip_phone import telephone
from voicebot.settings import PROJECT

pytestmark = pytest.mark.timeout(90)
CACHE = PROJECT / "var" / "tests" / "voices-cache"
GREETING = "Good morning, this is the city library. Please tell me the title of the book."
CALLER = """\
scenario: a library's bot asks for a title
persona: {name: Ann, voice: heart}
call: {number: "15550101001", direction: inbound, codec: PCMU, max_s: 20}
caller:
  - {hears: [city library, title of the book], says: "Moby Dick."}
  - {after_s: 0.4, hangs_up: true}
expect: {sip: [INVITE, 200, BYE]}
"""


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    ears = PROJECT / "models" / "whisper-tiny-en"
    common = ["--listen", "127.0.0.1:0", "--ears", str(ears), "--cache", str(CACHE), "--wait", "8"]
    command = [sys.executable, "-m", "sip_sim", "run", str(folder / "library.yaml"), *common, *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


def test_a_caller_hears_answers_and_judges_a_foreign_bot(baresip: str, folder: Path) -> None:
    (folder / "library.yaml").write_text(CALLER)
    sound = VoiceBox(CACHE).say("joe", GREETING)
    silence = np.zeros(8000 * 8, np.int16)
    soundfile.write(folder / "greeting.wav", np.concatenate([silence[:4000], sound, silence]), 8000, subtype="PCM_16")
    with telephone(baresip, folder / "bot", "pcmu", folder / "greeting.wav") as port:
        target = f"sip:15550101001@127.0.0.1:{port}"
        done = run(folder, "--target", target, "--junit", "junit.xml", "--report", "report.html", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    (told,) = json.loads(done.stdout)["results"]
    assert told["passed"]
    said = [(line["who"], line["text"]) for line in told["lines"]]
    assert said[0][0] == "bot"
    assert "library" in said[0][1].lower()
    assert said[1] == ("caller", "Moby Dick.")
    assert ElementTree.parse(folder / "junit.xml").getroot().get("failures") == "0"
    assert "city library" in (folder / "report.html").read_text().lower()


def test_nobody_there_is_told(folder: Path) -> None:
    (folder / "library.yaml").write_text(CALLER)
    done = run(folder, "--target", f"sip:library@127.0.0.1:{free_port()}", "--wait", "1")
    assert done.returncode == 1
    assert "nobody answers at sip:library@127.0.0.1" in done.stdout
