"""Who answered, found out beside the conversation of an outbound call: the bot speaks at once and never waits for it.

Takes the caller's sound as the listener does, finds beeps, recognises the first speech also while a prompt plays that
cannot be interrupted, and tells the pure detector (voicebot.turn.amd). Cheap: nothing is recognised before speech has
lasted 1.2 s, replies are left to the listener, and after some 15 s or the first fitting answer nothing is at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from voicebot.call.hearing import Hearing
from voicebot.call.line import Line
from voicebot.errors import CallEnded, EngineError
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.outcome import AnsweredBy
from voicebot.model.ports import Recognizer
from voicebot.model.speech import Digits, Utterance
from voicebot.nlu.answering import AnsweringPhrases
from voicebot.turn.amd import AmdOptions, AnsweringDetector, Run, Verdict
from voicebot.turn.beep import BeepDetector, BeepOptions, Tone

logger = logging.getLogger(__name__)

#: Speech that is worth recognising, seconds; of what may be a reply more, because the listener hears that too.
WORTH_S = 1.2
WORTH_REPLY_S = 2.5
#: While speech goes on it is recognised anew after so many seconds, and in pieces at most so long.
AGAIN_S = 2.0
PIECE_S = 12.0
PRE_ROLL_S = 0.3
#: A stretch of speech in which no word was recognised.
UNCLEAR = "..."

Told = Callable[[AnsweredBy, str], None]


@dataclass(frozen=True, slots=True)
class Said:
    """A stretch of speech that is over: from `t0` to `t1` (s), and its words (UNCLEAR where there were none)."""

    t0: float
    t1: float
    text: str

    @property
    def length(self) -> float:
        """Seconds."""
        return self.t1 - self.t0


@dataclass(slots=True)
class _Piece:
    """A piece of a stretch of speech being recognised. `looked`: until where (s) it was."""

    run: Run
    t0: float
    hearing: Hearing
    looked: float
    reading: asyncio.Task[None] | None = None
    left: bool = False  # to the listener


class Answered:
    """One per outbound call; fed by the line's clock."""

    def __init__(
        self,
        line: Line,
        recognizer: Recognizer,
        pool: ThreadPoolExecutor,
        phrases: AnsweringPhrases,
        tell: Told,
        options: AmdOptions | None = None,
        beeps: BeepOptions | None = None,
    ) -> None:
        self.phrases = phrases
        self._line = line
        self._recognizer = recognizer
        self._pool = pool
        self._tell = tell
        self._options = options or AmdOptions()
        self._detector = AnsweringDetector(phrases, self._options)
        self._tones = BeepDetector(beeps)
        self._recent: deque[AudioFrame] = deque()
        self._piece: _Piece | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self._over = False
        self._closed = False
        self._told_person = False
        self._every_word = False
        #: Is what is said now recognised by the listener too? Then its words are told (`words`), and not found twice.
        self.listener_hears: Callable[[], bool] = lambda: False
        self._said: deque[Said] = deque()
        self._machine: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

    # -- evidence ----------------------------------------------------------------------------------------------

    def on_chunks(self, frame: AudioFrame, chunks: tuple[SpeechChunk, ...]) -> None:
        """Take the caller's sound and the decisions of the voice activity detector that became due with it."""
        if not self._closed:
            self._recent.append(frame)
            while self._recent[0].t_end < frame.t - WORTH_REPLY_S - 1.0:
                self._recent.popleft()
            if self._piece is not None:
                self._piece.hearing.feed(frame)
            for tone in self._tones.accept(frame):
                self._detector.tone(tone)
            for chunk in chunks:
                self._detector.speech(chunk)
                self._recognise(chunk.t1)
            self._look()
        for condition, future in self._waiting:
            if not future.done() and condition():
                future.set_result(None)

    def heard(self, answer: Utterance | Digits, *, fits: bool) -> None:
        """The listener took an answer; `fits`: it was understood."""
        if self._closed:
            return
        if isinstance(answer, Digits):
            self._detector.key()
        else:
            self._detector.answer(answer.text, answer.t0, answer.t1, fits=fits and not answer.barged_in)
        self._look()

    def words(self, utterance: Utterance) -> None:
        """What the listener recognised of what is being said, at a pause."""
        run = self._detector.last_run
        if not self._closed and run is not None:
            self._detector.text(utterance.text, run.t0, utterance.alternatives)
            self._look()

    def no_reply(self) -> None:
        """A question of the bot got no answer."""
        if not self._closed:
            self._detector.no_reply()
            self._look()

    def _look(self) -> None:
        verdict = self._detector.verdict
        if verdict.machine and not self._machine.done():
            logger.info("answered by a machine: %s", verdict.kind)
            self._machine.set_result(verdict)
        if self._detector.settled and not self._told_person and not self._machine.done():
            self._told_person = True
            self._tell(verdict.answered_by, verdict.cause)
            self.close()

    # -- words -------------------------------------------------------------------------------------------------

    def _recognise(self, t: float) -> None:
        """Begin, look at, or end the recognition of what is being said."""
        run, piece = self._detector.run, self._piece
        if piece is not None and (piece.run.over or piece.run is not self._detector.last_run):
            self._piece = None
            if not piece.left:
                self._read(piece, last=True)
        elif piece is not None:
            piece.left = self._detector.paused and not self._every_word and self.listener_hears()
            if not self._due(piece):
                return
            piece.looked = t
            if t - piece.t0 >= PIECE_S:
                self._piece = None
                self._begin(piece.run, t)
            self._read(piece, last=False)
        elif run is not None and self._worth(run):
            self._begin(run, run.t0)

    def _worth(self, run: Run) -> bool:
        if self._every_word:
            return True
        if run.t0 > self._options.words_until_s:
            return False
        reply = run.t0 > self._options.early_s and not self._line.playing
        return run.length >= (WORTH_REPLY_S if reply else WORTH_S)

    def _due(self, piece: _Piece) -> bool:
        """At a pause, and each AGAIN_S while speech goes on."""
        said = piece.run.t1 - piece.looked
        return said >= AGAIN_S or (self._detector.paused and said >= 0.3 and not piece.left)

    def _begin(self, run: Run, t: float) -> None:
        self._piece = _Piece(run, t, Hearing(self._recognizer, None, self._pool), t)
        for frame in self._recent:
            if frame.t_end > t - PRE_ROLL_S:
                self._piece.hearing.feed(frame)

    def _read(self, piece: _Piece, *, last: bool) -> None:
        """Recognise a piece so far (or to its end), one recognition of it after the other."""
        piece.reading = self._spawn(self._tell_words(piece, piece.reading, last=last))

    async def _tell_words(self, piece: _Piece, before: asyncio.Task[None] | None, *, last: bool) -> None:
        if before is not None:
            await before
        try:
            heard = await (piece.hearing.finish() if last else piece.hearing.snapshot())
        except EngineError as error:
            logger.warning("an answer could not be recognised: %s", error.code)
            return
        if self._closed:
            return
        self._detector.text(heard.text, piece.run.t0, heard.alternatives)
        if last:
            self._said.append(Said(piece.run.t0, piece.run.t1, heard.text.strip() or UNCLEAR))
        self._look()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # -- for who takes over ------------------------------------------------------------------------------------

    async def machine(self) -> Verdict:
        """Wait until a machine is found; never returns where a person answered."""
        return await asyncio.shield(self._machine)

    @property
    def verdict(self) -> Verdict:
        """The decision in force; its kind may change while the machine speaks on."""
        return self._detector.verdict

    @property
    def t(self) -> float:
        """Seconds since the answer."""
        return self._line.t

    @property
    def beep(self) -> Tone | None:
        """The newest beep."""
        return self._detector.beep

    @property
    def speaking(self) -> bool:
        """True while the far end speaks."""
        return self._detector.run is not None

    def silence_s(self) -> float:
        """Seconds since the far end's last speech."""
        return self._detector.silence_s()

    async def until(self, condition: Callable[[], bool], longest_s: float) -> bool:
        """Wait in audio time until `condition` holds (True) or `longest_s` are over. Raises CallEnded."""
        end = self.t + longest_s
        if self._over:
            raise CallEnded("the call is over")
        if condition():
            return True
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        entry = (lambda: condition() or self.t >= end, future)
        self._waiting.append(entry)
        try:
            await future
        finally:
            self._waiting.remove(entry)
        return condition()

    async def utterance(self, since: float, longest_s: float, or_beep: bool = False) -> Said | None:
        """The next stretch of speech that began after `since` and ended, or None after `longest_s` (`or_beep`: and at a
        beep). Raises CallEnded."""

        def come() -> bool:
            while self._said and self._said[0].t0 < since:
                self._said.popleft()
            return bool(self._said) or (or_beep and self.beep_since(since))

        await self.until(come, longest_s)
        return self._said.popleft() if self._said else None

    def beep_since(self, t: float) -> bool:
        """A beep was heard that began after `t` (s)."""
        return self.beep is not None and self.beep.t0 > t

    def every_word(self) -> None:
        """From now on recognise everything that is said, however short."""
        self._every_word = True
        self._detector.listen_closely()

    def on_end(self) -> None:
        """The leg ended."""
        self._over = True
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(CallEnded("the call ended"))

    def close(self) -> None:
        """Nothing more is to be found out: a person is on the line, and `machine` waits for ever."""
        self._closed = True
        self._piece = None
        self._recent.clear()
        if self._machine.done():
            self._machine = asyncio.get_running_loop().create_future()

    async def finish(self) -> None:
        """The call is over: end what still runs."""
        self.close()
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._machine.cancel()
