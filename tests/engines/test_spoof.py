"""Signs of a recording or a machine in real sound: the real VAD, real voices, real people, real codecs.

The shipped detector was fitted on these voices and people, so this shows that it works as measured, not how well
(docs/voiceprint.md, "A recording, or a machine").
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from voicebot.commands.voice_files import net_windows, read_recording
from voicebot.commands.voiceprint import voiceprint as command
from voicebot.commands.voiceprint_spoof import _sketches, _spoilt
from voicebot.engines.hibari_tts import HibariSynthesizer
from voicebot.engines.silero_vad import SileroActivity
from voicebot.engines.sound import to_pcm16
from voicebot.model.audio import AudioFrame
from voicebot.settings import Settings
from voicebot.voiceprint.spoof_features import features
from voicebot.voiceprint.spoof_proof import call_scores, replay_share
from voicebot.voiceprint.synthetic import load_detector

SHARED = Path(__file__).resolve().parents[3] / "shared" / "speech"
telephone_set = pytest.mark.skipif(not (SHARED / "telephone").is_dir(), reason="../shared/speech/telephone is absent")
LIMIT = Settings().voiceprint.replay_limit
ACTIVITY = SileroActivity()
SENTENCES = (
    "I live near the harbour, and I have been a customer for seven years.",
    "Please call me in the evening, because I work until five o'clock.",
)


def hibari(texts: tuple[str, ...], speed: float = 1.0) -> AudioFrame:
    """On the telephone: 8 kHz, with a pause after each text."""
    import soxr

    speaker, parts = HibariSynthesizer(speed=speed), []
    for text in texts:
        spoken = speaker.synthesize(text)
        sound = np.frombuffer(spoken.pcm16, dtype=np.int16).astype(np.float32) / 32768
        parts += [soxr.resample(sound, spoken.rate, 8000), np.zeros(5600, dtype=np.float32)]
    return AudioFrame(to_pcm16(np.concatenate(parts)), 8000)


def score(recording: AudioFrame) -> float:
    windows = [features(w.audio.pcm16, w.audio.rate) for w in net_windows([recording], ACTIVITY)]
    return float(call_scores(load_detector("default"), [np.array([w for w in windows if w is not None])])[0])


@pytest.mark.parametrize("condition", ["gsm", "opus12k", "loss5"])
def test_a_recording_is_known_through_another_codec(condition: str) -> None:
    first = hibari(SENTENCES)
    share = replay_share(_sketches(_spoilt(first, condition), ACTIVITY), [_sketches(first, ACTIVITY)])
    assert share is not None
    assert share > LIMIT


def test_other_words_of_the_same_voice_are_no_recording() -> None:
    other = hibari(("The weather was fine last week, so we went to the sea.", "It was for a used car, and I repay it."))
    share = replay_share(_sketches(other, ACTIVITY), [_sketches(hibari(SENTENCES), ACTIVITY)])
    assert share is not None
    assert share < LIMIT


@telephone_set
def test_people_who_repeat_themselves_are_no_recording_and_no_machine() -> None:
    for who in ("F_1299907796", "M_1298636292"):
        recordings = [read_recording(f) for f in sorted((SHARED / "telephone" / who).glob("*.flac"))]
        sketches = [_sketches(r, ACTIVITY) for r in recordings]
        shares = [replay_share(s, [o for o in sketches if o is not s]) for s in sketches]
        assert all(share is None or share < LIMIT for share in shares)
        assert score(recordings[0]) < load_detector("default").limit


def test_a_machine_is_heard_as_one() -> None:
    digits = (
        "seven three nine one",
        "four zero two eight",
        "five six one nine",
        "eight two seven zero",
        "three nine five",
    )
    assert score(hibari((*digits, *digits[::-1]))) >= load_detector("default").limit


@telephone_set
def test_the_command_prints_both_errors_and_fits_a_detector(tmp_path: Path) -> None:
    people, machines = tmp_path / "people", tmp_path / "machines"
    for source in sorted((SHARED / "telephone").iterdir())[:4]:
        (people / source.name).mkdir(parents=True)
        for n in (1, 2):
            (people / source.name / f"{n}.flac").symlink_to(source / f"{n}.flac")
    for name, speed in (("slow", 0.9), ("fast", 1.1)):
        (machines / name).mkdir(parents=True)
        made = np.frombuffer(hibari(SENTENCES * 2, speed).pcm16, dtype=np.int16)
        for n in (0, 1):
            soundfile.write(machines / name / f"{n}.wav", np.roll(made, n * 4000), 8000)
    arguments = ["spoof", str(people), "--synthetic", str(machines), "--fit", str(tmp_path / "own.json"), "--json"]
    done = CliRunner().invoke(command, arguments, obj=Settings())
    assert done.exit_code == 0, done.output
    figures = json.loads(done.stdout)
    assert figures["replay"]["false_alarms"] == 0
    assert figures["replay"]["found"]["mulaw2"] == 100
    assert set(figures["synthetic"]["engines"]) == {"slow", "fast"}
    assert set(figures["synthetic"]["unseen"]) >= {"people", "false_alarms", "eer_slow", "found_fast"}
    assert load_detector(str(tmp_path / "own.json")).fitted_on.startswith("4 people")
