"""Vosk (Kaldi): streaming, with partial texts, a phrase list per step, and the n best hypotheses.

Where phrases are given and the model builds its graph at run time, only they (and "something else") can be heard, at a
twentieth of the cost of free speech.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr

from voicebot.engines.sound import to_float, to_pcm16
from voicebot.engines.vosk_result import Hypothesis, Segment, join, parse
from voicebot.errors import EngineError, ModelError
from voicebot.model.audio import AudioFrame
from voicebot.model.speech import Utterance

logger = logging.getLogger(__name__)

RATE = 16000
N_BEST = 5
#: What a model may call "none of these words"; the first one in its vocabulary is used.
_UNKNOWN = ("[unk]", "<unk>", "<UNK>", "[UNK]")
_HINT = "run `voicebot models check`"
#: A partial result carries no confidence: neither trusted nor doubted.
_PARTIAL_CONFIDENCE = 0.5
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


class _Kaldi(Protocol):
    def AcceptWaveform(self, data: bytes) -> int: ...  # noqa: N802 (vosk's names)

    def Result(self) -> str: ...  # noqa: N802

    def PartialResult(self) -> str: ...  # noqa: N802

    def FinalResult(self) -> str: ...  # noqa: N802


class VoskRecognizer:
    """Recognizer. One model for the process; a native recogniser per stream."""

    def __init__(self, model_dir: Path, language: str) -> None:
        """`language`: ISO 639-1, for the record. Raises ModelError."""
        self.language = language
        self._name = f"vosk:{model_dir.name.removeprefix('vosk-model-')}"
        self._new, self._knows = _load(model_dir)
        self._unknown = next((w for w in _UNKNOWN if self._knows(w)), None)

    @property
    def name(self) -> str:
        """Engine and model."""
        return self._name

    @property
    def streaming(self) -> bool:
        """True: `accept` returns partial texts."""
        return True

    def start(self, phrases: Sequence[str] | None = None) -> VoskStream:
        """Begin an utterance. Words of `phrases` that the model does not know are left out; none left: free speech."""
        grammar = self.grammar(phrases) if phrases else None
        return VoskStream(self._new(grammar), frozenset(_UNKNOWN))

    def grammar(self, phrases: Sequence[str]) -> str | None:
        """The phrases as Vosk wants them (a JSON list), with its word for "something else"; None where none is left."""
        kept: dict[str, None] = {}
        dropped = 0
        for phrase in phrases:
            words = _WORD.findall(phrase.lower().replace("’", "'"))
            known = [word for word in words if self._knows(word)]
            dropped += len(words) - len(known)
            if known:
                kept[" ".join(known)] = None
        if dropped:
            logger.debug("%d words of the step's phrases are not in the model's vocabulary", dropped)
        if not kept:
            return None
        # the escapes of ASCII-only JSON would not be understood
        return json.dumps([*kept, *([self._unknown] if self._unknown else [])], ensure_ascii=False)


class VoskStream:
    """RecognizerStream. Vosk ends segments by itself at pauses; they are joined into one utterance."""

    def __init__(self, kaldi: _Kaldi, not_words: frozenset[str]) -> None:
        self._kaldi = kaldi
        self._not_words = not_words
        self._lock = threading.Lock()
        self._segments: list[Segment] = []
        self._t0: float | None = None
        self._t1 = 0.0
        self._rate = RATE
        self._resampler: soxr.ResampleStream | None = None
        self._partial = ""
        self._result: Utterance | None = None

    def accept(self, frame: AudioFrame) -> str | None:
        """Take sound (20 ms or more, any rate); the text so far."""
        with self._lock:
            if self._result is not None:
                raise EngineError("the utterance is finished: no more sound can be taken")
            if self._t0 is None:
                self._t0 = frame.t
            self._t1 = frame.t_end
            self._feed(self._resampled(frame, last=False))
            return self._text()

    def snapshot(self) -> Utterance:
        """The partial text as an utterance: no alternatives, and no confidence to speak of."""
        with self._lock:
            if self._result is not None:
                return self._result
            text = self._text()
            confidence = _PARTIAL_CONFIDENCE if text else 0.0
            return Utterance(text, confidence=confidence, t0=self._t0 or 0.0, t1=self._t1)

    def finish(self) -> Utterance:
        """The result, with word times and confidences (share of the n-best probability that has the word there)."""
        with self._lock:
            if self._result is None:
                if self._t0 is not None:
                    self._feed(self._resampled(AudioFrame(b"", self._rate), last=True))
                    self._add(self._kaldi.FinalResult())
                self._result = join(self._segments, self._t0 or 0.0, self._t1, N_BEST)
            return self._result

    def _resampled(self, frame: AudioFrame, *, last: bool) -> bytes:
        if frame.rate == RATE and self._resampler is None:
            return frame.pcm16
        if self._resampler is None or frame.rate != self._rate:
            self._rate = frame.rate
            self._resampler = soxr.ResampleStream(frame.rate, RATE, 1, dtype="float32", quality="HQ")
        return to_pcm16(np.asarray(self._resampler.resample_chunk(to_float(frame.pcm16), last=last), dtype=np.float32))

    def _feed(self, pcm16: bytes) -> None:
        if not pcm16:
            return
        if self._kaldi.AcceptWaveform(pcm16):
            self._add(self._kaldi.Result())
            self._partial = ""
        else:
            self._partial = _clean(str(json.loads(self._kaldi.PartialResult()).get("partial", "")), self._not_words)

    def _add(self, result: str) -> None:
        segment = parse(result, self._t0 or 0.0, self._not_words)
        if any(hypothesis.words for hypothesis in segment):
            self._segments.append(segment)

    def _text(self) -> str:
        parts = [_best(segment).text for segment in self._segments]
        return " ".join(part for part in (*parts, self._partial) if part)


def _best(segment: Segment) -> Hypothesis:
    return segment[0]


def _clean(text: str, not_words: frozenset[str]) -> str:
    return " ".join(word for word in text.split() if word not in not_words)


def _load(model_dir: Path) -> tuple[Callable[[str | None], _Kaldi], Callable[[str], bool]]:
    if not (model_dir / "am" / "final.mdl").is_file() and not (model_dir / "final.mdl").is_file():
        raise ModelError(f"{model_dir}: no Vosk model (am/final.mdl is missing)", hint=_HINT)
    import vosk

    vosk.SetLogLevel(-1)  # its C log goes past Python's
    try:
        model = vosk.Model(str(model_dir))
    except Exception as error:  # vosk raises a bare Exception
        raise ModelError(f"{model_dir}: the Vosk model cannot be loaded", hint=_HINT) from error

    def new(grammar: str | None) -> _Kaldi:
        recogniser = vosk.KaldiRecognizer(model, RATE, grammar) if grammar else vosk.KaldiRecognizer(model, RATE)
        recogniser.SetWords(True)
        recogniser.SetMaxAlternatives(N_BEST)
        kaldi: _Kaldi = recogniser
        return kaldi

    return new, lambda word: int(model.vosk_model_find_word(word)) >= 0
