"""What machines say that answer a telephone: phrases by kind, from scripts_templates/<code>/answering.yaml.

The table is a language's; a language without one has none of these cues, and only the length of a greeting and the beep
tell a machine. `strong` phrases are hardly ever said by a person who answers, `weak` ones are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from voicebot.nlu.patterns import Pattern, PatternError, compile_pattern, find
from voicebot.nlu.tokens import Spelling, tokenise
from voicebot.nlu.yaml_nodes import Problems, Section, read_file

#: Kinds of machine. The last three are a carrier's announcements.
VOICEMAIL, IVR, SCREENING = "voicemail", "ivr", "screening"
NOT_IN_SERVICE, BARRED, UNREACHABLE = "not_in_service", "barred", "unreachable"
MACHINES = (SCREENING, VOICEMAIL, NOT_IN_SERVICE, BARRED, UNREACHABLE, IVR)
#: What a screening telephone says while it asks its owner: no kind of its own.
HOLD = "hold"
FILE = "answering.yaml"


@dataclass(frozen=True, slots=True)
class Cue:
    """A phrase of the table that was said. `phrase` is the table's wording, not the speaker's."""

    kind: str
    phrase: str
    strong: bool

    @property
    def wording(self) -> str:
        """The phrase as one would say it: the first of each choice, without what may be left out."""
        words = (word for word in self.phrase.split() if not word.endswith("?") and word not in ("^", "$"))
        return " ".join("..." if word in ("*", "_") else word.partition("|")[0] for word in words)


@dataclass(frozen=True, slots=True)
class AnsweringPhrases:
    """The table of one language. Immutable."""

    spelling: Spelling
    rows: tuple[tuple[Cue, Pattern], ...] = ()

    def find(self, text: str) -> tuple[Cue, ...]:
        """Every phrase that `text` holds, each once, in the table's order."""
        tokens = tokenise(text, self.spelling)
        return tuple(cue for cue, pattern in self.rows if next(find(pattern, tokens, {}), None) is not None)


def read_answering(path: Path, spelling: Spelling, problems: Problems) -> AnsweringPhrases:
    """Read the table; what is wrong goes to `problems`. A file that is not there is an empty table."""
    if not path.is_file():
        return AnsweringPhrases(spelling)
    top = read_file(path, problems)
    top.allow(*MACHINES, HOLD)
    return AnsweringPhrases(spelling, tuple(_rows(top, spelling)))


def _rows(top: Section, spelling: Spelling) -> Iterator[tuple[Cue, Pattern]]:
    for kind, _ in top.lines():
        section = top.section(kind)
        section.allow("strong", "weak")
        for key in ("strong", "weak"):
            for text in section.texts(key, required=False):
                try:
                    yield Cue(kind, text.value, key == "strong"), compile_pattern(text.value, spelling)
                except PatternError as error:
                    section.error(text.line, str(error))
