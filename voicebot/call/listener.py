"""Listens for one answer at a time: voice activity, end of the answer, interruption of the prompt, keys.

All decisions are taken in audio time. Recognition starts at each pause, while the silence still runs, and is thrown
away when the caller goes on; how long the silence must be follows from what was heard (voicebot.nlu.complete), and a
recognition that comes late ends no answer early: until it is there the silence may last `undecided_s`.
Barge-in is reversible: speech holds the prompt back at once, and only words with a meaning drop it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from voicebot.call.hearing import Hearing
from voicebot.call.line import Line
from voicebot.call.understanding import Understanding
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.ports import Recognizer, VoiceActivityStream
from voicebot.model.speech import Digits, Utterance
from voicebot.nlu.complete import Completeness
from voicebot.settings import TurnSettings
from voicebot.turn.endpointing import Ended, Endpointer, EndpointingOptions, Paused, Resumed, SpeechStarted, TurnEvent
from voicebot.turn.foreground import Foreground

logger = logging.getLogger(__name__)

#: Sound kept before the detector fired: the first consonant of an answer is quiet.
PRE_ROLL_S = 0.3
#: Sound that is shorter is rather a cough or a murmur than a sentence.
SHORT_S = 0.8
#: What a short answer is enough for: noise that goes on is taken for one no longer than `closed_answer_s`.
CLOSED = frozenset({"affirm_deny", "not_here"})
#: An answer that began at most so long before listening opened is taken as the answer.
EARLY_S = 2.0

#: Gets the sound, the decisions that turns are made of, and those of the detector itself (the check of the voice has a
#: rule of its own for crowds, and its figures were measured with them).
ChunkListener = Callable[[AudioFrame, tuple[SpeechChunk, ...], tuple[SpeechChunk, ...]], None]


@dataclass(frozen=True, slots=True)
class Question:
    """What is listened for. `no_input_s`: seconds of silence after the prompt; `barge_in`: it may be stopped."""

    expects: tuple[str, ...]
    no_input_s: float
    barge_in: bool


class Listener:
    """One per call; fed by the line, asked by the conversation."""

    def __init__(
        self,
        line: Line,
        recognizer: Recognizer,
        activity: VoiceActivityStream,
        understanding: Understanding,
        settings: TurnSettings,
        pool: ThreadPoolExecutor,
        on_chunks: ChunkListener,
        on_words: Callable[[Utterance], None] = lambda _: None,
    ) -> None:
        """`on_words`: told what was recognised at each pause in which the caller is still silent."""
        self._line = line
        self._recognizer = recognizer
        self._activity = activity
        self._understanding = understanding
        self._settings = settings
        self._pool = pool
        self._on_chunks = on_chunks
        self._on_words = on_words
        self._endpointer = Endpointer(
            EndpointingOptions(
                threshold=settings.speech_threshold,
                silence_s=settings.undecided_s,
                max_answer_s=settings.max_answer_s,
            )
        )
        self._foreground = Foreground()
        self._recent: deque[AudioFrame] = deque()
        self._question: Question | None = None
        self._answer: asyncio.Future[Utterance | Digits | None] | None = None
        self._hearing: Hearing | None = None
        self._snapshot: asyncio.Task[Utterance] | None = None
        self._first: float | None = None  # where an answer began that ended, is not recognised yet and may go on
        self._cut = False
        self._barged_in = False
        self._weighing: asyncio.Task[Utterance] | None = None
        self._let_pass: float | None = None  # the beginning of speech that was found to be no interruption
        self._quiet_since = 0.0
        self._keys = ""
        self._keys_t = (0.0, 0.0)
        line.add_listener(self.on_frame)

    async def listen(self, question: Question) -> Utterance | Digits | None:
        """Wait for an answer; None = no input. May be called while the prompt still plays."""
        self._question = question
        self._answer = asyncio.get_running_loop().create_future()
        self._quiet_since = self._line.t
        closed = set(question.expects) <= CLOSED
        self._endpointer.limit(self._settings.closed_answer_s if closed else self._settings.max_answer_s)
        since = self._endpointer.speaking_since
        if since is not None and self._line.t - since < EARLY_S and not self._line.playing:
            self._begin(since)
            if self._endpointer.silent_since is not None:  # its pause was told while nobody listened
                self._endpointer.require(self._settings.undecided_s)
                self._recognise()
        if self._keys:
            self._keys_changed()
        try:
            return await self._answer
        finally:
            self._question = None
            self._answer = None
            self._forget()

    @property
    def engine(self) -> str:
        """The recogniser's name."""
        return self._recognizer.name

    @property
    def hears(self) -> bool:
        """Is an answer being recognised?"""
        return self._question is not None and self._hearing is not None

    @property
    def phrases(self) -> tuple[str, ...] | None:
        """The phrase list for the question that is open."""
        if self._question is None:
            return None
        return self._understanding.phrases(self._question.expects, grammar=self._recognizer.streaming)

    # -- the caller's sound (called by the line's clock) -------------------------------------------------------

    def on_frame(self, frame: AudioFrame) -> None:
        """Take the caller's sound."""
        raw = self._activity.accept(frame)
        chunks = self._foreground.accept(frame, raw, eager=not self._line.playing)
        self._on_chunks(frame, chunks, raw)
        if self._hearing is not None:
            self._hearing.feed(frame)
        self._recent.append(frame)
        while self._recent[0].t_end < frame.t - EARLY_S - PRE_ROLL_S:
            self._recent.popleft()
        for chunk, nothing in zip(chunks, self._foreground.nothing, strict=True):
            for event in self._endpointer.accept(replace(chunk, probability=0.0) if nothing else chunk):
                self._turn(event)
        if self._question is not None:
            self._interrupt()
            self._time_out()

    def _turn(self, event: TurnEvent) -> None:
        if self._cut:  # what was said so far is taken, whatever goes on
            return
        if self._question is None or (self._hearing is None and isinstance(event, Paused)):
            if isinstance(event, Paused):  # speech that nobody listens to: what comes next is new
                self._endpointer.require(self._settings.complete_s)
            return
        match event:
            case SpeechStarted(t) if self._first is not None and not self._recognizer.streaming:
                self._drop_snapshot()  # the answer goes on before its first part is recognised: still one answer
            case SpeechStarted(t) | Resumed(t) if self._hearing is None or isinstance(event, SpeechStarted):
                if self._question.barge_in or not self._line.playing:
                    self._begin(t)
            case Paused():
                self._recognise()
            case Resumed():
                self._drop_snapshot()
            case Ended(t0, t1, too_long):
                self._cut = too_long and self._hearing is not None
                self._finish(t0 if self._first is None else self._first, t1)

    def _begin(self, t: float) -> None:
        self._hearing = Hearing(self._recognizer, self.phrases, self._pool)
        self._first = None
        self._drop_snapshot()
        t = t if self._line.playing else self._foreground.reach_back(t)
        for frame in self._recent:
            if frame.t_end > t - PRE_ROLL_S:
                self._hearing.feed(frame)

    def _recognise(self) -> None:
        if self._hearing is None or self._snapshot is not None:
            return
        self._snapshot = asyncio.create_task(self._hearing.snapshot())
        self._snapshot.add_done_callback(self._recognised)

    def _recognised(self, task: asyncio.Task[Utterance]) -> None:
        if task is not self._snapshot or task.cancelled() or self._question is None or task.exception():
            return
        self._on_words(task.result())
        since, text = self._endpointer.speaking_since, task.result().text
        if since is None:  # the answer is over already: `_resolve` takes it
            return
        spoken = (self._endpointer.silent_since or self._line.t) - since
        if self._line.playing and not self._means_something(task.result(), spoken):
            self._not_an_interruption()
            self._endpointer.require(self._settings.complete_s)  # it is no part of the answer to come
            return
        self._line.stop()
        how = self._understanding.completeness(text, self._question.expects)
        settings = self._settings
        silence = {
            Completeness.FINAL: settings.final_s,
            Completeness.COMPLETE: settings.complete_s,
            Completeness.INCOMPLETE: settings.incomplete_s,
            Completeness.OPEN: settings.open_s,
        }[how]
        self._endpointer.require(silence)

    def _finish(self, t0: float, t1: float) -> None:
        if self._hearing is None:
            return
        self._first = t0
        if self._recognizer.streaming:
            self._snapshot = asyncio.create_task(self._hearing.finish())
        elif self._snapshot is None:
            self._recognise()
        if self._snapshot is not None:
            self._snapshot.add_done_callback(lambda task: self._resolve(task, t0, t1))

    def _resolve(self, task: asyncio.Task[Utterance], t0: float, t1: float) -> None:
        if task is not self._snapshot or self._answer is None or self._answer.done() or task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._answer.set_exception(error)
            return
        utterance = task.result()
        meant = not self._line.playing or self._means_something(utterance, t1 - t0)
        if not utterance.text.strip() or not meant:  # a cough, a door, "mm-hm": no answer
            self._not_an_interruption()
            self._forget()
            self._quiet_since = t1
            return
        self._answer.set_result(replace(utterance, t0=t0, t1=t1, barged_in=self._barged_in))

    # -- interruption ------------------------------------------------------------------------------------------

    def _interrupt(self) -> None:
        """Hold the prompt back when the caller speaks; drop it when he goes on for long."""
        since = self._endpointer.speaking_since
        if self._hearing is None or since is None or not self._line.playing:
            return
        if self._line.paused:
            spoken = (self._endpointer.silent_since or self._line.t) - since
            if spoken >= self._settings.barge_in_decide_s and self._weighing is None:
                self._weighing = asyncio.create_task(self._hearing.snapshot())
                self._weighing.add_done_callback(lambda task: self._weighed(task, since))
        elif since == self._let_pass or self._endpointer.silent_since is not None:
            return
        elif self._line.t - since >= self._settings.barge_in_min_s:
            self._barged_in = True
            self._line.pause()

    def _weighed(self, task: asyncio.Task[Utterance], since: float) -> None:
        """Who goes on for long either says something, or is a noise under which the prompt goes on."""
        if task is not self._weighing or task.cancelled():
            return
        self._weighing = None
        if self._question is None or not self._line.paused or self._endpointer.speaking_since != since:
            return
        if task.exception() is None and not self._means_something(task.result(), self._line.t - since):
            self._let_pass = since
            self._not_an_interruption()
        else:
            self._line.stop()

    def _means_something(self, utterance: Utterance, spoken_s: float) -> bool:
        """Whether words said into the prompt are for the bot: no "mm-hm", and nothing made out of a short noise."""
        assert self._question is not None
        if self._understanding.backchannel(utterance.text):
            return False
        if spoken_s < SHORT_S and utterance.confidence < self._settings.barge_in_confidence:
            return False
        if self._understanding.intents(utterance, self._question.expects):
            return True
        return spoken_s >= SHORT_S and len(utterance.text.split()) > 2

    def _not_an_interruption(self) -> None:
        self._barged_in = False
        self._line.resume()

    def _forget(self) -> None:
        self._hearing = None
        self._first = None
        self._cut = False
        self._weighing = None
        self._drop_snapshot()
        self._barged_in = False
        self._quiet_since = self._line.t

    def _drop_snapshot(self) -> None:
        # One that waits for its turn is not made at all; one that runs cannot be stopped in its thread.
        dropped, self._snapshot = self._snapshot, None
        if dropped is not None:
            dropped.cancel()

    def _time_out(self) -> None:
        if self._answer is None or self._answer.done() or self._question is None:
            return
        if self._line.playing or self._line.held:
            self._quiet_since = self._line.t
        elif self._keys:
            if self._line.t - self._keys_t[1] >= self._settings.interdigit_s:
                self._take_keys()
        elif self._hearing is None and self._line.t - self._quiet_since >= self._question.no_input_s:
            self._answer.set_result(None)

    # -- keys --------------------------------------------------------------------------------------------------

    def on_key(self, key: str) -> None:
        """Take one key of the telephone (RFC 4733). A lone # ends what was whole already."""
        if key == "#" and not self._keys:
            return
        t = self._line.t
        self._keys_t = (t if not self._keys else self._keys_t[0], t)
        self._keys += key
        if self._question is not None:
            self._keys_changed()

    def _keys_changed(self) -> None:
        assert self._question is not None
        if self._question.barge_in or not self._line.playing:
            self._line.stop()
            if self._keys.endswith("#") or self._keys_complete(self._question.expects):
                self._take_keys()

    def _keys_complete(self, expects: tuple[str, ...]) -> bool:
        """One key is an answer where no number is asked for; N keys where N digits are."""
        lengths = [int(e.partition(":")[2]) for e in expects if e.startswith("digits:")]
        if lengths:
            return len(self._keys) >= max(lengths)
        numeric = {"digits", "date", "birth_date", "amount", "promise", "time", "appointment"}
        return not numeric.intersection(expects)

    def _take_keys(self) -> None:
        keys, self._keys = self._keys.rstrip("#"), ""
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Digits(keys, *self._keys_t))
