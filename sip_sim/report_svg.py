"""Pictures of a call as SVG text: both sides' waveforms with timing marks, and the SIP ladder. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

import numpy as np

from sip_sim.g711 import RATE, Samples
from sip_sim.ladder import Arrow
from sip_sim.recorder import Mark

#: Pixels per second of the time line.
SCALE: Final = 52
_BAR_S: Final = 0.06
_LANE: Final = 64
_GAP: Final = 34
_TOP: Final = 20
_ROW: Final = 24
_LADDER: Final = (110, 620)  # where the two life lines stand


def _bars(samples: Samples, middle: float) -> str:
    """One vertical stroke per 60 ms, its height the peak on a scale that shows soft speech too."""
    size = round(_BAR_S * RATE)
    count = -(-samples.size // size)
    padded = np.zeros(count * size, dtype=np.float32)
    padded[: samples.size] = np.abs(samples.astype(np.float32))
    peaks = (padded.reshape(count, size).max(axis=1) / 32768.0) ** 0.6 if count else padded
    strokes = []
    for index, peak in enumerate(peaks):
        half = max(0.4, float(peak) * (_LANE / 2 - 3))
        strokes.append(f"M{(index + 0.5) * _BAR_S * SCALE:.1f} {middle - half:.1f}v{2 * half:.1f}")
    return "".join(strokes)


def width_of(length_s: float) -> int:
    """Of the time line, in pixels."""
    return max(420, round(length_s * SCALE) + 24)


def waveform(caller: Samples, bot: Samples, marks: Sequence[Mark]) -> str:
    """Both sides on one time line: the customer above, the bot below, marks between them."""
    length = caller.size / RATE
    width, height = width_of(length), _TOP + 2 * _LANE + _GAP
    above, below = _TOP + _LANE / 2, _TOP + _LANE + _GAP + _LANE / 2
    ticks = "".join(
        f'<path class="axis" d="M{t * SCALE} {_TOP}V{height}"/>'
        f'<text class="tick" x="{t * SCALE + 4}" y="12">{t} s</text>'
        for t in range(0, int(length) + 1, 2)
    )
    parts = [
        f'<svg width="{width}" height="{height}" role="img" aria-label="Waveforms of both sides">{ticks}',
        f'<path class="wave caller" d="{_bars(caller, above)}"/><path class="wave bot" d="{_bars(bot, below)}"/>',
        *(_mark(mark) for mark in marks),
        f'<text class="lane" x="4" y="{_TOP + 12}">customer</text>',
        f'<text class="lane" x="4" y="{_TOP + _LANE + _GAP + 12}">bot</text></svg>',
    ]
    return "".join(parts)


def _mark(mark: Mark) -> str:
    """A bracket between the lanes, with its length in seconds."""
    left, right, y = mark.t0 * SCALE, mark.t1 * SCALE, _TOP + _LANE + _GAP / 2 + 5
    kind, label = ("stop", "stopped after ") if mark.kind == "stop" else ("", "")
    return (
        f'<path class="mark {kind}" d="M{left:.1f} {y - 5}v10M{left:.1f} {y}H{right:.1f}M{right:.1f} {y - 5}v10"/>'
        f'<text class="marktext {kind}text" x="{left:.1f}" y="{y - 8}">{label}{mark.t1 - mark.t0:.2f} s</text>'
    )


def ladder(arrows: Sequence[Arrow]) -> str:
    """Who sent which SIP message when, as arrows between the phone and the bot."""
    left, right = _LADDER
    height = 40 + _ROW * len(arrows)
    rows = []
    for index, arrow in enumerate(arrows):
        y = 44 + index * _ROW
        start, end, tip = (left, right, -8) if arrow.sent else (right, left, 8)
        kind = "sent" if arrow.sent else "got"
        rows.append(
            f'<text class="t" x="{left - 14}" y="{y + 4}" text-anchor="end">{arrow.t:.3f} s</text>'
            f'<path class="{kind}" d="M{start} {y}H{end}"/>'
            f'<path class="{kind}f" d="M{end} {y}l{tip} -4v8z"/>'
            f'<text x="{(left + right) // 2}" y="{y - 4}" text-anchor="middle">{escape(_short(arrow.line))}</text>'
        )
    return (
        f'<svg width="{right + 60}" height="{height}" role="img" aria-label="SIP ladder">'
        f'<text class="who" x="{left}" y="16" text-anchor="middle">phone</text>'
        f'<text class="who" x="{right}" y="16" text-anchor="middle">bot</text>'
        f'<path class="life" d="M{left} 22V{height}M{right} 22V{height}"/>{"".join(rows)}</svg>'
    )


def _short(line: str) -> str:
    """`SIP/2.0 200 OK` -> `200 OK`; a request without its version."""
    return line.removeprefix("SIP/2.0 ").removesuffix(" SIP/2.0")
