"""Options and words that the commands of `voicebot score` share."""

from __future__ import annotations

from pathlib import Path

import click

thresholds_file = click.option(
    "--thresholds", type=click.Path(path_type=Path), help="TOML file of thresholds (default: scoring.toml if there)."
)
as_json = click.option("--json", "json_", is_flag=True, help="Plain JSON, in full precision.")
by = click.option("--by", required=True, help="Who decides: stored with it.")


def plain(value: object) -> str:
    """A value for people: at most three digits behind the point, `-` where there is none."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, dict):
        return "(" + ", ".join(f"{key} {plain(item)}" for key, item in value.items()) + ")"
    if isinstance(value, tuple | list):
        return ", ".join(map(plain, value)) or "none"
    return str(value)
