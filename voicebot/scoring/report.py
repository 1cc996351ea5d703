"""The day's report as one HTML file: charts are SVG inside it, nothing is loaded, everything is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from voicebot.scoring.result import Value

PAGES = Path(__file__).resolve().parent / "pages"


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a chart. `share`: of the longest bar, in [0, 1]; `text`: the figure as it is written."""

    label: str
    value: float
    share: float
    text: str


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under named columns. `empty`: what stands there where there is no row."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    empty: str = "none"
    note: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, with the table under it holding the same figures for who cannot see them."""

    title: str
    bars: tuple[Bar, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """All of it. `figures`: (what, figure) shown large; `days`: chart of the days before."""

    title: str
    bank: str
    day: str
    made_at: str
    figures: tuple[tuple[str, str], ...]
    charts: tuple[Chart, ...]
    tables: tuple[Table, ...]
    notes: tuple[str, ...] = field(default=())


def bars(items: Iterable[tuple[str, float]], digits: int = 0) -> tuple[Bar, ...]:
    """Bars in their order; the longest is full. Negative figures are none of ours."""
    listed = [(label, max(0.0, value)) for label, value in items]
    top = max((value for _, value in listed), default=0.0)
    return tuple(Bar(label, value, value / top if top else 0.0, f"{value:.{digits}f}") for label, value in listed)


def percent(value: Value) -> str:
    """A share as people read it; `-` where it is not known."""
    return "-" if not isinstance(value, int | float) else f"{100 * value:.0f} %"


def number(value: Value, digits: int = 0) -> str:
    """A figure; `-` where it is not known."""
    return "-" if not isinstance(value, int | float) else f"{value:.{digits}f}"


def figures_of(values: Mapping[str, Value]) -> tuple[tuple[str, str], ...]:
    """The day's figures that are shown large, of the summed performance."""
    return (
        ("attempts", number(values["attempts"])),
        ("connected", percent(values["connect_rate"])),
        ("right party", percent(values["rpc_rate"])),
        ("promises", number(values["promises"])),
        ("promises kept", percent(values["kept_ptp_rate"])),
        ("contained", percent(values["containment"])),
        ("transferred", percent(values["transfer_rate"])),
        ("refused", percent(values["refusal_rate"])),
        ("mean talk, s", number(values["aht_s"])),
        ("voice accepted", number(values["voice_accept"])),
        ("voice rejected", number(values["voice_reject"])),
        ("warnings", number(values["warnings"])),
    )


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]], empty: str, note: str = "") -> Table:
    """A table of texts."""
    return Table(title, tuple(columns), tuple(tuple(row) for row in rows), empty, note)


def render(report: Report) -> str:
    """The HTML."""
    environment = Environment(
        loader=FileSystemLoader(PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(report=report)
