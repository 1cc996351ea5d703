"""The simulator's own recogniser: Whisper tiny.en (CTranslate2) on what the caller heard.

Features are cut to the utterance (at least ten seconds) instead of padded to thirty: three times faster and no worse
(measured; under eight seconds of context Whisper repeats itself).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from sip_sim.errors import EarsError
from sip_sim.g711 import RATE, Samples

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

_SHORTEST: Final = 1000  # feature frames of 10 ms
_LONGEST: Final = 3000
_CHUNK_S: Final = 28.0


@dataclass(slots=True)
class Ears:
    """Loads the model at the first use; `transcribe` blocks and belongs into a worker thread."""

    model_folder: Path
    threads: int = 1
    _model: WhisperModel | None = None
    _tokenizer: Any = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def load(self) -> None:
        """Load the model now."""
        with self._lock:
            self._load()

    def _load(self) -> None:
        if self._model is not None:
            return
        if not (self.model_folder / "model.bin").is_file():
            raise EarsError(
                f"no Whisper model in {self.model_folder}",
                hint="run `voicebot models` (it places models/whisper-tiny-en), or name a folder with --ears",
            )
        from faster_whisper import WhisperModel
        from faster_whisper.tokenizer import Tokenizer

        self._model = WhisperModel(str(self.model_folder), device="cpu", compute_type="int8", cpu_threads=self.threads)
        self._tokenizer = Tokenizer(self._model.hf_tokenizer, multilingual=False)

    def transcribe(self, samples: Samples) -> str:
        """8 kHz, 16 bit -> the words as Whisper writes them, empty for silence."""
        import soxr

        if samples.size < RATE // 10:
            return ""
        sound = soxr.resample(samples.astype(np.float32) / 32768.0, RATE, 16000, "HQ")
        step = round(_CHUNK_S * 16000)
        with self._lock:
            self._load()
            texts = [self._recognise(sound[start : start + step]) for start in range(0, sound.size, step)]
        return " ".join(text for text in texts if text)

    def _recognise(self, sound: np.ndarray[Any, np.dtype[np.float32]]) -> str:
        import ctranslate2

        model, tokenizer = self._model, self._tokenizer
        if model is None:
            return ""
        features = model.feature_extractor(sound)
        length = min(_LONGEST, max(_SHORTEST, features.shape[-1]))
        padded = np.zeros((features.shape[0], length), dtype=np.float32)
        padded[:, : min(length, features.shape[-1])] = features[:, :length]
        encoded = model.model.encode(ctranslate2.StorageView.from_array(np.ascontiguousarray(padded[None])))
        prompt = model.get_prompt(tokenizer, [], without_timestamps=True)
        longest = 8 + round(sound.size / 16000 * 8)
        result = model.model.generate(
            encoded, [prompt], beam_size=5, max_length=len(prompt) + longest, suppress_blank=True
        )
        tokens = [token for token in result[0].sequences_ids[0] if token < tokenizer.eot]
        return str(tokenizer.decode(tokens)).strip()
