"""Typed reading of YAML with file:line for every problem: BaseLoader's nodes, so `yes`, `007` and `12:30` stay text."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

import yaml

from sip_sim.errors import ScenarioError

T = TypeVar("T")
Fields = dict[str, yaml.Node]


def load_node(path: Path, kind: str) -> yaml.Node:
    """The document's root node; ScenarioError with file:line where it is no YAML."""
    hint = "see docs/testers-guide.md for the form of this file"
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    except OSError as error:
        raise ScenarioError(f"{path}: cannot be read ({error.strerror})", hint=f"give the path of a {kind}") from None
    except UnicodeDecodeError:
        raise ScenarioError(f"{path}:1: is not UTF-8 text", hint=hint) from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or "is not YAML"
        raise ScenarioError(f"{path}:{line}: {problem}", hint=hint) from None
    if node is None:
        raise ScenarioError(f"{path}:1: the file is empty", hint=hint)
    return node


@dataclass(slots=True)
class Reader:
    """Reads one file's nodes; problems are collected so that all are reported at once."""

    path: Path
    problems: list[tuple[int, str]] = field(default_factory=list)

    def problem(self, node: yaml.Node, message: str) -> None:
        """Note a problem at this node's line."""
        self.problems.append((node.start_mark.line + 1, message))

    def finish(self) -> None:
        """ScenarioError listing every problem, if there is one."""
        if self.problems:
            lines = [f"{self.path}:{line}: {message}" for line, message in sorted(self.problems)]
            raise ScenarioError(
                "\n".join(lines), hint="mend the lines named above; docs/testers-guide.md lists the keys"
            )

    def fields(self, node: yaml.Node, allowed: Collection[str], what: str) -> Fields:
        """A mapping's values by key; unknown and repeated keys are problems."""
        if not isinstance(node, yaml.MappingNode):
            self.problem(node, f"{what} must be a mapping (key: value)")
            return {}
        found: Fields = {}
        for key_node, value in node.value:
            key = str(key_node.value)
            if key in found:
                self.problem(key_node, f"{what}: {key!r} stands here twice")
            elif key not in allowed:
                close = get_close_matches(key, allowed, 1)
                advice = f"did you mean {close[0]!r}?" if close else "known: " + ", ".join(sorted(allowed))
                self.problem(key_node, f"{what}: unknown key {key!r}; {advice}")
            else:
                found[key] = value
        return found

    def text(self, node: yaml.Node, what: str) -> str:
        """A scalar that is not empty."""
        if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
            self.problem(node, f"{what} must be text")
            return ""
        return str(node.value).strip()

    def number(self, node: yaml.Node, what: str, low: float, high: float) -> float:
        """A number within [low, high]."""
        raw = self.text(node, what)
        try:
            value = float(raw)
        except ValueError:
            value = float("nan")
        if raw and not low <= value <= high:
            self.problem(node, f"{what} must be a number from {low:g} to {high:g}, not {raw!r}")
        return value if low <= value <= high else low

    def share(self, node: yaml.Node, what: str) -> float:
        """`2%` or `0.02` -> 0.02."""
        raw = self.text(node, what)
        try:
            value = float(raw.rstrip("% ")) / (100 if raw.endswith("%") else 1)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            self.problem(node, f'{what} must be a share such as "2%" or 0.02, not {raw!r}')
            return 0.0
        return value

    def flag(self, node: yaml.Node, what: str) -> bool:
        """true or false (also yes and no)."""
        raw = self.text(node, what).lower()
        if raw not in {"true", "false", "yes", "no"}:
            self.problem(node, f"{what} must be true or false")
        return raw in {"true", "yes"}

    def choice(self, node: yaml.Node, what: str, allowed: Collection[str]) -> str:
        """One of the allowed words."""
        raw = self.text(node, what)
        if raw and raw not in allowed:
            self.problem(node, f"{what} must be one of {', '.join(sorted(allowed))}, not {raw!r}")
        return raw

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """One text, or a list of texts."""
        if isinstance(node, yaml.SequenceNode):
            return tuple(self.text(item, what) for item in node.value)
        return (self.text(node, what),)

    def items(self, node: yaml.Node, what: str, read: Callable[[yaml.Node], T]) -> tuple[T, ...]:
        """A list, each item read by `read`."""
        if not isinstance(node, yaml.SequenceNode):
            self.problem(node, f"{what} must be a list")
            return ()
        return tuple(read(item) for item in node.value)
