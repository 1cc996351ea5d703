"""Which of a file's columns is which of ours: by our name, by a usual other name, or by a mapping file.

A mapping file (YAML or TOML) has a table for each kind of file: our column to the file's header, or to {value: X} where
every row has the same. Columns of the file that are not ours are left out then; without a mapping they are a fault.

    customers:
      id: CUST_NO
      number: MOBILE
      language: {value: en}
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from storage.portfolio_kinds import KINDS, Kind, normal
from voicebot.errors import PortfolioError


@dataclass(frozen=True, slots=True)
class KindMap:
    """Of one kind of file: our column -> its header; our column -> the value of every row."""

    headers: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each of our columns is: its place in the file's header, None where it is not there; `values`: by column,
    what every row has; `unused`: headers that are left out."""

    places: tuple[int | None, ...]
    values: Mapping[str, str]
    unused: tuple[str, ...] = ()


def read_mapping(path: Path) -> dict[str, KindMap]:
    """Raises PortfolioError with everything that is wrong."""
    try:
        content = path.read_text(encoding="utf-8")
        data: object = (
            tomllib.loads(content) if path.suffix == ".toml" else yaml.load(content, Loader=yaml.BaseLoader)  # noqa: S506
        )
    except OSError as error:
        raise PortfolioError(f"{path}: {error.strerror}", hint="give the path of a mapping file") from None
    except (ValueError, yaml.YAMLError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 1
        raise PortfolioError(f"{path}:{line}: is not {'TOML' if path.suffix == '.toml' else 'YAML'}") from None
    found, faults = dict[str, KindMap](), list[str]()
    for name, columns in data.items() if isinstance(data, dict) else [("", None)]:
        if name not in KINDS:
            faults.append(f"`{str(name)[:40]}` is no kind of file; there are {', '.join(KINDS)}")
        elif not isinstance(columns, dict):
            faults.append(f"`{name}` needs a table of columns")
        else:
            found[name] = _kind_map(KINDS[name], columns, faults)
    if faults:
        raise PortfolioError(
            "\n  ".join(f"{path}: {fault}" for fault in faults), hint="docs/database.md has an example"
        )
    return found


def _kind_map(kind: Kind, columns: Mapping[object, object], faults: list[str]) -> KindMap:
    headers, values = dict[str, str](), dict[str, str]()
    known = {column.name for column in kind.columns}
    for name, source in columns.items():
        if name not in known:
            faults.append(f"{kind.name}: `{str(name)[:40]}` is no column; there are {', '.join(sorted(known))}")
        elif isinstance(source, str):
            headers[str(name)] = source.strip()
        elif isinstance(source, dict) and list(source) == ["value"] and isinstance(source["value"], str | int | float):
            values[str(name)] = str(source["value"])
        else:
            faults.append(f"{kind.name}: `{name}` needs the name of a header, or {{value: X}}")
    return KindMap(headers, values)


def layout(kind: Kind, header: Sequence[str], mapping: KindMap | None) -> tuple[Layout, list[str]]:
    """Where each column is, and what is wrong with the header."""
    names = [_ours(kind, name, mapping) for name in header]
    known = [column.name for column in kind.columns]
    constant = mapping.values if mapping else {}
    faults = []
    lacking = [c.name for c in kind.columns if c.default is None and c.name not in names and c.name not in constant]
    if lacking:
        faults.append(f"missing column(s) {', '.join(lacking)}")
    unused = [name for name, ours in zip(header, names, strict=True) if ours is None]
    if unused and mapping is None:
        faults.append(f"unknown column(s) {', '.join(repr(name[:40]) for name in unused)}")
    if twice := sorted({ours for ours in names if ours is not None and names.count(ours) > 1}):
        faults.append(f"column(s) given twice: {', '.join(twice)}")
    if faults:
        faults.append(f"the columns are {', '.join(known)}; another header: --map FILE")
    places = tuple(names.index(name) if name in names else None for name in known)
    return Layout(places, constant, tuple(unused)), faults


def _ours(kind: Kind, name: str, mapping: KindMap | None) -> str | None:
    """Our column of a header."""
    known = [column.name for column in kind.columns]
    if mapping is not None:
        for ours, header in mapping.headers.items():
            if header == name:
                return ours
    plain = normal(name)
    usual = plain if plain in known else kind.aliases.get(plain)
    taken = mapping is not None and (usual in mapping.headers or usual in mapping.values)
    return None if taken else usual
