"""YAML as plain text with line numbers: what a flow file may use of YAML, and nothing more.

A scalar stays the text that was written (plain YAML reads `yes` as true, `12:30` as 750, `007` as 7). Anchors, aliases,
tags, several documents and duplicate keys are refused: they are how YAML bombs and silent overrides are made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from voicebot.flow.findings import Finding, Where, finding

MAX_BYTES = 256_000
MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar as written."""

    value: str
    where: Where


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    values: tuple[Value, ...]
    where: Where


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping; `keys` says where each key stands."""

    values: Mapping[str, Value]
    keys: Mapping[str, Where]
    where: Where


Value = Text | Items | Table


class _Refused(Exception):
    def __init__(self, where: Where, message: str) -> None:
        super().__init__(message)
        self.finding = finding(where, message)


class _Loader(yaml.BaseLoader):
    """Composes nodes and refuses, on the way, what a flow file may not use."""

    def __init__(self, text: str, label: str) -> None:
        super().__init__(text)
        self._label = label
        self._depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        """One node, if it is allowed."""
        event: yaml.Event = self.peek_event()  # type: ignore[no-untyped-call]
        where = Where(self._label, event.start_mark.line + 1 if event.start_mark else 1)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _Refused(where, "anchors (&) and aliases (*) are not allowed; write the value out")
        if tag := getattr(event, "tag", None):
            raise _Refused(where, f"the tag {tag} is not allowed")
        if self._depth > MAX_DEPTH:
            raise _Refused(where, f"nested deeper than {MAX_DEPTH} levels")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def read_yaml(path: Path, label: str, first: str = "flow: NAME") -> tuple[Table | None, list[Finding]]:
    """Read one file. `label`: how messages name it; `first`: how such a file begins. Returns the table (None where it
    is unusable) and what is wrong."""
    top = Where(label, 1)
    try:
        node = _Loader(_text(path, top), label).get_single_node()
    except _Refused as refused:
        return None, [refused.finding]
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return None, [_broken(error, label)]
    if not isinstance(node, yaml.MappingNode):
        return None, [finding(top, f"must be a table of keys, starting with `{first}`")]
    problems: list[Finding] = []
    value = _value(node, label, problems)
    return (value if isinstance(value, Table) else None), problems


def _text(path: Path, top: Where) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise _Refused(top, f"cannot be read ({error.strerror})") from None
    if len(raw) > MAX_BYTES:
        raise _Refused(top, f"is larger than {MAX_BYTES} bytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _Refused(top, "is not UTF-8 text") from None


def _broken(error: Exception, label: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    line = mark.line + 1 if mark else 1
    if getattr(error, "context", None) == "expected a single document in the stream":
        return finding(Where(label, line), "one document a file: remove `---`")
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
    return finding(Where(label, line), f"not YAML: {what}")


def _value(node: yaml.Node, label: str, problems: list[Finding]) -> Value:
    where = Where(label, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return Items(tuple(_value(child, label, problems) for child in node.value), where)
    if not isinstance(node, yaml.MappingNode):
        return Text(str(node.value), where)
    values: dict[str, Value] = {}
    keys: dict[str, Where] = {}
    for key_node, value_node in node.value:
        at = Where(label, key_node.start_mark.line + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            problems.append(finding(at, "a key must be a word"))
            continue
        key = str(key_node.value)
        if key in values:
            problems.append(finding(at, f"the key `{key}` is written twice (first on line {keys[key].line})"))
            continue
        values[key], keys[key] = _value(value_node, label, problems), at
    return Table(values, keys, where)
