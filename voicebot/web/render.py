"""The pages' templates: autoescaped, from this folder only, a missing name is an error."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from voicebot.web.view import tone, words

HERE = Path(__file__).resolve().parent


def clock(seconds: float) -> str:
    """Seconds of a call as m:ss.s."""
    tenths = max(0, round(seconds * 10))
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"


def moment(iso: str | None) -> str:
    """A UTC ISO 8601 time without what nobody reads."""
    return (iso or "")[:19].replace("T", " ")


def pages() -> Environment:
    """The environment; templates are compiled once."""
    environment = Environment(
        loader=FileSystemLoader(HERE / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(clock=clock, moment=moment, tone=tone, words=words)
    return environment
