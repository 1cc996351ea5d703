"""The voice over one call as a picture: evidence (LLR) with both limits, score, decisions, who spoke when.

Made of four kinds of shapes, so that the console (SVG) and a file (SVG, PNG) show the same. No word of the call is in
it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from voicebot.model.records import Turn
from voicebot.model.voice import VoiceComparison, VoiceState

WIDTH, HEIGHT = 1000, 430
_LEFT, _RIGHT, _TOP, _FLOOR = 62, 54, 34, 300
_LANES = {"customer": 330, "bot": 354}
_LANE_H = 16
_INK, _SOFT, _GRID = "#1d2733", "#5c6b7a", "#dde3ea"
_SPEECH = {"customer": "#7fb069", "bot": "#8fb4e3"}
COLOURS = {VoiceState.MATCH: "#1e7a46", VoiceState.MISMATCH: "#b3261e", VoiceState.INCONCLUSIVE: "#9a5b00"}
#: The picture ends at so many times the larger limit: a strong mismatch would flatten everything else.
_MOST = 4.0
#: About the width of a letter.
_LETTER = 7.0


@dataclass(frozen=True, slots=True)
class Line:
    """From (x0, y0) to (x1, y1), pixels."""

    x0: float
    y0: float
    x1: float
    y1: float
    colour: str
    width: float = 1.0
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle."""

    x: float
    y: float
    width: float
    height: float
    colour: str


@dataclass(frozen=True, slots=True)
class Dot:
    """A filled circle."""

    x: float
    y: float
    radius: float
    colour: str


@dataclass(frozen=True, slots=True)
class Label:
    """Text; `anchor`: start | middle | end of it is at x; y is its base line."""

    x: float
    y: float
    text: str
    colour: str = _SOFT
    anchor: str = "start"
    size: int = 12


Shape = Line | Box | Dot | Label


@dataclass(frozen=True, slots=True)
class _Scale:
    """Seconds and LLR to pixels."""

    end: float
    most: float

    def x(self, t: float) -> float:
        return _LEFT + min(max(t / self.end, 0.0), 1.0) * (WIDTH - _LEFT - _RIGHT)

    def y(self, llr: float) -> float:
        share = (min(max(llr, -self.most), self.most) + self.most) / (2 * self.most)
        return _FLOOR - share * (_FLOOR - _TOP)

    def y_score(self, score: float) -> float:
        return _FLOOR - min(max((score + 1) / 2, 0.0), 1.0) * (_FLOOR - _TOP)


def voice_shapes(turns: Sequence[Turn], comparisons: Sequence[VoiceComparison]) -> tuple[Shape, ...]:
    """The picture of one call; with no comparison only who spoke when. WIDTH x HEIGHT pixels, origin top left."""
    limits = [max(abs(c.decision.accept_limit), abs(c.decision.reject_limit)) for c in comparisons]
    ends = [t for turn in turns for t in (turn.prompt_t1, turn.reply_t1) if t is not None]
    scale = _Scale(max([*ends, *(c.t for c in comparisons), 1.0]) * 1.02, _MOST * max([*limits, 1.0]))
    shapes: list[Shape] = [*_axes(scale), *_lanes(turns, scale)]
    if not comparisons:
        return (*shapes, Label(WIDTH / 2, (_TOP + _FLOOR) / 2, "no comparison with a voiceprint", anchor="middle"))
    return (*shapes, *_limits(comparisons, scale), *_course(comparisons, scale), *_decisions(comparisons, scale))


def _axes(scale: _Scale) -> Iterable[Shape]:
    yield Label(_LEFT, 18, "evidence (LLR), left; score (cosine), grey, right; seconds from the answer", _INK, size=13)
    step = next(s for s in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1e9) if scale.end / s <= 14)
    t = 0.0
    while t <= scale.end:
        yield Line(scale.x(t), _TOP, scale.x(t), _FLOOR, _GRID)
        yield Label(scale.x(t), _FLOOR + 18, f"{t:g}", anchor="middle")
        t += step
    for share in (-1.0, -0.5, 0.0, 0.5, 1.0):
        llr = share * scale.most
        yield Line(_LEFT, scale.y(llr), WIDTH - _RIGHT, scale.y(llr), _SOFT if llr == 0 else _GRID)
        yield Label(_LEFT - 6, scale.y(llr) + 4, f"{llr:+.0f}", anchor="end")
        yield Label(WIDTH - _RIGHT + 6, scale.y_score(share) + 4, f"{share:.1f}")


def _lanes(turns: Sequence[Turn], scale: _Scale) -> Iterable[Shape]:
    for name, y in _LANES.items():
        yield Label(_LEFT - 6, y + 12, name, anchor="end")
        yield Line(_LEFT, y + _LANE_H, WIDTH - _RIGHT, y + _LANE_H, _GRID)
    for turn in turns:
        heard = turn.prompt_t1 if turn.heard_s is None else turn.prompt_t0 + turn.heard_s
        for name, t0, t1 in (("bot", turn.prompt_t0, heard), ("customer", turn.reply_t0, turn.reply_t1)):
            if t0 is not None and t1 is not None and t1 > t0:
                width = max(scale.x(t1) - scale.x(t0), 1.0)
                yield Box(scale.x(t0), _LANES[name], width, _LANE_H, _SPEECH[name])


def _limits(comparisons: Sequence[VoiceComparison], scale: _Scale) -> Iterable[Shape]:
    """Both limits, as they were at each time (a stricter flow raises them)."""
    starts = [0.0, *(c.t for c in comparisons[:-1])]
    ends = [*(c.t for c in comparisons[:-1]), scale.end]
    for c, t0, t1 in zip(comparisons, starts, ends, strict=True):
        for llr, state in ((c.decision.accept_limit, VoiceState.MATCH), (c.decision.reject_limit, VoiceState.MISMATCH)):
            y = scale.y(llr)
            yield Line(scale.x(t0), y, scale.x(t1), y, COLOURS[state], 1.5, dashed=True)
    last = comparisons[-1].decision
    for llr, name in ((last.accept_limit, "match from"), (last.reject_limit, "mismatch to")):
        yield Label(_LEFT + 6, scale.y(llr) - 5, f"{name} {llr:+.1f}")


def _course(comparisons: Sequence[VoiceComparison], scale: _Scale) -> Iterable[Shape]:
    scores = [(c.t, c.decision.score) for c in comparisons if c.decision.score is not None]
    for (t0, a), (t1, b) in pairwise(scores):
        yield Line(scale.x(t0), scale.y_score(a), scale.x(t1), scale.y_score(b), "#a9b4bf", 1.5)
    llrs = [(c.t, c.decision.llr) for c in comparisons if c.decision.llr is not None]
    for (t0, a), (t1, b) in pairwise(llrs):
        yield Line(scale.x(t0), scale.y(a), scale.x(t1), scale.y(b), _INK, 2.0)
    for c in comparisons:
        if c.decision.llr is not None:
            yield Dot(scale.x(c.t), scale.y(c.decision.llr), 4.5, COLOURS[c.decision.state])


def _decisions(comparisons: Sequence[VoiceComparison], scale: _Scale) -> Iterable[Shape]:
    """A bar under the lanes in the colour of the decision in force, its name where it changes."""
    y = _LANES["bot"] + _LANE_H + 6
    before: tuple[VoiceState, object] | None = None
    rows = dict.fromkeys((HEIGHT - 26, HEIGHT - 8), 0.0)  # to where each is written
    for c, following in zip(comparisons, [*comparisons[1:], None], strict=True):
        x0, x1 = scale.x(c.t), scale.x(following.t if following is not None else scale.end)
        yield Box(x0, y, max(x1 - x0, 1.0), 6, COLOURS[c.decision.state])
        now = (c.decision.state, c.decision.reason)
        free = [row for row, until in rows.items() if until <= x0]
        if now != before and free:
            reason = f" ({c.decision.reason.value.replace('_', ' ')})" if c.decision.reason else ""
            text = f"{c.t:.1f} s: {c.decision.state.value}{reason}"
            late = x0 + _LETTER * len(text) > WIDTH
            yield Label(WIDTH - 4 if late else x0, free[0], text, COLOURS[c.decision.state], "end" if late else "start")
            rows[free[0]] = x0 + _LETTER * len(text)
        before = now


def svg(shapes: Iterable[Shape]) -> str:
    """The shapes as an SVG document without scripts or styles (the console's content policy allows neither)."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
    parts = [f'{head} font-family="sans-serif" role="img" aria-label="the voice over the call">']
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>')
    return "\n".join([*parts, *map(_element, shapes), "</svg>"])


def _element(shape: Shape) -> str:
    match shape:
        case Line():
            dash = ' stroke-dasharray="6 4"' if shape.dashed else ""
            ends = f'x1="{shape.x0:.1f}" y1="{shape.y0:.1f}" x2="{shape.x1:.1f}" y2="{shape.y1:.1f}"'
            return f'<line {ends} stroke="{shape.colour}" stroke-width="{shape.width:g}"{dash}/>'
        case Box():
            place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
            return f'<rect {place} fill="{shape.colour}"/>'
        case Dot():
            return f'<circle cx="{shape.x:.1f}" cy="{shape.y:.1f}" r="{shape.radius:g}" fill="{shape.colour}"/>'
        case Label():
            place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" text-anchor="{shape.anchor}" font-size="{shape.size}"'
            return f'<text {place} fill="{shape.colour}">{escape(shape.text)}</text>'
