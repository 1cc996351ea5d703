"""An evaluation as one HTML page: tables and curves, drawn as SVG in the page; no other file, no script."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from voicebot.commands.voiceprint_figures import FARS
from voicebot.voiceprint import figures
from voicebot.voiceprint.figures import Array, Estimate, Scores
from voicebot.voiceprint.proof import STATES, Sequential

if TYPE_CHECKING:
    from voicebot.commands.voiceprint_evaluate import Evaluation

_W, _H, _PAD = 420, 300, 46
_COLOURS = ("#1f6feb", "#d1242f", "#2da44e", "#9a6700", "#8250df")
_NORMAL = NormalDist()
#: Shares marked on the axes of the DET curve.
_TICKS = (0.0005, 0.002, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4)
_STYLE = """
body{font:15px/1.45 system-ui,sans-serif;max-width:960px;margin:2em auto;padding:0 1em;color:#1f2328;background:#fff}
table{border-collapse:collapse;margin:.6em 0 1.4em}th,td{border:1px solid #d0d7de;padding:.25em .6em;text-align:right}
th:first-child,td:first-child{text-align:left}th{background:#f6f8fa}figure{display:inline-block;margin:.4em 1em .4em 0}
figcaption{font-size:13px;color:#59636e}svg text{font:11px system-ui,sans-serif;fill:#59636e}.small{color:#59636e}
"""

Point = tuple[float, float]


def html_report(found: Evaluation) -> str:
    """The whole page."""
    proof = found.proof
    curves = [
        (f"{r.seconds:g} s", figures.det(r.scores.values[r.scores.genuine], r.scores.values[~r.scores.genuine]))
        for r in proof.rates
    ]
    three = next((r.scores for r in proof.rates if r.seconds == 3.0), None)
    parts = [
        f"<h1>Voiceprint: {proof.speakers} speakers of {escape(found.folder)}</h1>",
        _about(found),
        "<h2>Errors by seconds of net speech</h2>",
        _table(["net speech", "EER %", "FRR % at FAR 1 %", "FRR % at FAR 0.1 %", "genuine", "impostor"], _rates(found)),
        "<h2>Decided as in a call</h2>",
        *(_decided(alpha, decided) for alpha, decided in proof.sequential.items()),
        f"<p>Cllr {_number(proof.cllr, 1, 4)} bits.</p>",
        "<h2>Curves</h2>",
        _det(curves),
        _histogram(three, "scores at 3 s of net speech", "score") if three is not None else "",
        _histogram(proof.llrs, "evidence (natural-log LLR) at every whole window", "LLR") if proof.llrs else "",
        _reliability(proof.llrs) if proof.llrs else "",
    ]
    if found.stress:
        head = ["condition", "EER % at 3 s", *(f"own: {s} %" for s in STATES), *(f"other: {s} %" for s in STATES)]
        parts += ["<h2>Under codecs, loss and noise</h2>", _table([*head, "why inconclusive"], _stress(found))]
    if found.left_out:
        rows = [[escape(name), escape(why)] for name, why in found.left_out.items()]
        parts += ["<h2>Left out</h2>", _table(["speaker", "why"], rows)]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Voiceprint evaluation</title>'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def _about(found: Evaluation) -> str:
    calibration = found.calibration
    return (
        f"<p>{found.proof.trials} trials, {escape(found.date)}. Models: {escape(found.model_id)}. Calibration "
        f"{escape(calibration.id)} of {escape(calibration.date)}, fitted on: {escape(calibration.fitted_on)}. "
        "Nothing was fitted on the recordings tested here.</p>"
        f'<p class="small">Recordings sha256 {escape(found.data_hash)}. In brackets: 95 % intervals, a bootstrap over '
        "speakers.</p>"
    )


def _rates(found: Evaluation) -> list[list[str]]:
    return [
        [
            f"{r.seconds:g} s",
            _number(r.eer, 100, 2),
            *(_number(r.frr.get(far), 100, 1) for far in FARS),
            str(r.genuine),
            str(r.impostor),
        ]
        for r in found.proof.rates
    ]


def _decided(alpha: float, decided: Sequential) -> str:
    rows = []
    for kind, outcomes in (("own voice", decided.genuine), ("other voice", decided.impostor)):
        shares = []
        for state in STATES:
            low, high = outcomes.intervals.get(state, (float("nan"), float("nan")))
            shares.append(_number(Estimate(outcomes.shares[state], low, high), 100, 2))
        rows.append([f"{kind}, {outcomes.calls} calls", *shares])
    seconds = decided.genuine.decided_s
    after = (
        f"<p>Own voice decided after {np.mean(seconds):.1f} s on average, 90 % of calls by "
        f"{np.percentile(seconds, 90):.1f} s.</p>"
        if seconds.size
        else ""
    )
    return f"<h3>alpha {100 * alpha:g} %</h3>{_table(['', *(f'{s} %' for s in STATES)], rows)}{after}"


def _stress(found: Evaluation) -> list[list[str]]:
    rows = []
    for name, proof in found.stress.items():
        own, other = proof.outcomes.genuine, proof.outcomes.impostor
        shares = [f"{100 * o.shares[state]:.2f}" for o in (own, other) for state in STATES]
        error = _number(None if proof.rates is None else proof.rates.eer, 100, 2)
        rows.append([name, error, *shares, escape(", ".join(f"{k} {v}" for k, v in own.reasons.items()))])
    return rows


def _number(estimate: Estimate | None, factor: float, digits: int) -> str:
    if estimate is None or not np.isfinite(estimate.value):
        return "-"
    ends = f" ({factor * estimate.low:.{digits}f} to {factor * estimate.high:.{digits}f})"
    return f"{factor * estimate.value:.{digits}f}" + (ends if np.isfinite(estimate.low) else "")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return "<table><tr>" + "".join(f"<th>{cell}</th>" for cell in head) + f"</tr>{lines}</table>"


def _det(curves: Sequence[tuple[str, Sequence[Point]]]) -> str:
    low, high = _probit(_TICKS[0]), _probit(0.5)

    def place(share: float) -> float:
        return (min(max(_probit(share), low), high) - low) / (high - low)

    drawn = [(name, [(place(a), place(m)) for a, m in points]) for name, points in curves]
    ticks = [(place(t), f"{100 * t:g}") for t in _TICKS]
    return _figure("DET: refused customers against admitted impostors, %", drawn, ticks, ticks, "impostors in, %", "%")


def _probit(share: float) -> float:
    return _NORMAL.inv_cdf(min(max(share, 1e-6), 1 - 1e-6))


def _histogram(scores: Scores, title: str, axis: str, bins: int = 60) -> str:
    genuine, impostor = scores.values[scores.genuine], scores.values[~scores.genuine]
    low, high = (float(x) for x in np.percentile(scores.values, [0.1, 99.9]))
    high = high if high > low else low + 1.0
    edges = np.linspace(low, high, bins + 1)
    drawn = []
    for name, values in (("own voice", genuine), ("other voice", impostor)):
        share = np.histogram(np.clip(values, low, high), edges)[0] / max(1, values.size)
        drawn.append((name, share))
    top = max(float(share.max()) for _, share in drawn) or 1.0
    lines = [(name, _stairs(share / top)) for name, share in drawn]
    ticks = [(x, f"{low + x * (high - low):.2g}") for x in (0.0, 0.25, 0.5, 0.75, 1.0)]
    return _figure(f"Histogram: {title}", lines, ticks, [(1.0, f"{100 * top:.0f}")], axis, "% of trials")


def _stairs(heights: Array) -> list[Point]:
    n = len(heights)
    return [point for i, h in enumerate(heights) for point in ((i / n, float(h)), ((i + 1) / n, float(h)))]


def _reliability(scores: Scores) -> str:
    found = figures.reliability(scores.values[scores.genuine], scores.values[~scores.genuine])
    ticks = [(x, f"{100 * x:.0f}") for x in (0.0, 0.25, 0.5, 0.75, 1.0)]
    lines: list[tuple[str, Sequence[Point]]] = [
        ("as it should be", [(0.0, 0.0), (1.0, 1.0)]),
        ("as it is", [(said, true) for said, true, _ in found]),
    ]
    return _figure("Reliability: what the evidence says, and what is true", lines, ticks, ticks, "said, %", "true, %")


def _figure(
    title: str,
    curves: Sequence[tuple[str, Sequence[Point]]],
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    x_name: str,
    y_name: str,
) -> str:
    """Curves in the unit square, drawn with axes."""
    width, height = _W - 2 * _PAD, _H - 2 * _PAD

    def at(x: float, y: float) -> str:
        return f"{_PAD + x * width:.1f},{_PAD + (1 - y) * height:.1f}"

    marks = [f'<path d="M{at(0, 0)}L{at(1, 0)}M{at(0, 0)}L{at(0, 1)}" stroke="#59636e" fill="none"/>']
    for x, label in x_ticks:
        place = _PAD + x * width
        marks.append(f'<path d="M{at(x, 0)}L{at(x, 1)}" stroke="#eaeef2"/>')
        marks.append(f'<text x="{place:.1f}" y="{_H - _PAD + 14}" text-anchor="middle">{label}</text>')
    for y, label in y_ticks:
        marks.append(f'<path d="M{at(0, y)}L{at(1, y)}" stroke="#eaeef2"/>')
        marks.append(f'<text x="{_PAD - 5}" y="{_PAD + (1 - y) * height + 4:.1f}" text-anchor="end">{label}</text>')
    marks.append(f'<text x="{_W - _PAD}" y="{_H - 10}" text-anchor="end">{escape(x_name)}</text>')
    marks.append(f'<text x="4" y="{_PAD - 12}">{escape(y_name)}</text>')
    for number, (name, points) in enumerate(curves):
        colour = _COLOURS[number % len(_COLOURS)]
        line = "L".join(at(x, y) for x, y in points)
        marks.append(f'<path d="M{line}" stroke="{colour}" stroke-width="1.6" fill="none"/>')
        marks.append(f'<text x="{_W - _PAD + 3}" y="{_PAD + 12 * number}" style="fill:{colour}" text-anchor="end">')
        marks.append(f"{escape(name)}</text>")
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{_W}" height="{_H}" role="img">{"".join(marks)}</svg>'
    return f"<figure>{svg}<figcaption>{escape(title)}</figcaption></figure>"
