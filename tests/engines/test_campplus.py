"""CAM++ with its real weights, and both models joined: neural voices through the telephone."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from voicebot.engines.campplus_speaker import CHECKPOINT, CampPlusEncoder
from voicebot.engines.choose import choose_encoder, encoder_choice
from voicebot.engines.ecapa_speaker import EcapaEncoder
from voicebot.engines.hibari_tts import HibariSynthesizer
from voicebot.engines.piper_tts import PiperSynthesizer
from voicebot.engines.speaker_encoder import JoinedEncoder
from voicebot.errors import EngineError, ModelError
from voicebot.model.audio import AudioFrame
from voicebot.model.voice import Embedding
from voicebot.settings import PathSettings, Settings, VoiceprintSettings
from voicebot.voiceprint.calibration import load

Telephone = Callable[..., AudioFrame]
ONE = "The instalment is due at the end of the month, is it not?"
OTHER = "I have been a customer of this bank for seven years."


def cosine(a: Embedding, b: Embedding) -> float:
    return float(np.dot(a, b))


@pytest.fixture(scope="module")
def spoken(heart: HibariSynthesizer, joe: PiperSynthesizer, telephone: Telephone) -> dict[str, list[AudioFrame]]:
    return {
        name: [telephone(voice.synthesize(text), 0.0, 0.0) for text in (ONE, OTHER)]
        for name, voice in (("heart", heart), ("joe", joe))
    }


def test_one_voice_is_alike_and_two_are_not(campplus: CampPlusEncoder, spoken: dict[str, list[AudioFrame]]) -> None:
    vectors = {name: [campplus.embed(frame) for frame in frames] for name, frames in spoken.items()}
    for name, other in (("heart", "joe"), ("joe", "heart")):
        assert len(vectors[name][0]) == 192
        assert np.linalg.norm(vectors[name][0]) == pytest.approx(1.0)
        assert cosine(*vectors[name]) > 0.6
        assert cosine(vectors[name][0], vectors[other][1]) < 0.35


def test_several_at_once_are_as_one_by_one(campplus: CampPlusEncoder, spoken: dict[str, list[AudioFrame]]) -> None:
    pieces = [AudioFrame(f.pcm16[: 2 * n], 8000) for f in spoken["joe"] for n in (16000, 12000, 16000)]
    together = campplus.embed_many(pieces)
    for piece, vector in zip(pieces, together, strict=True):
        assert cosine(campplus.embed(piece), vector) > 0.9999
    assert campplus.embed_many([]) == []


def test_on_several_threads_too(models: Path, spoken: dict[str, list[AudioFrame]], campplus: CampPlusEncoder) -> None:
    busy = CampPlusEncoder(models / "campplus-zh-en")
    busy.use_threads(2)
    pieces = [AudioFrame(spoken["heart"][0].pcm16[2 * i : 2 * i + 24000], 8000) for i in range(0, 9000, 1000)]
    for wanted, found in zip(campplus.embed_many(pieces), busy.embed_many(pieces), strict=True):
        assert cosine(wanted, found) > 0.9999
    assert [t.name for t in threading.enumerate() if t.name.startswith("voiceprint")]


def test_too_little_sound(campplus: CampPlusEncoder, speaker_encoder: JoinedEncoder) -> None:
    for encoder in (campplus, speaker_encoder):
        with pytest.raises(EngineError, match=r"0\.25 s of speech is too short"):
            encoder.embed(AudioFrame(bytes(4000), 8000))


def test_both_joined_give_the_mean_of_their_cosines(
    ecapa: EcapaEncoder,
    campplus: CampPlusEncoder,
    speaker_encoder: JoinedEncoder,
    spoken: dict[str, list[AudioFrame]],
) -> None:
    a, b = spoken["heart"][0], spoken["joe"][1]
    single = [cosine(encoder.embed(a), encoder.embed(b)) for encoder in (ecapa, campplus)]
    assert cosine(speaker_encoder.embed(a), speaker_encoder.embed(b)) == pytest.approx(np.mean(single), abs=1e-6)
    assert len(speaker_encoder.embed(a)) == 384
    assert speaker_encoder.model_id == f"{ecapa.model_id}+{campplus.model_id}"


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (("ecapa",), "ecapa-voxceleb-0575cb64"),
        (("campplus",), "campplus-zh-en-92f29b94"),
        (("campplus", "ecapa"), "ecapa-voxceleb-0575cb64+campplus-zh-en-92f29b94"),
    ],
)
def test_each_choice_of_models_has_its_calibration(models: Path, names: tuple[str, ...], wanted: str) -> None:
    voiceprint = VoiceprintSettings.model_validate({"models": names})
    settings = Settings(paths=PathSettings(models=models), voiceprint=voiceprint)
    encoder = choose_encoder(settings)
    assert encoder.model_id == wanted
    assert load("default", encoder.model_id).model_id == wanted
    assert encoder_choice(settings).engine == "+".join(sorted(names, reverse=True))


def test_a_missing_or_spoiled_checkpoint(models: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="missing") as caught:
        CampPlusEncoder(tmp_path)
    assert "voicebot models fetch campplus-zh-en" in caught.value.hint
    shutil.copy(models / "ecapa-voxceleb" / "hyperparams.yaml", tmp_path / CHECKPOINT)
    with pytest.raises(ModelError, match="cannot be loaded"):
        CampPlusEncoder(tmp_path)
