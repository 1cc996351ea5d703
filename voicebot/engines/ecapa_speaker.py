"""Speaker embeddings with SpeechBrain's ECAPA-TDNN (Desplanques et al. 2020; spkrec-ecapa-voxceleb), from a folder.

Measured on one thread: 2 s of speech 0.13-0.21 s, 5 s 0.38 s; import 4 to 6 s, load 1.2 s.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voicebot.engines.sound import Samples, frame_at
from voicebot.errors import EngineError, ModelError
from voicebot.model.audio import AudioFrame
from voicebot.model.voice import Embedding

if TYPE_CHECKING:
    import torch

RATE = 16000
MIN_S = 0.3
_HINT = "run `voicebot models check`, then `voicebot models fetch ecapa-voxceleb`"
#: The parts of the model an embedding needs (EncoderClassifier.encode_batch): the training speakers' classifier and the
#: toolkit's pretrainer, which links and copies files and may ask a hub, are left out.
_NEEDED = ("compute_features", "mean_var_norm", "embedding_model")


class EcapaEncoder:
    """SpeakerEncoder. Thread-safe: one embedding at a time, on one thread (the process has calls to serve)."""

    def __init__(self, model_dir: Path) -> None:
        """Load and warm up. Raises ModelError."""
        checkpoint = model_dir / "embedding_model.ckpt"
        for needed in (model_dir / "hyperparams.yaml", checkpoint):
            if not needed.is_file():
                raise ModelError(f"{needed}: missing", hint=_HINT)
        self._model_id = f"{model_dir.name}-{_sha256(checkpoint)[:8]}"
        self._lock = threading.Lock()
        self._modules = _load(model_dir)
        self.embed(AudioFrame(bytes(2 * RATE), RATE))

    @property
    def model_id(self) -> str:
        """Model name and the first 8 digits of the checkpoint's sha256."""
        return self._model_id

    def embed(self, speech: AudioFrame) -> Embedding:
        """Net speech of one speaker (any rate) to 192 numbers, L2-normalised. Raises EngineError under 0.3 s."""
        if speech.duration < MIN_S:
            raise EngineError(f"{speech.duration:.2f} s of speech is too short for an embedding (least {MIN_S} s)")
        vector = self._encode(frame_at(speech, RATE))
        norm = float(np.linalg.norm(vector))
        if not np.isfinite(norm) or norm == 0.0:
            raise EngineError("the speaker encoder gave no usable embedding")
        return tuple(float(x) for x in vector / norm)

    def _encode(self, samples: Samples) -> Samples:
        import torch

        with self._lock, torch.inference_mode():
            wave = torch.from_numpy(samples.astype(np.float32)).unsqueeze(0)
            lengths = torch.ones(1)
            features, norm, model = self._modules
            out = model(norm(features(wave), lengths), lengths)
            return np.asarray(out.reshape(-1).numpy(), dtype=np.float32)


def _load(model_dir: Path) -> list[torch.nn.Module]:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # a local folder only: no part of the toolkit may ask a hub
    import torch

    torch.set_num_threads(1)
    quiet = logging.getLogger("speechbrain")
    quiet.setLevel(logging.ERROR)
    try:
        from hyperpyyaml import load_hyperpyyaml  # type: ignore[import-untyped]

        with (model_dir / "hyperparams.yaml").open(encoding="utf-8") as stream:
            parts = load_hyperpyyaml(stream, {"pretrained_path": str(model_dir)})
        modules: list[torch.nn.Module] = [parts[name] for name in _NEEDED]
        weights = torch.load(model_dir / "embedding_model.ckpt", map_location="cpu", weights_only=True)
        parts["embedding_model"].load_state_dict(weights)
    except Exception as error:  # torch, yaml and pickle each raise their own kinds for a spoiled file
        raise ModelError(f"{model_dir}: the speaker model cannot be loaded ({error})", hint=_HINT) from error
    _forget_lazy_modules()
    for module in modules:
        module.eval()
    return modules


def _forget_lazy_modules() -> None:
    """Take the toolkit's stand-ins for optional parts out of sys.modules: they raise when anything looks at them,
    as debuggers and test tools do with every module."""
    from speechbrain.utils.importutils import LazyModule

    for name in [name for name, module in sys.modules.items() if isinstance(module, LazyModule)]:
        del sys.modules[name]


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
