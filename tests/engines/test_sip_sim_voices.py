"""The personas' voices: told apart by the voiceprint model, understood by the recogniser, after the telephone."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from sip_sim.audio import net_speech_s, read_wav
from sip_sim.ears import Ears
from sip_sim.errors import EarsError, VoiceError
from sip_sim.g711 import through
from sip_sim.recording import record
from sip_sim.voices import VoiceBox, load_registry
from sip_sim.wording import share_heard

MODELS = Path(__file__).parents[2] / "models"
SENTENCES = (
    "Yes, this is Joe Miller speaking, good morning, how can I help you?",
    "I bought new seed and fertilizer for the farm with the money.",
    "I can pay that next Friday, it should not be a problem.",
)
SAME_AT_LEAST = 0.6
OTHERS_AT_MOST = 0.47  # 0.44 measured


@pytest.fixture(scope="module")
def voices(tmp_path_factory: pytest.TempPathFactory) -> VoiceBox:
    return VoiceBox(tmp_path_factory.mktemp("voices"))


@pytest.fixture(scope="module")
def embeddings(voices: VoiceBox) -> dict[str, np.ndarray]:
    from voicebot.engines.ecapa_speaker import EcapaEncoder
    from voicebot.model.audio import AudioFrame

    encoder = EcapaEncoder(MODELS / "ecapa-voxceleb")

    def embed(name: str, text: str) -> tuple[float, ...]:
        return encoder.embed(AudioFrame(through("PCMU", voices.say(name, text)).tobytes(), 8000))

    return {name: np.array([embed(name, text) for text in SENTENCES]) for name in load_registry()}


def test_there_are_at_least_six_voices() -> None:
    assert len(load_registry()) >= 6


def test_each_voice_is_like_itself(embeddings: dict[str, np.ndarray]) -> None:
    for name, rows in embeddings.items():
        likeness = [float(rows[a] @ rows[b]) for a, b in combinations(range(len(rows)), 2)]
        assert np.mean(likeness) >= SAME_AT_LEAST, name


def test_no_voice_is_like_another(embeddings: dict[str, np.ndarray]) -> None:
    for one, other in combinations(embeddings, 2):
        assert float((embeddings[one] @ embeddings[other].T).max()) <= OTHERS_AT_MOST, (one, other)


def test_the_recogniser_understands_each_voice(voices: VoiceBox) -> None:
    ears = Ears(MODELS / "whisper-tiny-en")
    for name in load_registry():
        shares = [share_heard(text, ears.transcribe(through("PCMA", voices.say(name, text)))) for text in SENTENCES]
        assert np.mean(shares) >= 0.8, name


def test_recordings_for_an_enrolment(voices: VoiceBox, tmp_path: Path) -> None:
    files = record(voices, "heart-low", 12, tmp_path)
    assert len(files) >= 3
    assert sum(net_speech_s(read_wav(file)) for file in files) >= 12
    with pytest.raises(VoiceError, match="give only"):
        record(voices, "heart-low", 900, tmp_path)


def test_ears_hear_nothing_in_silence_and_say_so_without_a_model(tmp_path: Path) -> None:
    assert Ears(MODELS / "whisper-tiny-en").transcribe(np.zeros(400, np.int16)) == ""
    with pytest.raises(EarsError, match="no Whisper model"):
        Ears(tmp_path).load()


def test_long_speech_is_heard_to_its_end(voices: VoiceBox) -> None:
    text = "The train to the city leaves every morning. " * 12 + "And now it ends with a purple elephant."
    heard = Ears(MODELS / "whisper-tiny-en").transcribe(voices.say("heart", text))
    assert share_heard("purple elephant", heard) == 1
