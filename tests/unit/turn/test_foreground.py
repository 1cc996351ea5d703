"""A caller among other people, a deep voice's doubted word: levels and probabilities in, mended decisions out."""

from __future__ import annotations

import numpy as np
import pytest

from voicebot.model.audio import MEDIA_RATE, AudioFrame, SpeechChunk
from voicebot.turn.foreground import Foreground

STEP = 0.032
SIZE = round(STEP * MEDIA_RATE)


class Caller:
    """Sound of a level (dBFS) and what the detector thinks of it, a decision at a time."""

    def __init__(self) -> None:
        self.foreground = Foreground()
        self.t = 0.0
        self.random = np.random.default_rng(3)

    def sound(self, seconds: float, dbfs: float, probability: float, *, ripple_db: float = 0.0, eager: bool = True):
        """Probabilities after mending."""
        found = []
        for _ in range(round(seconds / STEP)):
            rms = 32768 * 10 ** ((dbfs + ripple_db * float(self.random.uniform(-1, 1))) / 20)
            pcm = np.clip(self.random.normal(0, rms, SIZE), -32768, 32767).astype(np.int16).tobytes()
            chunk = SpeechChunk(self.t, self.t + STEP, probability)
            frame = AudioFrame(pcm, MEDIA_RATE, self.t)
            found += [c.probability for c in self.foreground.accept(frame, (chunk,), eager=eager)]
            self.t += STEP
        return found


def share(probabilities) -> float:
    return sum(p >= 0.5 for p in probabilities) / len(probabilities)


@pytest.mark.parametrize("crowd_dbfs", [-41.0, -35.0])
def test_in_a_crowd_only_the_caller_is_speech(crowd_dbfs: float) -> None:
    caller = Caller()
    caller.sound(4.0, crowd_dbfs, 0.95, ripple_db=5.0)
    assert caller.foreground.crowd
    assert share(caller.sound(2.0, crowd_dbfs, 0.95, ripple_db=5.0)) < 0.05
    assert share(caller.sound(1.6, crowd_dbfs + 18, 0.99)) > 0.9
    assert share(caller.sound(1.0, crowd_dbfs, 0.95, ripple_db=5.0)[2:]) < 0.1


def test_steady_noise_that_is_no_speech_is_left_to_the_detector() -> None:
    caller = Caller()
    caller.sound(4.0, -38.0, 0.05)
    assert not caller.foreground.crowd
    assert caller.sound(0.5, -30.0, 0.9) == [0.9] * round(0.5 / STEP)


def test_who_speaks_all_the_time_on_a_quiet_line_is_no_crowd() -> None:
    caller = Caller()
    for _ in range(6):
        caller.sound(1.2, -24.0, 0.99, ripple_db=8.0)
        caller.sound(0.3, -70.0, 0.6)
    assert not caller.foreground.crowd
    assert share(caller.sound(1.0, -40.0, 0.9)) == 1.0


def test_a_loud_doubted_word_is_speech() -> None:
    """A deep voice's "no": 0.2 to 0.5, at -18 dBFS on a quiet line."""
    caller = Caller()
    caller.sound(2.0, -72.0, 0.01)
    assert share(caller.sound(0.3, -18.0, 0.25)[1:]) == 1.0


def test_speech_reaches_back_to_a_loud_word_the_detector_missed() -> None:
    caller = Caller()
    caller.sound(2.0, -72.0, 0.01)
    began = caller.t
    caller.sound(0.32, -18.0, 0.02)
    caller.sound(0.256, -72.0, 0.01)
    assert caller.foreground.reach_back(caller.t) == pytest.approx(began, abs=2 * STEP)
    caller.sound(1.0, -72.0, 0.01)
    assert caller.foreground.reach_back(caller.t) == caller.t


def test_it_reaches_back_no_further_than_its_limit() -> None:
    caller = Caller()
    caller.sound(2.0, -72.0, 0.01)
    caller.sound(1.0, -18.0, 0.02)  # a second of noise, its quiet still known
    assert caller.t - caller.foreground.reach_back(caller.t) <= 1.2


def test_it_is_not_while_the_bot_talks() -> None:
    caller = Caller()
    caller.sound(2.0, -72.0, 0.01)
    assert share(caller.sound(0.3, -18.0, 0.25, eager=False)) == 0.0


@pytest.mark.parametrize(("dbfs", "probability"), [(-18.0, 0.03), (-50.0, 0.3)])
def test_a_click_or_a_murmur_is_not(dbfs: float, probability: float) -> None:
    caller = Caller()
    caller.sound(2.0, -72.0, 0.01)
    assert share(caller.sound(0.3, dbfs, probability)) == 0.0


def test_nothing_is_mended_before_the_quiet_is_known() -> None:
    caller = Caller()
    assert caller.sound(0.5, -18.0, 0.3) == [0.3] * round(0.5 / STEP)
    assert caller.foreground.quiet_dbfs is None


def test_frames_and_decisions_of_different_length_stay_together() -> None:
    """20 ms frames, 32 ms decisions: each decision is compared with its own sound."""
    foreground, t = Foreground(), 0.0
    loud = np.full(160, 8000, dtype=np.int16).tobytes()
    decided, pending = [], 0.0
    for i in range(200):
        pcm = loud if 150 <= i < 175 else bytes(320)
        chunks = []
        while pending + STEP <= t + 0.02 + 1e-9:
            chunks.append(SpeechChunk(pending, pending + STEP, 0.3))
            pending += STEP
        decided += foreground.accept(AudioFrame(pcm, MEDIA_RATE, t), tuple(chunks))
        t += 0.02
    raised = [c for c in decided if c.probability > 0.5]
    assert raised[0].t0 == pytest.approx(3.0, abs=0.04)
    assert raised[-1].t1 == pytest.approx(3.5, abs=0.07)


def test_the_detectors_hangover_is_nothing() -> None:
    """Silero goes on for 0.1 s after the end of speech; the level does not."""
    caller = Caller()
    caller.sound(2.0, -62.0, 0.02)
    caller.sound(1.0, -22.0, 0.97)
    assert not caller.foreground.nothing[0]
    caller.sound(STEP, -62.0, 0.9)
    assert caller.foreground.nothing == (True,)
    caller.sound(STEP, -50.0, 0.9)  # a last consonant is quiet, but over the line's own quiet
    assert caller.foreground.nothing == (False,)
