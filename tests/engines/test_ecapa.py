"""Speaker embeddings: the official model, the same voice near, another voice far, the toolkit's own figures."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from voicebot.engines import sound
from voicebot.engines.ecapa_speaker import EcapaEncoder
from voicebot.engines.models import hash_file
from voicebot.errors import EngineError, ModelError
from voicebot.model.audio import AudioFrame

OFFICIAL = "0575cb64845e6b9a10db9bcb74d5ac32b326b8dc90352671d345e2ee3d0126a2"
ENROL = "Yes, this is me. I bought a tractor for the farm, and I live near the river in the old house."
TEST = "I can pay two thousand dollars next Friday. Please call me again in the evening, after work."


def test_the_checkpoint_is_the_official_one(models: Path, ecapa: EcapaEncoder) -> None:
    assert hash_file(models / "ecapa-voxceleb" / "embedding_model.ckpt") == OFFICIAL
    assert ecapa.model_id == "ecapa-voxceleb-0575cb64"


def test_voices_through_the_telephone(ecapa, heart, joe, telephone) -> None:
    heart_1, heart_2, joe_1, joe_2 = (
        np.array(ecapa.embed(telephone(voice.synthesize(text)))) for voice in (heart, joe) for text in (ENROL, TEST)
    )
    assert heart_1.shape == (192,)
    assert float(np.linalg.norm(heart_1)) == pytest.approx(1.0, abs=1e-5)
    assert float(heart_1 @ heart_2) > 0.6
    assert float(joe_1 @ joe_2) > 0.6
    assert max(float(a @ b) for a in (heart_1, heart_2) for b in (joe_1, joe_2)) < 0.35


def test_it_is_what_speechbrain_itself_computes(ecapa, heart, models: Path, tmp_path: Path) -> None:
    import torch
    from speechbrain.inference.speaker import EncoderClassifier
    from speechbrain.utils.fetching import LocalStrategy

    folder = str(models / "ecapa-voxceleb")
    whole = EncoderClassifier.from_hparams(
        folder, savedir=str(tmp_path), overrides={"pretrained_path": folder}, local_strategy=LocalStrategy.COPY
    )
    frame = heart.synthesize(TEST)
    theirs = whole.encode_batch(torch.from_numpy(sound.frame_at(frame, 16000))[None]).reshape(-1).numpy()
    assert float(theirs @ np.array(ecapa.embed(frame)) / np.linalg.norm(theirs)) > 0.9999


def test_cost_and_side_effects(ecapa, models: Path, tmp_path, monkeypatch) -> None:
    before = sorted(p.name for p in (models / "ecapa-voxceleb").iterdir())
    monkeypatch.chdir(tmp_path)
    speech = AudioFrame(np.random.default_rng(0).integers(-3000, 3000, 32000).astype("<i2").tobytes(), 16000)
    started = time.process_time()
    ecapa.embed(speech)
    assert time.process_time() - started < 1.0  # 2 s of sound, measured 0.12-0.2 s of one core
    EcapaEncoder(models / "ecapa-voxceleb")
    assert list(tmp_path.iterdir()) == [], "the toolkit left files in the working folder"
    assert sorted(p.name for p in (models / "ecapa-voxceleb").iterdir()) == before


def test_too_short_and_spoiled(ecapa, models: Path, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="too short"):
        ecapa.embed(AudioFrame(bytes(4000), 8000))
    with pytest.raises(ModelError, match=r"hyperparams\.yaml: missing"):
        EcapaEncoder(tmp_path)
    source = models / "ecapa-voxceleb"
    (tmp_path / "hyperparams.yaml").symlink_to(source / "hyperparams.yaml")
    (tmp_path / "embedding_model.ckpt").write_bytes((source / "embedding_model.ckpt").read_bytes()[:50_000])
    with pytest.raises(ModelError, match="cannot be loaded") as caught:
        EcapaEncoder(tmp_path)
    assert "voicebot models" in caught.value.hint


def test_looking_at_every_module_is_harmless(ecapa) -> None:
    """The toolkit's lazy stand-ins would raise ImportError here, and did in hypothesis."""
    for module in list(sys.modules.values()):
        getattr(module, "__file__", None)
