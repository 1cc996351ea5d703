"""Typed reading of YAML text: every reader notes what is wrong and goes on, so that all problems are listed at once."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from voicebot.flow.findings import Finding, Where, finding
from voicebot.flow.yaml_source import Items, Table, Text, Value

E = TypeVar("E", bound=StrEnum)
_NAME = re.compile(r"[a-z][a-z0-9_]*\Z")
_KIND = re.compile(r"[a-z][a-z0-9_]*(:[0-9]+)?\Z")


class Fields:
    """The keys of one table; `problems` is shared by all tables of a load."""

    def __init__(self, table: Table, allowed: Iterable[str], problems: list[Finding], what: str) -> None:
        self.table, self.problems, self.what = table, problems, what
        known = tuple(allowed)
        for key, where in table.keys.items():
            if key not in known:
                self.problem(where, f"unknown key `{key}` in {what}; known are: {', '.join(known)}")

    def problem(self, where: Where, message: str) -> None:
        """Note a problem."""
        self.problems.append(finding(where, message))

    def at(self, key: str) -> Where:
        """Where a key stands (the table itself where it is missing)."""
        return self.table.keys.get(key, self.table.where)

    def has(self, key: str) -> bool:
        """True where the key was written."""
        return key in self.table.values

    def text(self, key: str, default: str = "") -> str:
        """Text; a problem where it is a list or a table, or written and empty."""
        value = self.table.values.get(key)
        if value is None:
            return default
        if not isinstance(value, Text):
            self.problem(self.at(key), f"`{key}` must be text")
            return default
        if not value.value.strip():
            self.problem(self.at(key), f"`{key}` is empty")
            return default
        return value.value.strip()

    def name(self, key: str, default: str = "") -> str:
        """A name: small letters, digits and _."""
        text = self.text(key, default)
        return text if not text else self._name(text, self.at(key))

    def names(self, key: str, *, kinds: bool = False) -> tuple[str, ...]:
        """One name or a list of names. `kinds`: kinds of answer, which may have a length (`digits:4`)."""
        value = self.table.values.get(key)
        if value is None:
            return ()
        parts = value.values if isinstance(value, Items) else (value,)
        texts = [self._name(p.value.strip(), p.where, kinds) for p in parts if isinstance(p, Text)]
        if len(texts) != len(parts) or not texts:
            self.problem(self.at(key), f"`{key}` must be a name or a list of names")
        return tuple(texts)

    def number(self, key: str, low: float, high: float) -> float | None:
        """A number within limits; None where it was not written."""
        if not self.has(key):
            return None
        text = self.text(key)
        try:
            value = float(text)
        except ValueError:
            self.problem(self.at(key), f"`{key}` must be a number, not `{text}`")
            return None
        if not low <= value <= high:
            self.problem(self.at(key), f"`{key}` must be between {low:g} and {high:g}, not {text}")
            return None
        return value

    def flag(self, key: str) -> bool | None:
        """true or false; None where it was not written."""
        if not self.has(key):
            return None
        text = self.text(key).lower()
        if text not in ("true", "false"):
            self.problem(self.at(key), f"`{key}` must be true or false, not `{text}`")
            return None
        return text == "true"

    def choice(self, key: str, kind: type[E]) -> E | None:
        """One of an enumeration's values; None where it was not written or is empty (a problem)."""
        text = self.text(key)
        if not text:
            return None
        try:
            return kind(text)
        except ValueError:
            self.problem(self.at(key), f"`{key}: {text}` is none of: {', '.join(m.value for m in kind)}")
            return None

    def map(self, key: str) -> dict[str, tuple[str, Where]]:
        """A table of texts, each with its line."""
        value = self.table.values.get(key)
        if value is None:
            return {}
        if not isinstance(value, Table):
            self.problem(self.at(key), f"`{key}` must be a table, such as {{affirm: next_step}}")
            return {}
        found: dict[str, tuple[str, Where]] = {}
        for name, entry in value.values.items():
            if isinstance(entry, Text) and entry.value.strip():
                found[name] = (entry.value.strip(), value.keys[name])
            else:
                self.problem(value.keys[name], f"`{key}.{name}` must be text and not empty")
        return found

    def child(self, key: str) -> Table | None:
        """A table below this one."""
        value: Value | None = self.table.values.get(key)
        if value is None or isinstance(value, Table):
            return value
        self.problem(self.at(key), f"`{key}` must be a table")
        return None

    def _name(self, text: str, where: Where, kind: bool = False) -> str:
        if not (_KIND if kind else _NAME).match(text):
            self.problem(where, f"`{text}` is not a name: small letters, digits and _ only")
        return text
