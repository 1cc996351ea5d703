"""A persona on the phone: hears, understands enough to find its place in the script, acts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sip_sim.ears import Ears
from sip_sim.errors import PhoneError, SimError
from sip_sim.events import Emit
from sip_sim.g711 import Samples
from sip_sim.hearing import SpeechEnded, SpeechStarted
from sip_sim.media import Digit, SaidAll
from sip_sim.model import Scenario, Step
from sip_sim.phone import Phone, PhoneEvent
from sip_sim.wording import forbidden_heard, heard_all, said_twice

_REPEAT_AFTER_S: Final = 1.5  # the bot asked the same again and now waits
_MOST_REPEATS: Final = 2
#: Words recognised so late make a bot ask whether anybody is there.
_SLOW_EARS_S: Final = 3.0
_SURE_S: Final = 0.8
_BEEP_SLACK_S: Final = 0.3
_MOST_BEHIND_S: Final = 1.5
_JITTER_BUFFER_S: Final = 0.1  # its usual depth, and the tick that is due


@dataclass(frozen=True, slots=True)
class Line:
    """Something said; `who` is caller or bot, times in seconds from the answer."""

    who: str
    t0: float
    t1: float
    text: str


@dataclass(frozen=True, slots=True)
class Heard:
    """A transcribed stretch of the bot's speech."""

    line: Line


@dataclass(frozen=True, slots=True)
class Cut:
    """The caller began to speak over the bot at `t`, which was to fall silent within `limit_ms`."""

    line: int
    t: float
    limit_ms: float


@dataclass(slots=True)
class Story:
    """What became of the call, as the caller saw it."""

    lines: list[Line] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    digits: str = ""
    repeats: int = 0
    ended_by: str = ""
    cuts: list[Cut] = field(default_factory=list)
    agent: str = ""  # reached, not_reached; empty where no transfer was tried


Speech = Mapping[tuple[str, str], Samples]  # (voice, text or file) -> what it sounds like


def speech_key(scenario: Scenario, step: Step) -> tuple[str, str]:
    """Under which key a step's speech was rendered."""
    return (step.voice or scenario.persona.voice, step.spoken)


class Caller:
    """Plays one scenario's caller on an answered phone."""

    def __init__(
        self, scenario: Scenario, phone: Phone, ears: Ears, speech: Speech, emit: Emit, story: Story | None = None
    ) -> None:
        self._scenario, self._phone, self._ears, self._speech, self._emit = scenario, phone, ears, speech, emit
        self._loop = asyncio.get_running_loop()
        self._queue: asyncio.Queue[PhoneEvent | Heard] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._steps = scenario.caller
        self._index = 0
        self._done: Step | None = None
        self._turn = ""
        self._utterances: list[str] = []  # of this turn
        self._bot_speaking = False
        self._speaking = False
        self._transcribing = 0
        self._bot_ended_at = 0.0
        self._deaf_until = 0.0  # what the bot began before an answering machine's beep is not recorded
        self._murmured: Step | None = None
        self._ears_behind_s = 0.0  # the longest that words were waited for
        self._reaction_s = scenario.persona.reaction_ms / 1000.0
        self.story = story or Story()

    async def run(self) -> Story:
        """Play until the call is over; returns what happened."""
        forward = asyncio.create_task(self._forward())
        try:
            async with asyncio.timeout(self._scenario.call.max_s):
                await self._play()
                while not self._over():
                    await self._next(None)
        except TimeoutError:
            self.story.failures.append(f"the call was still going after {self._scenario.call.max_s:g} s")
        else:
            if self.story.ended_by == "bot":  # a BYE overtakes the sound that was sent before it
                await asyncio.sleep(min(_MOST_BEHIND_S, self._phone.line.behind_s + _JITTER_BUFFER_S))
        finally:
            await self._phone.close()
            await asyncio.sleep(0)  # lets the last events of the media thread arrive
            forward.cancel()
            await asyncio.gather(forward, return_exceptions=True)
        await self._last_words()
        return self.story

    def _over(self) -> bool:
        return bool(self.story.ended_by)

    async def _forward(self) -> None:
        while True:
            self._queue.put_nowait(await self._phone.events.get())

    async def _play(self) -> None:
        while not self._over() and self._index < len(self._steps):
            step = self._steps[self._index]
            if step.barge_in_ms is not None:
                await self._barge_in_moment(step)
            elif step.waits_for_speech:
                found = await self._wait_for_prompt()
                if found is None:
                    return
                step = found
            if self._over():
                break
            await self._act(step)
            self._index = self._steps.index(step) + 1

    async def _wait_for_prompt(self) -> Step | None:
        """The step whose prompt was heard; None where the call ended or patience did (which is a failure)."""
        first = self._steps[self._index]
        patience = first.within_s or self._scenario.persona.patience_s
        deadline = self._loop.time() + patience
        repeat_at: float | None = None
        while not self._over():
            now = self._loop.time()
            found = self._matching() if self._quiet else None
            if found is not None:
                reaction_over = self._bot_ended_at + self._reaction(found)
                if now >= reaction_over:
                    return found
                await self._next(reaction_over)
                continue
            if self._quiet and repeat_at is not None and now >= repeat_at:
                repeat_at = None
                await self._repeat()
                deadline = self._loop.time() + patience
            elif self._quiet and now >= deadline:
                await self._give_up(first, patience)
                return None
            event = await self._next(min(deadline, repeat_at or deadline) if self._quiet else None)
            if isinstance(event, Heard):
                repeat_at = self._loop.time() + _REPEAT_AFTER_S if self._asked_again() else None
        return None

    @property
    def _quiet(self) -> bool:
        """The bot is silent and all it said is understood."""
        return not self._bot_speaking and self._transcribing == 0

    def _reaction(self, step: Step) -> float:
        """Who answers whatever is said waits longer: a pause between two sentences is not the end of a turn."""
        return self._reaction_s + (_SURE_S if step.anything else 0.0)

    def _matching(self) -> Step | None:
        """The current step if the bot's turn holds its words; a later one where all before it are optional."""
        if not self._turn:
            return None
        for step in self._steps[self._index :]:
            if step.waits_for_speech and (step.anything or heard_all(step.hears, self._turn)):
                return step
            if not step.optional:
                return None
        return None

    def _asked_again(self) -> bool:
        done = self._done
        return (
            done is not None
            and bool(done.hears)
            and bool(done.says or done.plays or done.presses)
            and not done.backchannel
            and self.story.repeats < _MOST_REPEATS
            and self._matching() is None
            and heard_all(done.hears, self._turn)
        )

    async def _repeat(self) -> None:
        if self._done is not None:
            self.story.repeats += 1
            self._emit({"event": "repeats", "scenario": self._scenario.slug, "line": self._done.line})
            await self._act(self._done)

    async def _give_up(self, step: Step, patience: float) -> None:
        wanted = " and ".join(repr(phrase) for phrase in step.hears) or "anything"
        heard = repr(self._turn) if self._turn else "nothing"
        failure = f"line {step.line}: waited {patience:g} s to hear {wanted}, heard {heard}"
        self.story.failures.append(failure + self._too_slow())
        await self._phone.hang_up()

    async def _barge_in_moment(self, step: Step) -> None:
        deadline = self._loop.time() + (step.within_s or self._scenario.persona.patience_s)
        while not self._over() and not self._bot_speaking:
            if self._loop.time() >= deadline:
                await self._give_up(step, step.within_s or self._scenario.persona.patience_s)
                return
            await self._next(deadline)
        await self._pass((step.barge_in_ms or 0.0) / 1000.0)

    async def _act(self, step: Step) -> None:
        """Do what the step says; the bot's turn ends with the first sound or key."""
        self._check_not_heard(step)
        if step.silent_s:
            self._end_turn()
        await self._pass(step.after_s + step.silent_s)
        await self._renegotiate(step)
        if step.backchannel:
            self._murmured = step
            await self._speak(step)
        elif step.spoken:
            self._end_turn()
            await self._speak(step)
        if step.voicemail is not None:
            now = float("inf") if self._over() else self._phone.line.now
            self._turn, self._deaf_until = "", now - _BEEP_SLACK_S
        if step.presses and not self._over():
            self._end_turn()
            await self._press(step.presses)
        self._done = step
        if step.hangs_up and not self._over():
            await self._phone.hang_up()
            await self._next(None)

    def _end_turn(self) -> None:
        """What the bot said is answered. After a mere "mm-hm" it must not have begun again."""
        murmured, self._murmured = self._murmured, None
        if murmured is not None and (again := said_twice(self._utterances)):
            self.story.failures.append(
                f"line {murmured.line}: after {murmured.backchannel!r} the bot said {again!r} a second time"
            )
        self._turn = ""
        self._utterances.clear()

    async def _renegotiate(self, step: Step) -> None:
        """Hold, resume, another codec."""
        if self._over():
            return
        try:
            if step.hold:
                await self._phone.hold(step.hold)
            if step.resume:
                await self._phone.resume()
            if step.codec:
                await self._phone.change_codec(step.codec)
        except PhoneError as error:
            self.story.failures.append(f"line {step.line}: {error.message}")

    def _check_not_heard(self, step: Step) -> None:
        for word in forbidden_heard(step.not_hears, self._turn):
            failure = f"line {step.line}: the bot said {word!r}"
            if not any(known.startswith(failure) for known in self.story.failures):
                self.story.failures.append(f"{failure} in {self._turn!r}")

    async def _speak(self, step: Step) -> None:
        self._phone.say(self._speech[speech_key(self._scenario, step)])
        self._speaking = True
        while self._speaking and not self._over():
            event = await self._next(None)
            if isinstance(event, SaidAll):
                text = f"({step.plays.name})" if step.plays else step.spoken
                self._add(Line("caller", round(event.t0, 2), round(event.t1, 2), text))
                if step.stops_within_ms is not None:
                    self.story.cuts.append(Cut(step.line, event.t0, step.stops_within_ms))

    async def _press(self, digits: str) -> None:
        self._phone.press(digits)
        self._emit({"event": "pressed", "scenario": self._scenario.slug, "digits": digits})
        while self._phone.line.pressing and not self._over():
            await self._pass(0.05)

    async def _pass(self, seconds: float) -> None:
        """Let time go by, still listening."""
        due = self._loop.time() + seconds
        while seconds > 0 and not self._over() and self._loop.time() < due:
            await self._next(due)

    async def _next(self, due: float | None) -> PhoneEvent | Heard | None:
        """The next event (already taken note of), or None when the time `due` has come."""
        timeout = None if due is None else max(0.0, due - self._loop.time())
        try:
            event = await asyncio.wait_for(self._queue.get(), timeout)
        except TimeoutError:
            return None
        self._note(event)
        return event

    def _note(self, event: PhoneEvent | Heard) -> None:
        if isinstance(event, SpeechStarted):
            self._bot_speaking = True
        elif isinstance(event, SpeechEnded):
            self._bot_speaking = False
            self._bot_ended_at = self._loop.time()
            self._transcribing += 1
            task = asyncio.create_task(self._transcribe(event))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif isinstance(event, SaidAll):
            self._speaking = False
        elif isinstance(event, Digit):
            self.story.digits += event.digit
            self._emit({"event": "dtmf", "scenario": self._scenario.slug, "t": round(event.t, 2), "digit": event.digit})
        elif isinstance(event, Heard):
            self._transcribing -= 1
            if event.line.t0 >= self._deaf_until:
                self._turn = f"{self._turn} {event.line.text}".strip()
                self._utterances.append(event.line.text)
            self._add(event.line)
        else:
            self.story.ended_by = event.by
            self._emit({"event": "hung_up", "scenario": self._scenario.slug, "t": round(event.t, 2), "by": event.by})

    async def _transcribe(self, speech: SpeechEnded) -> None:
        text, ended_at = "", self._loop.time()
        try:
            text = await asyncio.to_thread(self._ears.transcribe, speech.samples)
        except SimError as error:
            self.story.failures.append(f"what was said at {speech.t0:.1f} s was not understood: {error.message}")
        finally:  # whatever happens, the caller does not wait for these words for ever
            self._ears_behind_s = max(self._ears_behind_s, self._loop.time() - ended_at)
            self._queue.put_nowait(Heard(Line("bot", round(speech.t0, 2), round(speech.t1, 2), text)))

    def _add(self, line: Line) -> None:
        self.story.lines.append(line)
        kind = "said" if line.who == "caller" else "heard"
        self._emit({"event": kind, "scenario": self._scenario.slug, "t0": line.t0, "t1": line.t1, "text": line.text})

    async def _last_words(self) -> None:
        """Understand what was said last, then settle the steps that only wait to hear something."""
        while not self._phone.events.empty():
            self._note(self._phone.events.get_nowait())
        while self._tasks or not self._queue.empty():
            await self._next(self._loop.time() + 0.05)
        self.story.lines.sort(key=lambda line: line.t0)
        while self._index < len(self._steps) and not self.story.failures:
            step = self._steps[self._index]
            found = self._matching()
            if found is None:
                if not step.optional:
                    self._missed(step)
                    return
                self._index += 1
                continue
            if (found.spoken or found.presses) and not found.optional:
                self._missed(found)
                return
            self._done = found
            self._index = self._steps.index(found) + 1
        if self._done is not None and not self._done.spoken:
            self._check_not_heard(self._done)
        self._end_turn()

    def _missed(self, step: Step) -> None:
        wanted = " and ".join(repr(phrase) for phrase in step.hears) or "its turn"
        self.story.failures.append(
            f"line {step.line}: the call ended ({self.story.ended_by or 'time'}) before this step ({wanted}); "
            f"last heard: {self._turn!r}{self._too_slow()}"
        )

    def _too_slow(self) -> str:
        """Where it may be the simulator's fault and not the bot's."""
        if self._ears_behind_s < _SLOW_EARS_S:
            return ""
        return (
            f" (the caller's ears were {self._ears_behind_s:.1f} s behind: too many calls at a time for this machine)"
        )
