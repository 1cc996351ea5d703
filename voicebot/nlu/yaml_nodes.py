"""Reading a table file with the line of every entry, so that each problem is reported as file:line, all at once.

Everything is read as text (YAML's base loader): plain YAML takes `no` for false and `12:30` for 750.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from voicebot.errors import FlowError


@dataclass(frozen=True, slots=True)
class Text:
    """A scalar and its line (from 1)."""

    value: str
    line: int


@dataclass(slots=True)
class Problems:
    """What is wrong with the files read so far."""

    found: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, path: Path, line: int, message: str) -> None:
        """Note a problem at `line` of the file."""
        self.found.append((str(path), line, message))

    def check(self, hint: str) -> None:
        """Raise FlowError naming every problem noted, one per line; nothing if there are none."""
        if self.found:
            lines = [f"{path}:{line}: {message}" for path, line, message in self.found]
            raise FlowError("\n".join(lines), hint=hint)


class Section:
    """A mapping of a table file. Wrong entries go to `problems`; the reader carries on with what is right."""

    def __init__(self, path: Path, node: yaml.Node | None, problems: Problems, name: str = "") -> None:
        self.path = path
        self.problems = problems
        self.name = name
        self.line = node.start_mark.line + 1 if node is not None else 1
        self._entries: dict[str, tuple[int, yaml.Node]] = {}
        if isinstance(node, yaml.MappingNode):
            self._fill(node)
        elif node is not None:
            problems.add(path, self.line, f"{name or 'the file'} must be a mapping (key: value)")

    def _fill(self, node: yaml.MappingNode) -> None:
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode) or not key.value:
                self.problems.add(self.path, line, "a key must be a word")
            elif key.value in self._entries:
                self.problems.add(self.path, line, f"`{key.value}` is there twice (first in line {self._line(key)})")
            else:
                self._entries[key.value] = (line, value)

    def _line(self, key: yaml.ScalarNode) -> int:
        return self._entries[key.value][0]

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def lines(self) -> Iterator[tuple[str, int]]:
        """Every key with its line."""
        return ((key, line) for key, (line, _) in self._entries.items())

    def error(self, line: int, message: str) -> None:
        """Note a problem."""
        self.problems.add(self.path, line, message)

    def allow(self, *keys: str) -> None:
        """Note every key that is not one of `keys`."""
        for key, line in self.lines():
            if key not in keys:
                self.error(line, f"unknown key `{key}` in {self.name or 'the file'}; known: {', '.join(keys)}")

    def _get(self, key: str, required: bool) -> yaml.Node | None:
        if key in self._entries:
            return self._entries[key][1]
        if required:
            self.error(self.line, f"`{key}` is missing in {self.name or 'the file'}")
        return None

    def section(self, key: str, *, required: bool = True) -> Section:
        """The mapping below `key` (empty where it is missing)."""
        node = self._get(key, required)
        name = f"{self.name}.{key}" if self.name else key
        inner = Section(self.path, node, self.problems, name)
        inner.line = self._entries[key][0] if key in self._entries else self.line
        return inner

    def text(self, key: str, default: str | None = None) -> Text:
        """The scalar of `key`."""
        node = self._get(key, default is None)
        if isinstance(node, yaml.ScalarNode):
            return Text(node.value, node.start_mark.line + 1)
        if node is not None:
            self.error(node.start_mark.line + 1, f"`{key}` must be one value")
        return Text(default or "", self.line)

    def flag(self, key: str) -> bool:
        """`true` or `false`; false where it is missing."""
        found = self.text(key, "false")
        if found.value not in ("true", "false"):
            self.error(found.line, f"`{key}` must be true or false, not `{found.value}`")
        return found.value == "true"

    def texts(self, key: str, *, required: bool = True) -> tuple[Text, ...]:
        """The list of scalars of `key`; a single scalar counts as a list of one."""
        node = self._get(key, required)
        if node is None:
            return ()
        if isinstance(node, yaml.ScalarNode):
            return (Text(node.value, node.start_mark.line + 1),) if node.value else ()
        found = []
        for item in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(item, yaml.ScalarNode) and item.value.strip():
                found.append(Text(item.value, item.start_mark.line + 1))
            else:
                self.error(item.start_mark.line + 1, f"`{key}` must be a list of phrases, each one not empty")
        return tuple(found)

    def numbers(self, key: str, low: int, high: int, *, required: bool = True) -> Mapping[str, int]:
        """The mapping of `key` from phrases to whole numbers in low..high."""
        inner = self.section(key, required=required)
        found: dict[str, int] = {}
        for word, line in inner.lines():
            value = inner.text(word).value
            if value.isdecimal() and low <= int(value) <= high:
                found[word] = int(value)
            else:
                inner.error(line, f"`{word}` must have a whole number from {low} to {high}, not `{value}`")
        return found


def read_file(path: Path, problems: Problems) -> Section:
    """The top mapping of a YAML file. What cannot be read is noted and an empty section returned."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        problems.add(path, 1, f"cannot be read ({error.strerror})")
        return Section(path, None, problems)
    except UnicodeDecodeError:
        problems.add(path, 1, "is not UTF-8 text")
        return Section(path, None, problems)
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problems.add(path, mark.line + 1 if mark else 1, f"not YAML: {getattr(error, 'problem', error)}")
        return Section(path, None, problems)
    return Section(path, node, problems)
