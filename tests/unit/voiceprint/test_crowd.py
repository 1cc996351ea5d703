"""Other people around the caller, told from the caller's own dips."""

from __future__ import annotations

import pytest

from voicebot.model.audio import SpeechChunk
from voicebot.voiceprint.crowd import Crowd

STEP = 0.032
LOUD, QUIET = -18.0, -38.0


def heard(*stretches: tuple[float, float]) -> Crowd:
    """A line on which the detector never doubts that it is speech; (dBFS, seconds), again and again for 8 s."""
    crowd, t = Crowd(), 0.0
    while t < 8.0:
        for dbfs, seconds in stretches:
            for _ in range(round(seconds / STEP)):
                crowd.add(SpeechChunk(t, t + STEP, 0.9), 32768.0**2 * 10 ** (dbfs / 10))
                t += STEP
    return crowd


@pytest.mark.parametrize("dip_s", [0.1, 0.2, 0.3])
def test_the_dips_of_a_fluent_speaker_are_nobody_else(dip_s: float) -> None:
    assert heard((LOUD, 0.35), (QUIET, dip_s)).others() == {}


def test_who_is_heard_in_the_callers_pauses_is() -> None:
    others = heard((LOUD, 0.8), (QUIET, 0.6)).others()
    assert 0.3 < len(others) * STEP / 8.0 < 0.5
    assert all(pytest.approx(power) == 10 ** (QUIET / 10) * 32768.0**2 for power in others.values())
