"""A listener in audio time: a line and a recogniser that do as they are told, everything else real."""

import asyncio
import threading
from datetime import date

from voicebot.call.listener import Listener, Question
from voicebot.call.understanding import Understanding
from voicebot.model.audio import MEDIA_RATE, AudioFrame, SpeechChunk
from voicebot.model.speech import Utterance
from voicebot.nlu.language import load_language
from voicebot.settings import PROJECT, TurnSettings

SPEECH, SILENCE = b"\x01\x00", b"\x00\x00"
LANGUAGE = load_language(PROJECT / "scripts_templates", PROJECT / "callflows", "en")


class FakeLine:
    """Plays what it is told to; keeps what the listener did to it."""

    def __init__(self):
        self.t = 0.0
        self.playing = False
        self.paused = False
        self.held = False
        self.done = []

    def add_listener(self, listener):
        self.on_frame = listener

    def pause(self):
        self.paused = True
        self.done.append("pause")

    def resume(self):
        if self.paused:
            self.done.append("resume")
        self.paused = False

    def stop(self):
        if self.playing:
            self.done.append("stop")
        self.playing = self.paused = False


class Activity:
    """Speech where the frame's first sample is not 0."""

    def accept(self, frame):
        return (SpeechChunk(frame.t, frame.t_end, 0.95 if frame.pcm16[:2] != SILENCE else 0.02),)


class Stream:
    """Says the next of the words (the last for ever), an utterance or its text; waits for `gate` where there is one."""

    def __init__(self, words, gate, entered):
        self.words = words
        self.gate = gate
        self.entered = entered

    def accept(self, frame):
        return None

    def snapshot(self):
        said = self.words[0] if len(self.words) == 1 else self.words.pop(0)
        self.entered.set()
        if self.gate is not None:
            self.gate.wait(5)
        return said if isinstance(said, Utterance) else Utterance(said)

    finish = snapshot


class FakeRecognizer:
    name, streaming = "fake", False

    def __init__(self, *words):
        self.words = list(words)
        self.gate = None
        self.entered = threading.Event()
        self.started = 0

    def start(self, phrases=None):
        self.started += 1
        return Stream(self.words, self.gate, self.entered)


def make(pool, *words):
    line, listener, _ = make_late(pool, *words)
    return line, listener


def make_late(pool, *words):
    """Also the recogniser, to hold it back."""
    line, recognizer = FakeLine(), FakeRecognizer(*words)
    understanding = Understanding(LANGUAGE, date(2026, 11, 22))
    listener = Listener(line, recognizer, Activity(), understanding, TurnSettings(), pool, lambda *_: None)
    return line, listener, recognizer


async def hear(line, sample: bytes, seconds: float) -> None:
    """So many seconds of sound; recognitions may finish in between, as they do on a real line."""
    for _ in range(round(seconds / 0.02)):
        line.on_frame(AudioFrame(sample * 160, MEDIA_RATE, line.t))
        line.t = round(line.t + 0.02, 4)
        await asyncio.sleep(0.0005)


def ask(listener, expects=("affirm_deny",), no_input_s=3.0, barge_in=True):
    return asyncio.create_task(listener.listen(Question(tuple(expects), no_input_s, barge_in)))
