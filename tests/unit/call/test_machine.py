"""What is done where a machine answers, in audio time: a line, a leg and a flow that do as they are told; the detector,
the recognition of the first speech and the decisions are the real ones."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
import pytest

from voicebot.call.answered import Answered
from voicebot.call.line import Played
from voicebot.call.machine import MachineParts, OutboundCall
from voicebot.errors import CallEnded
from voicebot.model.audio import MEDIA_RATE, AudioFrame, SpeechChunk
from voicebot.model.outcome import AnsweredBy, Disposition, Outcome
from voicebot.model.ports import LegEnd
from voicebot.model.speech import Digits, Utterance
from voicebot.nlu.language import load_language
from voicebot.settings import PROJECT

PHRASES = load_language(PROJECT / "scripts_templates", PROJECT / "callflows", "en").answering
MESSAGE_S = 4.0


class AtOnce(ThreadPoolExecutor):
    """Does what it is given before it returns: no test waits for a thread."""

    def submit(self, fn, /, *args, **kwargs):
        future = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class FakeLeg:
    def __init__(self):
        self.ended = None
        self._on_end = []

    def on_end(self, callback):
        self._on_end.append(callback)

    async def drain(self): ...

    async def hang_up(self):
        self.end("bot")

    def end(self, by):
        if self.ended is None:
            self.ended = LegEnd(by)
            for callback in self._on_end:
                callback(self.ended)


class FakeLine:
    """Prompts take their time; `said` is what was begun, and how much of it was heard."""

    def __init__(self, leg):
        self.t = 0.0
        self.leg = leg
        self.playing = False
        self.said = []
        self._end = 0.0
        self._done = None

    async def play(self, sound):
        self._t0, self._end, self.playing = self.t, self.t + MESSAGE_S, True
        self._done = asyncio.get_running_loop().create_future()
        whole = await self._done
        if self.leg.ended is not None and not whole:
            raise CallEnded("over")
        return Played(self._t0, self.t, self.t - self._t0, whole)

    def stop(self):
        self._finish(False)

    def tick(self):
        self.t = round(self.t + 0.02, 4)
        if self.playing and (self.t >= self._end or self.leg.ended is not None):
            self._finish(self.leg.ended is None)

    def _finish(self, whole):
        self.playing = False
        if self._done is not None and not self._done.done():
            self._done.set_result(whole)


class FakeReporter:
    def __init__(self):
        self.who = []
        self.turns = []

    def answered_by(self, who, cause):
        self.who.append(who)

    def step(self, name): ...
    def said(self, text, t): ...

    def turn(self, turn):
        self.turns.append(turn)


class FakePrompter:
    async def prepare(self, state, say):
        assert not state.verified
        return say.prompt, AudioFrame(b"", MEDIA_RATE)


class FakeConversation:
    """Talks until the call ends, or is broken off."""

    def __init__(self, test):
        self.test = test

    async def run(self):
        self.test.begun += 1
        await self.test.flow_over.wait()
        return Outcome(Disposition.RPC_VERIFIED)


class Stream:
    def __init__(self, words):
        self.words = words

    def accept(self, frame):
        return None

    def snapshot(self):
        return Utterance(self.words[0])

    finish = snapshot


@dataclass
class Call:
    """One outbound call and its far end."""

    pool: ThreadPoolExecutor
    words: list[str] = field(default_factory=lambda: [""])
    begun: int = 0
    restarted: int = 0

    def __post_init__(self):
        self.leg = FakeLeg()
        self.line = FakeLine(self.leg)
        self.reporter = FakeReporter()
        self.flow_over = asyncio.Event()
        self.answered = Answered(self.line, self, self.pool, PHRASES, self.reporter.answered_by)
        parts = MachineParts(self.leg, self.line, FakePrompter(), self.reporter, self.answered, self.restart)
        self.outbound = OutboundCall(parts, lambda: FakeConversation(self))
        self.task = asyncio.create_task(self.outbound.run())

    def start(self, phrases=None):
        return Stream(self.words)

    async def restart(self):
        self.restarted += 1

    async def hear(self, seconds, *, text="", hz=0.0):
        """So many seconds of speech (with `text`), of a tone, or of silence."""
        self.words[0] = text or self.words[0]
        for _ in range(round(seconds / 0.02)):
            if self.leg.ended is not None:
                break
            t = self.line.t + np.arange(160) / MEDIA_RATE
            pcm = (9000 * np.sin(2 * np.pi * hz * t)).astype(np.int16).tobytes()
            chunk = SpeechChunk(self.line.t, self.line.t + 0.02, 0.95 if text else 0.02)
            self.answered.on_chunks(AudioFrame(pcm, MEDIA_RATE, self.line.t), (chunk,))
            self.line.tick()
            for _ in range(4):
                await asyncio.sleep(0)

    async def outcome(self):
        return await asyncio.wait_for(self.task, 5)

    @property
    def heard(self):
        """What the machine heard of us: block and whether whole."""
        return [(turn.prompt.removeprefix("announcements."), turn.heard_s is None) for turn in self.reporter.turns]


@pytest.fixture
async def call():
    with AtOnce(1) as pool:
        call = Call(pool)
        yield call
        call.task.cancel()
        await asyncio.gather(call.task, return_exceptions=True)


async def test_the_message_is_left_after_the_beep(call):
    await call.hear(0.4)
    await call.hear(5.0, text="you have reached the voicemail of somebody, leave a message after the tone")
    assert call.begun == 1
    await call.hear(1.0)
    assert call.heard == []
    await call.hear(0.4, hz=1000)
    began = call.line.t
    await call.hear(MESSAGE_S + 2)
    outcome = await call.outcome()
    assert outcome.disposition is Disposition.VOICEMAIL
    assert call.heard == [("voicemail", True)]
    assert call.reporter.turns[0].prompt_t0 - began == pytest.approx(0.4, abs=0.15)
    assert call.reporter.who[-1] is AnsweredBy.VOICEMAIL
    assert not call.outbound.person


async def test_without_a_beep_two_seconds_of_silence_are_the_end_of_the_greeting(call):
    await call.hear(0.4)
    await call.hear(4.0, text="please leave a message, leave your name and number")
    await call.hear(2.5 + MESSAGE_S)
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard == [("voicemail", True)]


async def test_a_greeting_without_end_gets_the_message_after_half_a_minute(call):
    await call.hear(40.0, text="please leave a message after the tone")
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert 30 <= call.reporter.turns[0].prompt_t0 <= 36


async def test_a_late_beep_gets_the_message_from_its_start(call):
    await call.hear(4.0, text="please leave a message after the tone")
    await call.hear(2.8)
    await call.hear(0.4, hz=1000)
    await call.hear(MESSAGE_S + 2)
    await call.outcome()
    assert call.heard == [("voicemail", False), ("voicemail", True)]


async def test_a_mailbox_that_hangs_up_is_voicemail_with_what_was_heard(call):
    await call.hear(4.0, text="please leave a message after the tone")
    await call.hear(0.4, hz=1000)
    await call.hear(1.5)
    call.leg.end("caller")
    call.line.tick()
    outcome = await call.outcome()
    assert outcome.disposition is Disposition.VOICEMAIL
    assert outcome.hung_up_by == "caller"
    assert call.heard == [("voicemail", False)]


async def test_screening_is_told_who_calls_and_its_owner_hears_the_flow_anew(call):
    await call.hear(0.3)
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    assert call.heard == [("screening", True)]
    await call.hear(1.0, text="thank you please stay on the line")
    await call.hear(5.0)
    assert call.begun == 1
    await call.hear(0.4, text="hello")
    await call.hear(1.0)
    assert (call.begun, call.restarted) == (2, 1)
    assert call.reporter.who[-1] is AnsweredBy.HUMAN
    call.flow_over.set()
    assert (await call.outcome()).disposition is Disposition.RPC_VERIFIED
    assert call.outbound.person


async def test_screening_asks_again_at_most_once(call):
    await call.hear(4.0, text="please state your name and why you are calling")
    for _ in range(3):
        await call.hear(1.0 + MESSAGE_S)
        await call.hear(2.0, text="please state your name and why you are calling")
    await call.hear(40.0)
    assert (await call.outcome()).disposition is Disposition.NO_ANSWER
    assert call.heard == [("screening", True)] * 2


async def test_screening_that_ends_in_a_mailbox(call):
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    await call.hear(2.0, text="the person is not available please leave a message")
    await call.hear(0.8)
    await call.hear(0.4, hz=1000)
    await call.hear(MESSAGE_S + 1)
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard == [("screening", True), ("voicemail", True)]
    assert call.reporter.who[-1] is AnsweredBy.VOICEMAIL


async def test_screening_rejected_by_its_owner_is_hung_up(call):
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(2.0 + MESSAGE_S)
    call.leg.end("caller")
    assert (await call.outcome()).disposition is Disposition.HUNG_UP


async def test_a_menu_hears_goodbye(call):
    await call.hear(4.0, text="for sales press one for billing press two")
    await call.hear(2.0 + MESSAGE_S)
    assert (await call.outcome()).disposition is Disposition.NO_ANSWER
    assert call.heard == [("ivr", True)]
    assert call.reporter.who[-1] is AnsweredBy.IVR


@pytest.mark.parametrize(
    ("text", "disposition", "error"),
    [
        ("the number you have dialled is not in service", Disposition.FAILED, "announcement_not_in_service"),
        ("this number is temporarily suspended", Disposition.FAILED, "announcement_barred"),
        ("the phone is switched off", Disposition.NO_ANSWER, "announcement_unreachable"),
    ],
)
async def test_a_carriers_announcement_hears_nothing(call, text, disposition, error):
    await call.hear(0.4)
    await call.hear(3.0, text=text)
    await call.hear(2.0)
    outcome = await call.outcome()
    assert (outcome.disposition, outcome.error) == (disposition, error)
    assert call.heard == []


async def test_a_person_keeps_the_flow(call):
    await call.hear(0.4)
    await call.hear(0.6, text="hello")
    await call.hear(9.0)
    call.answered.heard(Utterance("yes speaking", t0=9.0, t1=10.0), fits=True)
    await call.hear(4.0, text="please leave a message after the tone")
    await call.hear(1.0, hz=1000)
    call.flow_over.set()
    assert (await call.outcome()).disposition is Disposition.RPC_VERIFIED
    assert call.begun == 1
    assert call.reporter.who == [AnsweredBy.HUMAN]


async def test_a_key_is_a_persons(call):
    call.answered.heard(Digits("0", 1.0, 1.0), fits=True)
    assert call.reporter.who == [AnsweredBy.HUMAN]


async def test_the_call_ends_under_the_greeting(call):
    await call.hear(4.0, text="please leave a message after the tone")
    call.leg.end("caller")
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard == []


async def test_cancelled_from_outside_nothing_goes_on(call):
    await call.hear(1.0)
    call.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call.task
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


async def test_short_speech_costs_no_recognition(call):
    counted = []
    start = call.start
    call.start = lambda phrases=None: counted.append(1) or start(phrases)
    await call.hear(0.4)
    await call.hear(1.0, text="hello who is there")
    await call.hear(8.0)
    await call.hear(2.0, text="yes speaking good morning")  # a reply: the listener's
    await call.hear(1.0)
    assert counted == []


@pytest.mark.parametrize("last", ["sorry this person is not available goodbye", "leave a message after the tone"])
async def test_screening_that_ends_before_a_message_could_be_left_has_refused(call, last):
    await call.hear(0.3)
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    await call.hear(1.5, text=last)
    await call.hear(0.9)
    assert call.leg.ended is None
    call.leg.end("caller")
    call.line.tick()
    assert (await call.outcome()).disposition is Disposition.HUNG_UP
    assert call.reporter.who[-1] is AnsweredBy.SCREENING


async def test_a_beep_after_screening_is_a_mailbox(call):
    await call.hear(0.3)
    await call.hear(4.0, text="please state your name and why you are calling")
    await call.hear(1.0 + MESSAGE_S)
    await call.hear(1.5, text="sorry this person is not available")
    await call.hear(0.8)
    await call.hear(0.4, hz=1000)
    await call.hear(MESSAGE_S + 2)
    assert (await call.outcome()).disposition is Disposition.VOICEMAIL
    assert call.heard[-1] == ("voicemail", True)
