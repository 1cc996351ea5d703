"""The Whisper network itself (CTranslate2): sound of one utterance to hypotheses with confidences."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, cast

import numpy as np

from voicebot.engines import whisper_text
from voicebot.engines.sound import Samples
from voicebot.errors import EngineError, ModelError

_HINT = "run `voicebot models check`, then `voicebot models fetch whisper-tiny-en`"
#: Encoder contexts, seconds; the network knows no more than 30. Of 228 answers in six voices (A-law) 12 s misheard as
#: many words as 15 (4.7, 4.5 %; digits 4.2, 5.6 %) for a sixth less CPU; 10 s and less repeat themselves (5.9, 6.9 %).
_CONTEXTS_S = (12, 15, 20, 25, 30)
#: Sound that must stay free after the utterance inside the context, seconds.
_ROOM_S = 0.5
BEAM = 5
N_BEST = 5
#: Spoken language has fewer tokens: more is a loop. Tokens per second of sound, and how many are always allowed.
_TOKENS_PER_S = 9.0
_TOKENS_FREE = 12
#: A result with both a high probability of no speech and a low score is nothing (Radford et al. 2022, section 4.5).
_NO_SPEECH = 0.6
_LOW_SCORE = -1.0
#: The pass that may only write numbers wins where its score is at most this much under the free pass's.
_DIGITS_MARGIN = 0.35


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One way to read the sound. `score`: mean natural-log probability of its tokens; `confidence` its exponential."""

    text: str
    score: float

    @property
    def confidence(self) -> float:
        """In [0, 1]."""
        return max(0.0, min(1.0, math.exp(self.score)))


class _Generated(Protocol):
    sequences_ids: list[list[int]]
    scores: list[float]
    no_speech_prob: float


class WhisperModel:
    """Thread-safe: the native model has `workers` threads of its own and queues what is more."""

    rate = 16000

    def __init__(self, model_dir: Path, threads: int, language: str, workers: int = 1) -> None:
        for needed in ("model.bin", "config.json", "tokenizer.json"):
            if not (model_dir / needed).is_file():
                raise ModelError(f"{model_dir / needed}: missing", hint=_HINT)
        try:
            self._load(model_dir, threads, language, workers)
        except Exception as error:  # the native loaders raise several kinds for a spoiled file
            raise ModelError(f"{model_dir}: cannot be loaded ({error})", hint=_HINT) from error
        self.recognise(np.zeros(self.rate, dtype=np.float32) + 1e-4, digits=False)

    def _load(self, model_dir: Path, threads: int, language: str, workers: int) -> None:
        import ctranslate2
        from faster_whisper.feature_extractor import FeatureExtractor
        from faster_whisper.tokenizer import Tokenizer
        from tokenizers import Tokenizer as TokenFile

        self._ct2 = ctranslate2
        self._net = ctranslate2.models.Whisper(
            str(model_dir), device="cpu", compute_type="int8", inter_threads=workers, intra_threads=threads
        )
        words = TokenFile.from_file(str(model_dir / "tokenizer.json"))
        multilingual = bool(self._net.is_multilingual)
        if not multilingual and language != "en":
            raise ValueError(f"the model knows English only, not {language}")
        self._tokens = Tokenizer(words, multilingual, task="transcribe", language=language)
        self._features = FeatureExtractor(feature_size=int(self._net.n_mels))
        self._prompt = [*self._tokens.sot_sequence, self._tokens.no_timestamps]
        self._non_speech = list(self._tokens.non_speech_tokens)
        self._not_digits = whisper_text.tokens_that_are_not_numbers(words, language, keep=self._tokens.eot)

    def recognise(self, samples: Samples, *, digits: bool) -> tuple[Hypothesis, ...]:
        """Hypotheses, best first; none where nobody speaks. `samples` at `rate`; over 30 s goes piece by piece."""
        limit = _CONTEXTS_S[-1] * self.rate
        if samples.size > limit:
            pieces = [self.recognise(samples[i : i + limit], digits=digits) for i in range(0, samples.size, limit)]
            best = [piece[0] for piece in pieces if piece]
            if not best:
                return ()
            return (Hypothesis(" ".join(h.text for h in best), sum(h.score for h in best) / len(best)),)
        try:
            encoded = self._encode(samples)
            free = self._decode(encoded, samples.size, [-1, *self._non_speech])
            if not free or not digits:
                return free
            numbers = self._decode(encoded, samples.size, self._not_digits)
        except RuntimeError as error:
            raise EngineError(f"whisper failed: {error}") from error
        return _join(free, numbers)

    def _encode(self, samples: Samples) -> object:
        seconds = samples.size / self.rate
        context = next((c for c in _CONTEXTS_S if seconds + _ROOM_S <= c), _CONTEXTS_S[-1])
        padded = np.zeros(context * self.rate, dtype=np.float32)
        padded[: samples.size] = samples
        features = self._features(padded, padding=0)[:, : context * 100]
        view = self._ct2.StorageView.from_array(np.ascontiguousarray(features[np.newaxis], dtype=np.float32))
        return self._net.encode(view)

    def _decode(self, encoded: object, samples: int, suppress: list[int]) -> tuple[Hypothesis, ...]:
        most = int(_TOKENS_FREE + _TOKENS_PER_S * samples / self.rate)
        result = cast(
            list[_Generated],
            self._net.generate(
                encoded,
                [self._prompt],
                beam_size=BEAM,
                num_hypotheses=N_BEST,
                max_length=min(448, most + len(self._prompt)),
                return_scores=True,
                return_no_speech_prob=True,
                suppress_tokens=suppress,
            ),
        )[0]
        if result.no_speech_prob > _NO_SPEECH and result.scores[0] < _LOW_SCORE:
            return ()
        found: dict[str, Hypothesis] = {}
        for ids, score in zip(result.sequences_ids, result.scores, strict=True):
            text = self._tokens.decode([i for i in ids if i < self._tokens.eot]).strip()
            if whisper_text.bare(text) and len(ids) < most and not whisper_text.is_loop(text):
                found.setdefault(whisper_text.bare(text), Hypothesis(text, score))
        return tuple(found.values())


def _join(free: tuple[Hypothesis, ...], numbers: tuple[Hypothesis, ...]) -> tuple[Hypothesis, ...]:
    """Both passes as one list: numbers first where they explain the sound about as well as free speech does."""
    if not numbers:
        return free
    first, second = (numbers, free) if numbers[0].score >= free[0].score - _DIGITS_MARGIN else (free, numbers)
    joined = {whisper_text.bare(h.text): h for h in reversed((*first, *second))}
    return tuple(sorted(joined.values(), key=(*first, *second).index))[: 2 * N_BEST]
