"""`--report out.html`: one page that needs nothing but the WAV files beside it. Failed scenarios stand first."""

from __future__ import annotations

import os
import wave
from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from itertools import zip_longest
from pathlib import Path
from typing import Final
from urllib.parse import quote

import numpy as np

from sip_sim.caller import Line
from sip_sim.g711 import Samples
from sip_sim.ladder import read_arrows
from sip_sim.recorder import percentile
from sip_sim.report import ScenarioResult, gaps_of, summary
from sip_sim.report_style import CSS, SCRIPT
from sip_sim.report_svg import SCALE, ladder, waveform, width_of

_LEAST_WIDTH: Final = 104
_NARROWEST: Final = 76
_LETTER: Final = 6.6  # mean width of one at 12 px
_LINE_HEIGHT: Final = 17


def write_html(path: Path, results: Sequence[ScenarioResult]) -> None:
    """Write the page; recordings and ladders are read from where the results say, and linked relative to the page."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(results, path.parent), encoding="utf-8")


def page(results: Sequence[ScenarioResult], folder: Path) -> str:
    """The page's text; `folder` is where it will lie."""
    ordered = sorted(results, key=lambda result: result.passed)
    when = datetime.now(UTC).strftime("%d %B %Y, %H:%M UTC")
    failed = sum(not result.passed for result in results)
    title = f"{failed} of {len(results)} scenarios failed" if failed else f"All {len(results)} scenarios passed"
    calls = "\n".join(_call(result, folder) for result in ordered)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>sip-sim: {escape(title)}</title><style>{CSS}</style></head><body>"
        f'<header><h1>{escape(title)}</h1><p class="when">sip-sim, {when}</p>{_tiles(results)}</header>'
        f"<main>{calls}</main><footer>Times are measured on the customer's own recording, in steps of 20 ms. "
        f"Click a waveform to hear the call from there.</footer><script>{SCRIPT}</script></body></html>\n"
    )


def _tiles(results: Sequence[ScenarioResult]) -> str:
    figures = summary(results)
    failed = sum(not result.passed for result in results)
    stops = tuple(stop for result in results if result.timing for stop in result.timing.stops_s)
    tiles = [
        ("good" if not failed else "", str(len(results) - failed), "passed"),
        ("bad" if failed else "", str(failed), "failed"),
        ("", _seconds(figures["reply_gap_p50_s"]), f"reply gap, median of {len(gaps_of(results))}"),
        ("", _seconds(figures["reply_gap_p95_s"]), "reply gap, 95th percentile"),
        ("", _seconds(figures["first_audio_p50_s"]), "answer to first sound, median"),
        ("", _seconds(percentile(stops, 0.5)), f"customer cut in, median of {len(stops)}"),
    ]
    boxes = "".join(
        f'<div class="tile {kind}"><b>{value}</b><span>{label}</span></div>' for kind, value, label in tiles
    )
    return f'<div class="tiles">{boxes}</div>'


def _seconds(value: object) -> str:
    return f"{value:.2f} s" if isinstance(value, float) else "–"


def _call(result: ScenarioResult, folder: Path) -> str:
    chip = '<span class="chip good">passed</span>' if result.passed else '<span class="chip bad">failed</span>'
    timing = result.timing
    gap = percentile(timing.reply_gaps_s, 0.95) if timing else None
    figures = f"{timing.length_s:.0f} s call" if timing else (" ".join(result.sip[-2:]) or "no call")
    figures += f" · slowest reply {gap:.2f} s" if gap is not None else ""
    failures = "".join(f"<li>{escape(failure)}</li>" for failure in result.failures)
    box = f'<ol class="failures">{failures}</ol>' if failures else ""
    opened = "" if result.passed else " open"
    return (
        f'<details class="call"{opened} id="{escape(result.scenario)}"><summary>{chip}'
        f'<span class="name">{escape(result.name)}<small>{escape(result.scenario)}</small></span>'
        f'<span class="figure">{escape(figures)}</span></summary><div class="inside">{box}'
        f"{_talk(result, folder)}{_signalling(result)}{_facts(result, folder)}</div></details>"
    )


def _talk(result: ScenarioResult, folder: Path) -> str:
    """Waveforms, words under them, the measured times, the player."""
    if not result.wav or result.timing is None or not Path(result.wav).is_file():
        return ""
    caller, bot = _tracks(Path(result.wav))
    words, height = _words(result.lines)
    return (
        f'<h3>What was heard</h3><div class="scroll" tabindex="0"><div class="time" data-scale="{SCALE}" '
        f'style="width:{width_of(result.timing.length_s)}px">{waveform(caller, bot, result.timing.marks)}'
        f'<div class="words" style="height:{height}px">{words}</div><div class="head"></div></div></div>'
        f'<audio controls preload="none" src="{_link(Path(result.wav), folder)}"></audio>{_measured(result)}'
    )


def _tracks(path: Path) -> tuple[Samples, Samples]:
    with wave.open(str(path), "rb") as source:
        both = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2").reshape(-1, 2)
    return both[:, 0].astype(np.int16), both[:, 1].astype(np.int16)


def _words(lines: Sequence[Line]) -> tuple[str, int]:
    """Boxes at their times, one row for each side (more where they would cover each other), and their height."""
    html, top = "", 6
    for who in ("caller", "bot", *sorted({line.who for line in lines} - {"caller", "bot"})):
        said = sorted((line for line in lines if line.who == who), key=lambda line: line.t0)
        rows = _rows(said)
        for row in rows:
            html += "".join(_word(line, width, top) for line, width in row)
            top += 8 + max(_height(line, width) for line, width in row)
    return html, top + 4


def _rows(said: Sequence[Line]) -> list[list[tuple[Line, float]]]:
    """First row that has room for each box; (line, width in pixels)."""
    rows: list[list[tuple[Line, float]]] = []
    for line, following in zip_longest(said, said[1:]):
        width = max(_LEAST_WIDTH, (line.t1 - line.t0) * SCALE)
        room = (following.t0 - line.t0) * SCALE - 4 if following is not None else width
        width = min(width, room) if room >= _NARROWEST else width
        free = next((row for row in rows if row[-1][0].t0 * SCALE + row[-1][1] + 4 <= line.t0 * SCALE), None)
        if free is None:
            rows.append([(line, width)])
        else:
            free.append((line, width))
    return rows


def _height(line: Line, width: float) -> int:
    letters = max(8.0, (width - 20) / _LETTER)
    return _LINE_HEIGHT * (1 + -(-len(line.text) // int(letters))) + 10


def _word(line: Line, width: float, top: int) -> str:
    kind = "caller" if line.who == "caller" else "bot"
    who = {"caller": "customer", "bot": "bot"}.get(line.who, line.who)
    return (
        f'<div class="says {kind}" style="left:{line.t0 * SCALE:.0f}px;top:{top}px;width:{width:.0f}px">'
        f"<b>{line.t0:.1f} s · {escape(who)}</b>{escape(line.text)}</div>"
    )


def _measured(result: ScenarioResult) -> str:
    timing = result.timing
    if timing is None or not (timing.reply_gaps_s or timing.stops_s):
        return ""
    spans = "".join(
        f'<span class="cut">cut in at {mark.t0:.1f} s: silent after {mark.t1 - mark.t0:.2f} s</span>'
        if mark.kind == "stop"
        else f"<span>{mark.t0:.1f} s: replied after {mark.t1 - mark.t0:.2f} s</span>"
        for mark in timing.marks
    )
    return f'<h3>Measured</h3><div class="figures">{spans}</div>'


def _signalling(result: ScenarioResult) -> str:
    if not result.ladder or not Path(result.ladder).is_file():
        return ""
    arrows = read_arrows(Path(result.ladder).read_text(encoding="utf-8"))
    return f'<h3>SIP</h3><div class="ladder">{ladder(arrows)}</div>' if arrows else ""


def _facts(result: ScenarioResult, folder: Path) -> str:
    facts = [f"number {escape(result.number)}", f"seed {result.seed}", f"file {escape(result.file)}"]
    facts += [f"ended by {escape(result.ended_by)}"] if result.ended_by else []
    facts += [f"{result.packets_lost} packets lost on purpose"] if result.packets_lost else []
    facts += [f'<a href="{_link(Path(result.ladder), folder)}">all SIP messages</a>'] if result.ladder else []
    return f'<p class="facts">{" · ".join(facts)}</p>'


def _link(target: Path, folder: Path) -> str:
    return quote(Path(os.path.relpath(target.resolve(), folder.resolve())).as_posix())
