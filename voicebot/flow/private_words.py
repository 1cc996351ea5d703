"""Words that hint at a loan, by language: nothing with one of them is said before the right party is verified."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from voicebot.flow.fields import Fields
from voicebot.flow.findings import Finding, raise_all
from voicebot.flow.yaml_source import Items, Text, read_yaml

FILE = "private_words.yaml"


class PrivateWords:
    """The words of a language; `word*` stands for any ending."""

    def __init__(self, words: tuple[str, ...]) -> None:
        parts = [re.escape(word.lower()).replace(r"\*", r"\w*").replace(r"\ ", r"\s+") for word in words]
        self._pattern = re.compile(rf"\b(?:{'|'.join(parts)})\b", re.IGNORECASE) if parts else None

    def find(self, text: str) -> Iterator[tuple[str, int]]:
        """Each private word of a text with the number of line breaks before it."""
        if self._pattern is not None:
            for match in self._pattern.finditer(text):
                yield match.group(), text.count("\n", 0, match.start())


def load_private_words(folder: Path) -> PrivateWords:
    """Read scripts_templates/<language>/private_words.yaml. Raises FlowError with each problem's line."""
    label = str(Path(folder.parent.name) / folder.name / FILE)
    table, problems = read_yaml(folder / FILE, label)
    words: list[str] = []
    if table is not None:
        fields = Fields(table, ("words",), problems, "the file of private words")
        listed = table.values.get("words")
        if not isinstance(listed, Items) or not listed.values:
            fields.problem(fields.at("words"), "`words` must be a list with at least one word")
        else:
            words = [value.value for value in listed.values if isinstance(value, Text) and value.value.strip(" *")]
            if len(words) != len(listed.values):
                fields.problem(fields.at("words"), "`words` must be a list of words")
    raise_all([*problems, *_nothing(table is None, label, problems)])
    return PrivateWords(tuple(words))


def _nothing(missing: bool, label: str, problems: list[Finding]) -> list[Finding]:
    return [Finding(label, 1, "cannot be read")] if missing and not problems else []
