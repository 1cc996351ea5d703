"""A raised voice against the same voice calm, on made-up voices of pulses and resonances."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.voiceprint.helpers import voice, voiceprint
from voicebot.model.voice import VoiceQuality, VoiceReason, VoiceState
from voicebot.voiceprint.arousal import RAISED, manner, mean_manner, raised
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.tracker import replay

RATE = 8000
#: LLR = 20 * (score - 0.5): another voice lies at -10.
CAL = Calibration("test", "model-1", a=20.0, b=0.0, c=0.0, d=-10.0)


def spoken(hertz: float, level: float = 2000.0, bright: float = 0.7, seconds: float = 2.0) -> bytes:
    """Pulses at a pitch that wavers a little, `bright` the share that each harmonic keeps of the one below."""
    t = np.arange(round(RATE * seconds)) / RATE
    phase = 2 * np.pi * np.cumsum(hertz * (1 + 0.03 * np.sin(2 * np.pi * 3 * t))) / RATE
    total = sum(bright**n * np.sin((n + 1) * phase) for n in range(int(3400 / hertz)))
    sound = total / np.sqrt(np.mean(np.square(total))) * level
    return np.clip(sound, -32000, 32000).astype(np.int16).tobytes()


@pytest.mark.parametrize("hertz", [90.0, 120.0, 210.0, 300.0])
def test_pitch_is_found(hertz: float) -> None:
    found = manner(spoken(hertz), RATE)
    assert found is not None
    assert 2 ** (found[0] / 12) == pytest.approx(hertz, rel=0.04)


@pytest.mark.parametrize("sound", [b"", bytes(400), bytes(2 * RATE)], ids=["nothing", "short", "silence"])
def test_no_voice_no_manner(sound: bytes) -> None:
    assert manner(sound, RATE) is None


def test_noise_has_no_pitch() -> None:
    noise = np.random.default_rng(1).normal(size=2 * RATE) * 1000
    assert manner(noise.astype(np.int16).tobytes(), RATE) is None


def test_higher_louder_and_brighter_is_raised_and_the_same_is_not() -> None:
    calm, again, angry = (manner(s, RATE) for s in (spoken(120), spoken(123), spoken(170, 5000.0, 0.9)))
    assert calm is not None
    assert again is not None
    assert angry is not None
    assert raised(again, calm) < 0.5
    assert raised(angry, calm) > RAISED
    assert raised(calm, angry) < -RAISED  # a subdued voice is not a raised one


def test_mean_over_what_is_known() -> None:
    assert mean_manner([(2.0, (1.0, 1.0)), (2.0, None), (6.0, (5.0, 3.0))]) == (4.0, 2.5)
    assert mean_manner([(2.0, None)]) is None
    assert mean_manner([]) is None


def test_a_raised_voice_must_be_much_further_away_for_a_mismatch() -> None:
    calm = manner(spoken(120), RATE)
    angry = manner(spoken(170, 5000.0, 0.9), RATE)
    assert calm is not None
    known = voiceprint(1)
    with_calm = type(known)(**{f: getattr(known, f) for f in known.__dataclass_fields__} | {"calm": calm})
    other = [(voice(2, 0), 2.0, VoiceQuality(30.0), angry)]

    def end(print_: object, policy: Policy) -> tuple[VoiceState, VoiceReason | None]:
        decision = list(replay(other, print_, CAL, policy))[-1]  # type: ignore[arg-type]
        return decision.state, decision.reason

    assert end(with_calm, Policy()) == (VoiceState.INCONCLUSIVE, VoiceReason.EMOTIONAL)
    assert end(with_calm, Policy(doubt_factor=1.5)) == (VoiceState.MISMATCH, None)
    assert end(known, Policy()) == (VoiceState.MISMATCH, None)  # no calm voice known: nothing to compare with
