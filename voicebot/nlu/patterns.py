"""The little language of phrases in the tables.

`a b` words in order; `a|b` either word; `a?` perhaps; `*` up to three words of any kind; `_` exactly one word;
`^` and `$` start and end of the answer; `{day}` a value (day, month, number ...), in the tables of dates and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from voicebot.nlu.tokens import Spelling, Token, tokenise

GAP = 3
#: A reader of a value: the tokens and a place in them -> every reading, as value and place after it.
SlotReader = Callable[[Sequence[Token], int], Sequence[tuple[int, int]]]
Readers = Mapping[str, SlotReader]


class PatternError(ValueError):
    """A phrase of a table is not well formed."""


@dataclass(frozen=True, slots=True)
class Part:
    """One place of a pattern. `kind`: word, gap, any, slot, start, end."""

    kind: str
    words: frozenset[str] = frozenset()
    optional: bool = False
    slot: str = ""


Pattern = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """Where a pattern was found: tokens [start, end), and the values read."""

    start: int
    end: int
    values: Mapping[str, int]


def compile_pattern(text: str, spelling: Spelling, slots: frozenset[str] = frozenset()) -> Pattern:
    """Compile a phrase; contractions are written out as in tokenise. Raises PatternError."""
    parts: list[Part] = []
    for item in text.split():
        parts += _parts(item, spelling, slots)
    if not any(part.kind in ("word", "slot") and not part.optional for part in parts):
        raise PatternError(f"`{text}` has no word that must be there")
    if parts[0].kind in ("gap", "any"):
        raise PatternError(f"`{text}` must start with a word, not `*` or `_`")
    return tuple(parts)


def _parts(item: str, spelling: Spelling, slots: frozenset[str]) -> list[Part]:
    special = {"*": "gap", "_": "any", "^": "start", "$": "end"}.get(item)
    if special:
        return [Part(special)]
    optional = item.endswith("?")
    body = item.removesuffix("?")
    if body.startswith("{"):
        name = body.strip("{}")
        if not body.endswith("}") or name not in slots:
            raise PatternError(f"`{item}` is not a value; known here: {', '.join(sorted(slots)) or 'none'}")
        return [Part("slot", optional=optional, slot=name)]
    choices = [tokenise(choice, spelling) for choice in body.split("|")]
    if not choices or any(not choice for choice in choices):
        raise PatternError(f"`{item}` holds no word that is listened to")
    if len(choices) == 1:
        return [Part("word", frozenset({token.text}), optional) for token in choices[0]]
    if any(len(choice) > 1 for choice in choices):
        raise PatternError(f"`{item}`: each choice must be one word (a contraction is more than one)")
    return [Part("word", frozenset(choice[0].text for choice in choices), optional)]


def first_words(pattern: Pattern) -> frozenset[str] | None:
    """The words it can start with; None where it may start with a value."""
    found: set[str] = set()
    for part in pattern:
        if part.kind == "start":
            continue
        if part.kind != "word":
            return None
        found |= part.words
        if not part.optional:
            break
    return frozenset(found)


def match_at(pattern: Pattern, tokens: Sequence[Token], at: int, readers: Readers) -> Match | None:
    """The longest match that starts at `at`."""
    best: tuple[int, dict[str, int]] | None = None
    for end, values in _walk(pattern, 0, tokens, at, readers):
        if best is None or end > best[0]:
            best = (end, values)
    return Match(at, best[0], best[1]) if best else None


def find(pattern: Pattern, tokens: Sequence[Token], readers: Readers) -> Iterator[Match]:
    """Every place where it matches, the longest at each."""
    for at in range(len(tokens)):
        found = match_at(pattern, tokens, at, readers)
        if found and found.end > at:
            yield found


def _walk(
    pattern: Pattern, index: int, tokens: Sequence[Token], at: int, readers: Readers
) -> Iterator[tuple[int, dict[str, int]]]:
    if index == len(pattern):
        yield at, {}
        return
    part = pattern[index]
    if part.optional:
        yield from _walk(pattern, index + 1, tokens, at, readers)
    for after, value in _step(part, tokens, at, readers):
        for end, values in _walk(pattern, index + 1, tokens, after, readers):
            yield end, values if value is None else {part.slot: value, **values}


def _step(part: Part, tokens: Sequence[Token], at: int, readers: Readers) -> Iterator[tuple[int, int | None]]:
    if part.kind == "word":
        if at < len(tokens) and tokens[at].text in part.words:
            yield at + 1, None
    elif part.kind == "slot":
        for value, after in readers[part.slot](tokens, at):
            yield after, value
    elif part.kind == "gap":
        for after in range(at, min(at + GAP, len(tokens)) + 1):
            yield after, None
    elif part.kind == "any":
        if at < len(tokens):
            yield at + 1, None
    elif (part.kind == "start" and at == 0) or (part.kind == "end" and at == len(tokens)):
        yield at, None
