"""Text to tokens: the same for what is said and for the phrases of the tables, so that both meet."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

#: More than anybody says in an answer; bounds the work for any input.
MAX_TOKENS = 120
_SCAN = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)*|\d+|[^\s\w.,:;!?/()\"'`*#-]", re.UNICODE)
_BREAK = re.compile(r"[,.;!?]")
_GLUE = {"", ".", ",", ":", "/", "-"}


@dataclass(frozen=True, slots=True)
class Token:
    """A word, a run of digits or a symbol.

    `glue`: the character (or "") between this and the token before, None where white space or more parts them;
    `ordinal`: digits with an ordinal ending ("15th"); `clause`: number of the clause (punctuation parts clauses).
    """

    text: str
    glue: str | None = None
    ordinal: bool = False
    clause: int = 0

    @property
    def is_number(self) -> bool:
        """True for a run of digits."""
        return self.text.isdecimal()


@dataclass(frozen=True, slots=True)
class Spelling:
    """How text of a language becomes tokens (the `spelling` table of words.yaml)."""

    rewrites: Mapping[str, str]
    contractions: Mapping[str, tuple[str, ...]]
    fillers: frozenset[str]
    ordinal_suffixes: frozenset[str]


def fold(text: str) -> str:
    """Lower case, compatibility forms unified, typographic apostrophes made plain."""
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'").replace("‘", "'")  # noqa: RUF100


def tokenise(text: str, spelling: Spelling, *, keep_fillers: bool = False) -> tuple[Token, ...]:
    """Tokens of `text`, contractions written out, fillers ("uh") left out unless `keep_fillers`."""
    folded = fold(text)
    for old, new in spelling.rewrites.items():
        folded = folded.replace(old, new)
    tokens: list[Token] = []
    end, clause = 0, 0
    for match in _SCAN.finditer(folded):
        between = folded[end : match.start()]
        glue = between if end and between in _GLUE else None
        clause += bool(glue is None and tokens and _BREAK.search(between))
        end = match.end()
        word = match.group()
        if tokens and glue == "" and tokens[-1].is_number and word in spelling.ordinal_suffixes:
            tokens[-1] = Token(tokens[-1].text, tokens[-1].glue, True, tokens[-1].clause)
        elif keep_fillers or word not in spelling.fillers:
            tokens += _written_out(word, glue, clause, spelling)
        if len(tokens) >= MAX_TOKENS:
            break
    return tuple(tokens[:MAX_TOKENS])


def _written_out(word: str, glue: str | None, clause: int, spelling: Spelling) -> list[Token]:
    if word.isdecimal():
        return [Token(_ascii_digits(word), glue, False, clause)]
    parts = spelling.contractions.get(word)
    if parts is None:
        return [Token(word, glue, False, clause)]
    return [Token(part, glue if i == 0 else None, False, clause) for i, part in enumerate(parts)]


def _ascii_digits(digits: str) -> str:
    return "".join(str(unicodedata.decimal(digit)) for digit in digits)
