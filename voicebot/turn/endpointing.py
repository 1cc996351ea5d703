"""When an answer ends. Fed with voice activity, it counts audio time and never looks at a clock.

Speech begins when the detector's probability stays over `threshold` for `start_s`; each silence of `pause_s` is
reported once (recognition may start on what was said so far), and the answer ends when the silence reaches what the
question needs: a complete answer ends soon, an incomplete one waits (`require`). After jambonz and Pipecat: endpointing
per question (peers.md, lesson 9).
"""

from __future__ import annotations

from dataclasses import dataclass

from voicebot.model.audio import SpeechChunk


@dataclass(frozen=True, slots=True)
class EndpointingOptions:
    """Seconds of audio, and probabilities."""

    threshold: float = 0.5
    release: float = 0.35
    start_s: float = 0.09
    pause_s: float = 0.12
    #: After speech under `brief_s` a pause is told later: a bare "yes" is waited on longer anyway. Of 15 such pauses
    #: in the benchmark's answers 13 ended sooner.
    brief_s: float = 0.6
    brief_pause_s: float = 0.28
    silence_s: float = 3.0  # until `require` says otherwise: what was said so far is being recognised
    max_answer_s: float = 20.0


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The caller began to speak at `t`."""

    t: float


@dataclass(frozen=True, slots=True)
class Paused:
    """The caller has been silent since `t`; perhaps the answer is over."""

    t: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """The caller goes on speaking at `t`: what was recognised at the pause is not the whole answer."""

    t: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The answer lasted from `t0` to `t1`. `too_long`: cut at `max_answer_s` while sound went on."""

    t0: float
    t1: float
    too_long: bool = False


TurnEvent = SpeechStarted | Paused | Resumed | Ended


class Endpointer:
    """State of one caller's speech; `accept` returns what became known with each chunk."""

    def __init__(self, options: EndpointingOptions) -> None:
        self._options = options
        self._required = options.silence_s
        self._longest = options.max_answer_s
        self._candidate: float | None = None  # where speech may have begun
        self._t0: float | None = None
        self._silent_since: float | None = None
        self._pause_told = False

    @property
    def speaking_since(self) -> float | None:
        """Start of the answer that is going on; None in silence."""
        return self._t0

    @property
    def silent_since(self) -> float | None:
        """Start of the silence inside the answer that is going on."""
        return self._silent_since

    def require(self, silence_s: float) -> None:
        """How long the silence must last to end this answer. It counts from its beginning, however late this is told:
        audio time rules, not the recogniser's."""
        self._required = silence_s

    def limit(self, max_answer_s: float) -> None:
        """How long answers may be from now on."""
        self._longest = max_answer_s

    def accept(self, chunk: SpeechChunk) -> tuple[TurnEvent, ...]:
        """One decision of the voice activity detector, in order of time."""
        if self._t0 is None:
            return self._waiting(chunk)
        return self._answering(chunk, self._t0)

    def _waiting(self, chunk: SpeechChunk) -> tuple[TurnEvent, ...]:
        if chunk.probability < self._options.threshold:
            self._candidate = None
            return ()
        if self._candidate is None:
            self._candidate = chunk.t0
        if chunk.t1 - self._candidate < self._options.start_s:
            return ()
        self._t0 = self._candidate
        self._candidate = None
        self._silent_since = None
        self._pause_told = False
        self._required = self._options.silence_s
        return (SpeechStarted(self._t0),)

    def _answering(self, chunk: SpeechChunk, t0: float) -> tuple[TurnEvent, ...]:
        if chunk.t1 - t0 >= self._longest:
            self._reset()
            return (Ended(t0, chunk.t1, too_long=True),)
        if chunk.probability >= self._options.release:
            return self._voiced(chunk)
        self._candidate = None
        if self._silent_since is None:
            self._silent_since = chunk.t0
        silence = chunk.t1 - self._silent_since
        if silence >= self._required:
            ended = Ended(t0, self._silent_since)
            self._reset()
            return (ended,)
        brief = self._silent_since - t0 < self._options.brief_s
        if silence >= (self._options.brief_pause_s if brief else self._options.pause_s) and not self._pause_told:
            self._pause_told = True
            return (Paused(self._silent_since),)
        return ()

    def _voiced(self, chunk: SpeechChunk) -> tuple[TurnEvent, ...]:
        told, since = self._pause_told, self._silent_since
        if told and chunk.probability < self._options.threshold:
            return ()  # breath, line noise: after a pause only clear speech counts as going on
        if told:
            if self._candidate is None:
                self._candidate = chunk.t0
            if chunk.t1 - self._candidate < self._options.start_s:
                return ()
            self._candidate = None
        self._silent_since = None
        self._pause_told = False
        if told and since is not None:
            self._required = self._options.silence_s
            return (Resumed(chunk.t0),)
        return ()

    def _reset(self) -> None:
        self._t0 = None
        self._candidate = None
        self._silent_since = None
        self._pause_told = False
        self._required = self._options.silence_s
