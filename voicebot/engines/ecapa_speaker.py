"""Speaker embeddings with SpeechBrain's ECAPA-TDNN (Desplanques et al. 2020; spkrec-ecapa-voxceleb), from a folder.

Measured on one thread: 2 s of speech 0.13-0.21 s, 5 s 0.38 s; import 4 to 6 s, load 1.2 s.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from voicebot.engines.sound import Samples
from voicebot.engines.speaker_encoder import RATE, WaveEncoder, file_digits
from voicebot.errors import ModelError
from voicebot.model.audio import AudioFrame

if TYPE_CHECKING:
    import torch

_HINT = "run `voicebot models check`, then `voicebot models fetch ecapa-voxceleb`"
#: The parts of the model an embedding needs (EncoderClassifier.encode_batch): the training speakers' classifier and the
#: toolkit's pretrainer, which links and copies files and may ask a hub, are left out.
_NEEDED = ("compute_features", "mean_var_norm", "embedding_model")


class EcapaEncoder(WaveEncoder):
    """SpeakerEncoder. Thread-safe as WaveEncoder."""

    def __init__(self, model_dir: Path) -> None:
        """Load and warm up. Raises ModelError."""
        checkpoint = model_dir / "embedding_model.ckpt"
        for needed in (model_dir / "hyperparams.yaml", checkpoint):
            if not needed.is_file():
                raise ModelError(f"{needed}: missing", hint=_HINT)
        super().__init__(f"{model_dir.name}-{file_digits(checkpoint)}")
        self._modules = _load(model_dir)
        self.embed(AudioFrame(bytes(2 * RATE), RATE))

    def _vectors(self, waves: Samples) -> Samples:
        import torch

        with torch.inference_mode():
            wave = torch.from_numpy(waves)
            lengths = torch.ones(len(waves))
            features, norm, model = self._modules
            out = model(norm(features(wave), lengths), lengths)
            return np.asarray(out.reshape(len(waves), -1).numpy(), dtype=np.float32)


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
