"""The check of the speaker with the real encoder, VAD and shipped calibration: neural voices and real people.

The telephone set is what the shipped calibration was fitted on (its honest figures are cross-validated, in the
calibration's file); nobody of the digit set was.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner, Result

from storage.db import open_store
from voicebot.commands import enrol as enrol_command
from voicebot.commands import voiceprint as voiceprint_command
from voicebot.commands.enrol import enrol_files
from voicebot.commands.voice_files import read_recording, samples_of
from voicebot.engines import sound
from voicebot.engines.hibari_tts import HibariSynthesizer
from voicebot.engines.piper_tts import PiperSynthesizer
from voicebot.engines.silero_vad import SileroActivity
from voicebot.engines.speaker_encoder import JoinedEncoder
from voicebot.model.audio import AudioFrame
from voicebot.model.portfolio import Account, Customer, Loan
from voicebot.model.records import Consent
from voicebot.model.voice import Embedding, Voiceprint, VoiceReason, VoiceState
from voicebot.settings import PathSettings, Settings, VoiceprintSettings
from voicebot.voiceprint.calibration import check_model, load
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.enrolment import enrol
from voicebot.voiceprint.tracker import VoiceTracker

SHARED = Path(__file__).resolve().parents[3] / "shared" / "speech"
telephone_set = pytest.mark.skipif(not (SHARED / "telephone").is_dir(), reason="../shared/speech/telephone is absent")
digit_set = pytest.mark.skipif(not (SHARED / "digits").is_dir(), reason="../shared/speech/digits is absent")

CALIBRATION = load("default")
SETTINGS = VoiceprintSettings(enrol_min_net_s=9.0)  # the shortest enrolment of the telephone set has 9.8 s
ENROLMENT = (
    "Hello, I would like to enrol my voice with the bank.",
    "I live near the harbour, and I have been a customer for seven years.",
    "The weather was fine last week, so we went to the sea with the children.",
    "Please call me in the evening, because I work until five o'clock.",
)
REPLIES = (
    "Yes, speaking.",
    "The second of May, nineteen ninety.",
    "It was for a used car.",
    "Yes, I am willing to repay the loan as agreed.",
)


@dataclass
class Bench:
    """What every test here needs; each piece of sound is embedded once."""

    encoder: JoinedEncoder
    activity: SileroActivity = field(default_factory=SileroActivity)
    known: dict[bytes, Embedding] = field(default_factory=dict)

    @property
    def model_id(self) -> str:
        return self.encoder.model_id

    def embed(self, speech: AudioFrame) -> Embedding:
        if speech.pcm16 not in self.known:
            self.known[speech.pcm16] = self.encoder.embed(speech)
        return self.known[speech.pcm16]

    def enrol(self, recordings: Sequence[AudioFrame]) -> Voiceprint:
        result = enrol(samples_of(recordings, self, self.activity), SETTINGS)
        assert result.accepted, result.refusal()
        return result.voiceprint("C-1", self.encoder.model_id, "2026-01-01T00:00:00+00:00")

    def call(self, known: Voiceprint | None, replies: Sequence[AudioFrame], *, until_s: float = 60.0) -> VoiceTracker:
        """Play the replies as a caller's frames, a pause before each."""
        tracker = VoiceTracker(known, CALIBRATION, Policy())
        stream = self.activity.start()
        pcm16 = b"".join(bytes(2 * 8000) + reply.pcm16 for reply in replies)
        for at in range(0, len(pcm16) - 319, 320):
            frame = AudioFrame(pcm16[at : at + 320], 8000, at / 16000)
            tracker.add_audio(frame, stream.accept(frame))
            self.take(tracker, now=False)
            if tracker.net_speech_s > until_s:
                return tracker
        self.take(tracker, now=True)
        return tracker

    def take(self, tracker: VoiceTracker, *, now: bool) -> None:
        while (window := tracker.pending_window(now=now)) is not None:
            tracker.add_embedding(self.embed(window.audio), window)


@pytest.fixture(scope="module")
def bench(speaker_encoder: JoinedEncoder) -> Bench:
    return Bench(speaker_encoder)


Said = dict[str, dict[str, list[AudioFrame]]]


@pytest.fixture(scope="module")
def said(heart: HibariSynthesizer, joe: PiperSynthesizer, telephone: Callable[..., AudioFrame]) -> Said:
    """voice -> enrolment and replies, through the telephone. `bright`: heart with a shorter vocal tract."""
    quick = HibariSynthesizer(speed=1 / 1.18)

    def bright(text: str) -> AudioFrame:
        spoken = quick.synthesize(text)
        return AudioFrame(spoken.pcm16, round(spoken.rate * 1.18))

    voices: dict[str, Callable[[str], AudioFrame]] = {
        "heart": heart.synthesize,
        "joe": joe.synthesize,
        "bright": bright,
    }
    return {
        name: {
            "enrolment": [telephone(speak(text)) for text in ENROLMENT],
            "replies": [telephone(speak(text)) for text in REPLIES],
        }
        for name, speak in voices.items()
    }


def test_calibration_is_for_this_encoder(bench: Bench) -> None:
    check_model(CALIBRATION, bench.encoder.model_id)


@pytest.mark.parametrize("name", ["heart", "joe", "bright"])
def test_own_voice_matches_within_five_seconds(bench: Bench, said: Said, name: str) -> None:
    tracker = bench.call(bench.enrol(said[name]["enrolment"]), said[name]["replies"])
    matched = [h.decision.net_speech_s for h in tracker.history if h.decision.state is VoiceState.MATCH]
    assert matched
    assert matched[0] <= 5.0
    assert tracker.decision().state is VoiceState.MATCH
    assert not any(h.decision.state is VoiceState.MISMATCH for h in tracker.history)


@pytest.mark.parametrize(
    ("name", "claimed"), [("joe", "heart"), ("heart", "joe"), ("bright", "heart"), ("heart", "bright")]
)
def test_other_voice_is_a_mismatch_within_six_seconds(bench: Bench, said: Said, name: str, claimed: str) -> None:
    """Where the other voice is higher and brighter than the customer's, as a raised one is, it takes a window more."""
    tracker = bench.call(bench.enrol(said[claimed]["enrolment"]), said[name]["replies"])
    found = [h.decision.net_speech_s for h in tracker.history if h.decision.state is VoiceState.MISMATCH]
    assert found
    assert found[0] <= 6.0
    assert tracker.decision().state is VoiceState.MISMATCH
    assert not any(h.decision.state is VoiceState.MATCH for h in tracker.history)


def test_a_lone_yes_decides_nothing(bench: Bench, said: Said) -> None:
    decision = bench.call(bench.enrol(said["joe"]["enrolment"]), said["joe"]["replies"][:1]).decision()
    assert (decision.state, decision.reason) == (VoiceState.INCONCLUSIVE, VoiceReason.NOT_ENOUGH_SPEECH)


def test_phone_handed_over_in_the_call(bench: Bench, said: Said) -> None:
    known = bench.enrol(said["joe"]["enrolment"])
    assert bench.call(known, said["joe"]["replies"]).decision().state is VoiceState.MATCH
    decision = bench.call(known, said["joe"]["replies"] + said["heart"]["replies"]).decision()
    assert (decision.state, decision.reason) == (VoiceState.INCONCLUSIVE, VoiceReason.SPEAKER_CHANGE)


def test_noise_is_said_and_nothing_decided(bench: Bench, said: Said) -> None:
    def noisy(frame: AudioFrame) -> AudioFrame:
        clean = sound.to_float(frame.pcm16)
        level = np.sqrt(np.mean(clean[np.abs(clean) > 0.01] ** 2)) / 10 ** (3 / 20)
        hiss = np.random.default_rng(1).normal(size=clean.size).astype(np.float32) * np.float32(level)
        return AudioFrame(sound.to_pcm16(clean + hiss), 8000, frame.t)

    known = bench.enrol(said["joe"]["enrolment"])
    for name in ("joe", "heart"):
        decision = bench.call(known, [noisy(r) for r in said[name]["replies"]]).decision()
        assert decision.state is VoiceState.INCONCLUSIVE
        assert decision.reason in (VoiceReason.NOISY, VoiceReason.NOT_ENOUGH_SPEECH)


def test_enrolment_from_a_calls_own_speech_works_in_the_next_call(bench: Bench, said: Said) -> None:
    first = bench.call(None, said["heart"]["replies"] + said["heart"]["enrolment"][:2])
    assert first.decision().reason is VoiceReason.NOT_ENROLLED
    result = enrol(first.enrolment_candidates(), SETTINGS)
    assert result.accepted, result.refusal()
    known = result.voiceprint("C-1", bench.encoder.model_id, "2026-01-01T00:00:00+00:00")
    assert bench.call(known, said["heart"]["enrolment"][2:]).decision().state is VoiceState.MATCH
    assert bench.call(known, said["joe"]["replies"]).decision().state is VoiceState.MISMATCH


def test_two_voices_do_not_make_one_voiceprint(bench: Bench, said: Said) -> None:
    mixed = said["heart"]["enrolment"][:2] + said["joe"]["enrolment"][2:]
    assert "more than one speaker" in enrol(samples_of(mixed, bench, bench.activity), SETTINGS).refusal()


# --- real people -------------------------------------------------------------------------------------------------


@telephone_set
def test_real_callers_own_and_others(bench: Bench) -> None:
    folders = sorted((SHARED / "telephone").iterdir())[::6]
    prints, calls = {}, {}
    for folder in folders:
        prints[folder.name] = bench.enrol([read_recording(folder / "1.flac")])
        calls[folder.name] = [read_recording(folder / f"{n}.flac") for n in (5, 4)]
    states: dict[bool, list[VoiceState]] = {True: [], False: []}
    for number, folder in enumerate(folders):
        for claimed in (folder.name, folders[number - 1].name, folders[number - 2].name):
            decision = bench.call(prints[claimed], calls[folder.name], until_s=8.0).decision()
            states[claimed == folder.name].append(decision.state)
    assert VoiceState.MISMATCH not in states[True]
    assert states[True].count(VoiceState.MATCH) >= len(folders) - 1
    assert VoiceState.MATCH not in states[False]
    assert states[False].count(VoiceState.MISMATCH) >= len(states[False]) - 2


@digit_set
def test_people_the_calibration_never_saw(bench: Bench) -> None:
    """Digits one at a time, another microphone than the telephone set's."""
    people = sorted(p.name for p in (SHARED / "digits").iterdir() if p.is_dir())

    def reads(person: str, takes: range) -> AudioFrame:
        files = [SHARED / "digits" / person / f"{digit}_{take}.flac" for take in takes for digit in range(10)]
        pause = bytes(2 * 2000)
        return AudioFrame(b"".join(read_recording(f).pcm16 + pause for f in files if f.is_file()), 8000)

    prints = {p: bench.enrol([reads(p, range(4)), reads(p, range(4, 8))]) for p in people}
    replies = {p: [reads(p, range(9, 12))] for p in people}
    for person in people:
        for claimed in people:
            state = bench.call(prints[claimed], replies[person], until_s=8.0).decision().state
            assert state is not (VoiceState.MISMATCH if person == claimed else VoiceState.MATCH), (person, claimed)
            if person != claimed:
                assert state is VoiceState.MISMATCH, (person, claimed)


# --- commands ----------------------------------------------------------------------------------------------------


@dataclass
class Desk:
    """`voicebot enrol` with a database of two accounts."""

    folder: Path
    settings: Settings

    def run(self, *arguments: str | Path) -> Result:
        return CliRunner().invoke(enrol_command.enrol, [str(a) for a in arguments], obj=self.settings)


@pytest.fixture
def desk(tmp_path: Path, models: Path) -> Desk:
    least = VoiceprintSettings(enrol_min_net_s=10.0)  # four sentences
    settings = Settings(paths=PathSettings(models=models, database=tmp_path / "bot.db"), voiceprint=least)
    money = (Decimal(1), Decimal(1), Decimal(1))
    loan = Loan("Online Credit", *money, date(2026, 11, 27), "USD", "used_car", date(2026, 1, 2))
    with open_store(settings.paths.database) as store:
        for number in (1, 2):
            who = Customer(f"C-{number}", f"Customer {number}", f"1555010{number}", date(1990, 5, 2), "4021")
            store.put_accounts([Account(f"A-{number}", who, loan)])
    return Desk(tmp_path, settings)


@pytest.fixture
def recordings(tmp_path: Path, said: Said) -> dict[str, list[Path]]:
    """The enrolment of each voice as files: WAV at 8 kHz and FLAC at 16 kHz."""
    found: dict[str, list[Path]] = {}
    for name in ("heart", "joe"):
        for i, frame in enumerate(said[name]["enrolment"]):
            rate = 8000 if i % 2 else 16000
            path = tmp_path / f"{name}{i}.{'wav' if i % 2 else 'flac'}"
            soundfile.write(path, sound.frame_at(frame, rate), rate)
            found.setdefault(name, []).append(path)
    return found


def test_enrol_stores_voiceprint_and_consent(desk: Desk, recordings: dict[str, list[Path]], bench: Bench) -> None:
    result = desk.run("--account", "A-1", "--from", *recordings["heart"], "--consent-text", "form 7", "--json")
    assert result.exit_code == 0, result.output
    shown = json.loads(result.output)
    assert shown["accepted"] is True
    with open_store(desk.settings.paths.database) as store:
        known, consent = store.voiceprint("C-1"), store.consent("C-1", "voiceprint")
        assert store.voiceprint("C-2") is None
    assert known is not None
    assert consent is not None
    assert (known.consent_id, known.model_id) == (shown["consent_id"], bench.encoder.model_id)
    assert known.net_speech_s >= 10
    assert (consent.basis, consent.text_version, consent.granted) == ("import", "form 7", True)


def test_enrol_says_what_is_missing(desk: Desk, recordings: dict[str, list[Path]]) -> None:
    result = desk.run("--account", "A-1", "--from", recordings["heart"][0])
    assert result.exit_code == 1
    assert "s of 10 s; 1 of 3 utterances" in result.output
    with open_store(desk.settings.paths.database) as store:
        assert store.voiceprint("C-1") is None
        assert store.consent("C-1", "voiceprint") is None


def test_enrol_a_portfolio(desk: Desk, recordings: dict[str, list[Path]]) -> None:
    table = desk.folder / "voices.csv"
    rows = [f"A-1,{p.name}" for p in recordings["heart"]] + [f"A-2,{p}" for p in recordings["joe"][:1]]
    table.write_text("account,file\n" + "\n".join(rows) + "\n", encoding="utf-8")
    result = desk.run("--csv", table)
    assert result.exit_code == 1
    first, second = result.output.splitlines()
    assert first.startswith("A-1: enrolled")
    assert second.startswith("A-2: refused: ")


def test_after_a_refusal_a_newer_agreement_is_needed(desk: Desk, recordings: dict[str, list[Path]]) -> None:
    with open_store(desk.settings.paths.database) as store:
        store.add_consent(None, Consent("C-1", "voiceprint", "written", "v1", False, "2026-02-03T10:00:00+00:00"))
    result = desk.run("--account", "A-1", "--from", *recordings["heart"])
    assert "refused a voiceprint on 2026-02-03" in str(result.exception)
    assert desk.run("--account", "A-1", "--from", *recordings["heart"], "--consent-text", "v2").exit_code == 0


@pytest.fixture(scope="module")
def made_people(tmp_path_factory: pytest.TempPathFactory, said: Said) -> Path:
    """Five voices that nobody has, of one enrolment and one test file each."""
    folder = tmp_path_factory.mktemp("people")
    shifts = {"heart": 1.0, "joe": 1.0, "bright": 1.0, "deep": 0.85, "light": 1.18}
    for name, shift in shifts.items():
        source = said[name if name in said else "joe"]
        for part in ("enrolment", "replies"):
            path = folder / name / f"{part}.wav"
            path.parent.mkdir(parents=True, exist_ok=True)
            joined = b"".join(f.pcm16 for f in source[part])
            soundfile.write(path, sound.to_float(joined), round(8000 * shift))
    return folder


def evaluated(folder: Path, models: Path, *more: str) -> dict[str, Any]:
    settings = Settings(paths=PathSettings(models=models))
    arguments = ["evaluate", str(folder), "--json", "--no-stress", *more]
    result = CliRunner().invoke(voiceprint_command.voiceprint, arguments, obj=settings)
    assert result.exit_code == 0, result.output
    data: dict[str, Any] = json.loads(result.stdout)
    return data


def test_evaluate_voices_that_nobody_has(tmp_path: Path, models: Path, made_people: Path) -> None:
    page = tmp_path / "report.html"
    data = evaluated(made_people, models, "--html", str(page))
    assert (data["speakers"], data["left_out"]) == (5, {})
    assert data["sequential"]["genuine"]["mismatch"] == 0.0
    assert data["sequential"]["genuine"]["match"] >= 80.0
    assert data["sequential"]["impostor"]["match"] == 0.0
    assert data["eer"]["3"] <= 5.0
    assert page.read_text().count("<svg") == 4


@telephone_set
def test_evaluate_real_people(tmp_path: Path, models: Path) -> None:
    """Few of them, so nothing but the extremes can be asked for; docs/voiceprint.md has the figures of all."""
    for person in sorted((SHARED / "telephone").iterdir())[3::14]:
        (tmp_path / person.name).symlink_to(person)
    data = evaluated(tmp_path, models)
    assert data["speakers"] == 3
    assert data["sequential"]["genuine"]["mismatch"] == 0.0
    assert data["sequential"]["genuine"]["match"] >= 90.0
    assert data["sequential"]["impostor"]["match"] == 0.0
    assert data["sequential"]["seconds_mean"] <= 5.0


def test_calibrate_on_a_folder(tmp_path: Path, models: Path, made_people: Path) -> None:
    out = tmp_path / "own.json"
    arguments = [str(made_people), "--out", str(out), "--id", "branch"]
    settings = Settings(paths=PathSettings(models=models))
    result = CliRunner().invoke(voiceprint_command.voiceprint, ["calibrate", *arguments], obj=settings)
    assert result.exit_code == 0, result.output
    fitted = load(out)
    assert (fitted.id, fitted.speakers, len(fitted.data_hash)) == ("branch", 5, 64)
    assert "5 speakers" in result.output


def test_enrol_files_of_any_rate(bench: Bench, recordings: dict[str, list[Path]]) -> None:
    result = enrol_files(recordings["joe"], bench, bench.activity, SETTINGS)
    assert result.accepted, result.refusal()
    assert result.utterances >= 3
