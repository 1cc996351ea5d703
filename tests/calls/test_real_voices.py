"""Whole calls with real people's recordings: the own voice, somebody else's, and random digits repeated by either.

The recordings are not the project's (see docs/voiceprint.md): where they are not, these tests are skipped, visibly. The
customers answer with keys and let recordings speak where the bot wants to hear the voice.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile
from rich.console import Console

from storage.db import open_reader
from storage.records import CallRecord
from tests.calls.conftest import CACHE, SHIPPED
from voicebot.call import conversation
from voicebot.commands.voice_picture import write_picture
from voicebot.demo.prepare import ENROL_S, Cast, Enrolled
from voicebot.demo.run import DemoPlan, run_demo
from voicebot.model.outcome import Disposition
from voicebot.model.voice import VoiceState
from voicebot.settings import PROJECT, load

SPEECH = PROJECT.parent / "shared" / "speech"
RATE = 8000
PRIVATE = re.compile(r"loan|instalment|\bdue\b|dollar|debt|credit|two thousand", re.IGNORECASE)
CODE = "402 917"
BORN = {"A-1003": "23111978#", "A-1007": "05121975#"}

pytestmark = [pytest.mark.timeout(600), pytest.mark.scenario]
needs_telephone = pytest.mark.skipif(not (SPEECH / "telephone").is_dir(), reason="no recordings in ../shared/speech")
needs_digits = pytest.mark.skipif(not (SPEECH / "digits").is_dir(), reason="no recordings in ../shared/speech")

SCENARIO = """\
scenario: {about}
call: {{flow: {flow}, account: {account}, codec: PCMA}}
persona: {{name: Somebody, voice: heart, reaction_ms: 300, patience_s: 25}}
caller:
  - {{hears: right_party, presses: "1"}}
  - {{hears: ask_birth_date, presses: "{born}"}}
  - {{hears: count_aloud, plays: {first}}}
  - {{hears: more_speech, optional: true, plays: {second}}}
{then}
"""
VERIFIED = """\
  - {hears: ask_pay, presses: "1"}
  - {hears: read_back, presses: "1"}
  - {hears: goodbye}
expect: {disposition: PROMISE_TO_PAY, voiceprint: match, promise_amount: "2000"}"""
SENT_AWAY = """\
  - {hears: cannot_go_on}
not_hears: [loan_words]
expect: {disposition: VOICE_MISMATCH, voiceprint: mismatch, warning: W-V3}"""


def lines(path: Path, longest_pause_s: float = 0.4) -> np.ndarray:
    """A recording with its long pauses shortened: somebody who counts aloud without stopping to think."""
    samples, rate = soundfile.read(path, dtype="float32")
    assert rate == RATE
    frame = RATE // 50
    frames = samples[: len(samples) // frame * frame].reshape(-1, frame)
    loud = np.sqrt((frames**2).mean(axis=1))
    speech = loud > max(4 * float(np.percentile(loud, 10)), 0.02 * float(loud.max()))
    kept, silent = [], 0
    for piece, spoken in zip(frames, speech, strict=True):
        silent = 0 if spoken else silent + 1
        if silent <= longest_pause_s * 50:
            kept.append(piece)
    return np.concatenate(kept)


def digits(who: str, said: str, take: int) -> np.ndarray:
    """Digits of one person, one after the other; `take`: which of the twelve recordings of each."""
    pause = np.zeros(round(0.22 * RATE), dtype=np.float32)
    found = []
    for digit in said:
        samples, rate = soundfile.read(SPEECH / "digits" / who / f"{digit}_{take}.flac", dtype="float32")
        assert rate == RATE
        found += [samples, pause]
    return np.concatenate(found)


class Stage:
    """A folder of scenarios with the sound they play, and an enrolled person."""

    def __init__(self, name: str) -> None:
        self.folder = CACHE / "real_voices" / name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.scenarios = self.folder / "scenarios"
        self.scenarios.mkdir(parents=True)
        shutil.copy(SHIPPED / "prompts.yaml", self.scenarios)

    def enrol(self, sounds: Sequence[np.ndarray]) -> None:
        """The enrolled person's recordings."""
        voices = self.folder / f"voices-{ENROL_S:g}" / "real"
        voices.mkdir(parents=True)
        for n, samples in enumerate(sounds):
            soundfile.write(voices / f"{n}.wav", samples, RATE, subtype="PCM_16")

    def scenario(self, about: str, flow: str, account: str, sounds: Sequence[np.ndarray], then: str) -> None:
        """One call; the sounds are played where the bot wants to hear more."""
        stem = about.replace(" ", "_")
        names = [f"{stem}_{n}.wav" for n in range(len(sounds))]
        for name, samples in zip(names, sounds, strict=True):
            soundfile.write(self.scenarios / name, samples, RATE, subtype="PCM_16")
        then = then.replace("SOUND", names[-1])
        text = SCENARIO.format(
            about=about, flow=flow, account=account, born=BORN[account], first=names[0], second=names[1], then=then
        )
        (self.scenarios / f"{stem}.yaml").write_text(text, encoding="utf-8")

    def call(self, **voiceprint: object) -> dict[str, CallRecord]:
        """Call them all; by account."""
        settings = load(environ={})
        settings = settings.model_copy(update={"voiceprint": settings.voiceprint.model_copy(update=voiceprint)})
        cast = Cast(16, (Enrolled("C-1003", "real"), Enrolled("C-1007", "real")))
        with (self.folder / "run.log").open("w") as log:
            console = Console(file=log, width=200)
            result = asyncio.run(run_demo(settings, DemoPlan((self.scenarios,), self.folder, 2, cast), console))
        for row in result.rows:
            assert row.wrong() == [], f"{row.listed.scenario}: {row.wrong()}, see {self.folder}/run.log"
        with open_reader(result.database) as reader:
            records = [reader.call(s.attempt_id) for s in reader.calls()]
        return {str(record.start.account_id): record for record in records}


@cache
def two_calls() -> dict[str, CallRecord]:
    """A man whose voice is enrolled is called (A-1003); then another man answers with all the right keys (A-1007)."""
    stage = Stage("telephone")
    own, other = SPEECH / "telephone" / "M_1298636292", SPEECH / "telephone" / "M_1298688108"
    stage.enrol([soundfile.read(own / f"{n}.flac", dtype="float32")[0] for n in (1, 2, 3)])
    stage.scenario("own voice", "reminder", "A-1003", [lines(own / "5.flac"), lines(own / "4.flac")], VERIFIED)
    stage.scenario("another voice", "reminder", "A-1007", [lines(other / "5.flac"), lines(other / "4.flac")], SENT_AWAY)
    return stage.call()


@needs_telephone
def test_the_own_voice_matches_at_the_strict_limit_and_hears_of_the_loan() -> None:
    record = two_calls()["A-1003"]
    assert record.outcome is not None
    assert record.outcome.disposition is Disposition.PROMISE_TO_PAY
    assert record.voice is not None
    assert record.voice.state is VoiceState.MATCH
    assert record.voice.accept_limit == pytest.approx(6.9, abs=0.05)  # the reminder's own alpha of 0.1 %
    assert PRIVATE.search(" ".join(turn.prompt_text for turn in record.turns))
    assert not record.warnings


@needs_telephone
def test_somebody_else_is_a_mismatch_and_hears_not_one_private_word() -> None:
    record = two_calls()["A-1007"]
    assert record.outcome is not None
    assert record.outcome.disposition is Disposition.VOICE_MISMATCH
    assert record.outcome.right_party is False
    assert not PRIVATE.search(" ".join(turn.prompt_text for turn in record.turns))
    [warning] = record.warnings
    assert (warning.code, warning.state, warning.severity) == ("W-V3", "open", "high")
    assert warning.owner
    assert warning.due_at > warning.raised_at
    assert warning.evidence["recording"] == record.progress.recording
    shown = warning.evidence["comparisons"]
    assert isinstance(shown, list)
    assert shown
    assert shown[-1]["state"] == "mismatch"


@needs_telephone
@pytest.mark.parametrize("account", ["A-1003", "A-1007"])
def test_every_comparison_is_in_the_audit_and_in_the_picture(account: str, tmp_path: Path) -> None:
    record = two_calls()[account]
    assert len(record.comparisons) >= 2
    times = [c.t for c in record.comparisons]
    assert times == sorted(times)
    assert all(
        c.decision.model_id and c.decision.calibration_id and c.decision.llr is not None for c in record.comparisons
    )
    write_picture(tmp_path / "voice.png", record.turns, record.comparisons)
    assert (tmp_path / "voice.png").read_bytes().startswith(b"\x89PNG")


CHALLENGED = """\
  - {hears: "repeat these six digits", plays: SOUND}
  - {hears: "repeat these six digits", optional: true, plays: SOUND}
"""
NO_OFFER = """\
  - {hears: goodbye}
expect: {disposition: RPC_VERIFIED, voiceprint: match}"""
NOT_VERIFIED = """\
  - {hears: "could not make sure"}
not_hears: [loan_words]
expect: {disposition: RPC_NOT_VERIFIED, warning: W-V5}"""


@needs_digits
def test_random_digits_are_repeated_by_the_own_voice_and_not_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second caller plays recordings of the customer, which match, and then has to say the digits himself."""
    monkeypatch.setattr(conversation, "challenge_codes", lambda: (CODE,) * 6)
    code = CODE.replace(" ", "")
    stage = Stage("digits")
    stage.enrol([np.concatenate([digits("jackson", "0123456789", take) for take in (n, n + 1)]) for n in (0, 2, 4, 6)])
    speech = [digits("jackson", "0123456789", take) for take in (8, 9)]
    speech = [np.concatenate([s, digits("jackson", "9876543210", 10)]) for s in speech]
    own, other = ([*speech, digits(who, code, 11)] for who in ("jackson", "theo"))
    stage.scenario("digits in the own voice", "invitation", "A-1003", own, CHALLENGED + NO_OFFER)
    stage.scenario("digits in another voice", "invitation", "A-1007", other, CHALLENGED + NOT_VERIFIED)
    records = stage.call(challenge="always")
    [warning] = records["A-1007"].warnings
    assert warning.evidence["risk"] == ["always"]
    assert not PRIVATE.search(" ".join(turn.prompt_text for turn in records["A-1007"].turns))
    passed = [c for c in records["A-1003"].checks if c.name == "challenge_repeated"]
    assert passed[-1].result == "passed"
    assert passed[-1].detail["digits"] is True
