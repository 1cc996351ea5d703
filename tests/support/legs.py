"""What the tests of a leg say and hear: sound that shows where it was cut or moved."""

from __future__ import annotations

import asyncio

import numpy as np

from sip_sim.g711 import Samples
from sip_sim.phone import Phone
from tests.support.far_end import NUMBER, BotLine, FarEnd
from tests.support.pyvoip_bot import PyvoipBot
from voicebot.model.ports import CallLeg


def noise(seconds: float, seed: int = 1) -> Samples:
    """Sound that is like itself at no other place: what was cut or moved shows."""
    return (
        (np.random.default_rng(seed).standard_normal(int(seconds * 8000)) * 3000).clip(-12000, 12000).astype(np.int16)
    )


def alike(wanted: Samples, heard: Samples) -> float:
    """The best normalised cross-correlation of `wanted` in `heard`; negative phase counts against it."""
    from scipy.signal import correlate

    a, b = wanted.astype(float), heard.astype(float)
    energy = np.convolve(b**2, np.ones(a.size), "valid")
    return float((correlate(b, a, "valid") / np.sqrt(np.maximum(energy, 1) * (a**2).sum())).max())


def clean_fifths(wanted: Samples, heard: Samples) -> int:
    """How many fifths of `wanted` were heard unspoiled. A jitter buffer that adapts may move one against the next."""
    return sum(alike(piece, heard) > 0.98 for piece in np.array_split(wanted, 5))


async def talking(far: FarEnd, bot: BotLine | PyvoipBot, ring_s: float = 5) -> tuple[CallLeg, Phone]:
    """An answered call of the bot."""
    leg = await bot.signaling.dial(NUMBER)
    phone = await far.rings()
    phone.answer()
    await leg.wait_answered(ring_s)
    return leg, phone


async def say(leg: CallLeg, sound: Samples) -> None:
    """As the line does: a little ahead, never all at once."""
    left = sound.tobytes()
    while left:
        if leg.queued_s < 0.1:
            left = left[leg.write(left[:320]) :]
        else:
            await asyncio.sleep(0.01)


async def hear(leg: CallLeg, seconds: float) -> Samples:
    """All that the leg receives until `seconds` of sound have come."""
    heard = b""
    async with asyncio.timeout(seconds + 10):
        while len(heard) < seconds * 16000:
            heard += leg.read(16000)
            await asyncio.sleep(0.02)
    return np.frombuffer(heard, dtype=np.int16)
