"""What one side sends, to the other one: ahead of gaps, without a growing delay."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

from voicebot.call.bridge import CUSHION_S, MORE_S, MOST_CUSHION_S, MOST_WAITING_S, Way
from voicebot.model.audio import MEDIA_RATE, AudioFrame
from voicebot.model.ports import CallLeg, LegEnd

FRAME = AudioFrame(b"\1\0" * 160, MEDIA_RATE, 0.0)


@dataclass
class Leg:
    """As much of a CallLeg as a Way asks."""

    queued_s: float = 0.0
    ended: LegEnd | None = None
    written: list[bytes] = field(default_factory=list)

    def write(self, pcm16: bytes) -> int:
        self.written.append(pcm16)
        return len(pcm16)


def way(leg: Leg) -> Way:
    return Way(cast("CallLeg", cast("Any", leg)))


def silence_s(pcm16: bytes) -> float:
    assert pcm16.endswith(FRAME.pcm16)
    return (len(pcm16) - len(FRAME.pcm16)) / (2 * MEDIA_RATE)


def test_each_gap_makes_the_cushion_longer_up_to_a_limit() -> None:
    leg = Leg()
    over = way(leg)
    for _ in range(8):
        over.send(FRAME)
    cushions = [round(silence_s(pcm16), 3) for pcm16 in leg.written]
    assert cushions[:3] == [CUSHION_S, round(CUSHION_S + MORE_S, 3), round(CUSHION_S + 2 * MORE_S, 3)]
    assert cushions[-1] == MOST_CUSHION_S


def test_what_waits_is_not_cushioned_and_too_much_is_left_out() -> None:
    leg = Leg(queued_s=0.02)
    over = way(leg)
    over.send(FRAME)
    leg.queued_s = MOST_WAITING_S
    over.send(FRAME)
    assert leg.written == [FRAME.pcm16]


def test_nothing_is_sent_to_who_has_hung_up() -> None:
    leg = Leg(ended=LegEnd(by="caller", status=None, reason=""))
    way(leg).send(FRAME)
    assert leg.written == []
