"""What Whisper writes, judged as text: loops it invents, and which of its tokens can spell a number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Protocol

#: What people say for digits besides the numbers' own names.
_SAID_TOO = {"en": ("oh", "o", "nought", "double", "triple")}
_NUMBER_TEXT = re.compile(r"[\s\d,.\-]+")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")
#: The same words over and over: this many times in a row is a loop for runs of one word, two words, ...
_LOOP = {1: 9, 2: 5, 3: 4, 4: 4}


class TokenFile(Protocol):
    """What is used of tokenizers.Tokenizer."""

    def decode(self, ids: list[int], skip_special_tokens: bool = ...) -> str:
        """Ids to text."""
        ...

    def encode(self, sequence: str, *, add_special_tokens: bool = ...) -> object:
        """Text to ids."""
        ...

    def get_vocab_size(self) -> int:
        """Number of tokens."""
        ...


@cache
def number_words(language: str) -> frozenset[str]:
    """The words a number up to a hundred is read with in `language` (ISO 639-1); a hyphen separates words."""
    from num2words import num2words

    try:
        names = [str(num2words(n, lang=language)) for n in range(101)]
    except NotImplementedError:
        names = []
    return frozenset(word for name in (*names, *_SAID_TOO.get(language, ())) for word in _WORD.findall(name.casefold()))


def expects_digits(phrases: Sequence[str] | None, language: str) -> bool:
    """True where a step's phrases are made of digits and number words only."""
    known = number_words(language)
    words = [word for phrase in phrases or () for word in _WORD.findall(phrase.casefold())]
    return bool(words) and all(word.isdigit() or word in known for word in words)


def tokens_that_are_not_numbers(tokens: TokenFile, language: str, keep: int) -> list[int]:
    """Ids of every token that cannot be a part of a spoken number; `keep`: an id that is always allowed (the end)."""
    allowed = {keep}
    for word in number_words(language) - {"o"}:
        for text in (word, f" {word}", word.capitalize(), f" {word.capitalize()}"):
            allowed.update(_ids(tokens, text))
    size = tokens.get_vocab_size()
    allowed.update(i for i in range(min(size, keep)) if _NUMBER_TEXT.fullmatch(tokens.decode([i])))
    return [i for i in range(size) if i not in allowed]


def is_loop(text: str) -> bool:
    """True where a run of one to four words comes again and again without a break, which nobody says."""
    words = [w.casefold() for w in _WORD.findall(text)]
    for length, times in _LOOP.items():
        count = 1
        for i in range(length, len(words) - length + 1):
            count = count + 1 if words[i : i + length] == words[i - length : i] else 1
            # a run of n words that repeats k times matches itself (k - 1) * n times in a row, one step at a time
            if count > (times - 1) * length:
                return True
    return False


def bare(text: str) -> str:
    """Text without case and punctuation, to tell hypotheses apart."""
    return " ".join(_WORD.findall(text.casefold()))


def _ids(tokens: TokenFile, text: str) -> list[int]:
    return list(getattr(tokens.encode(text, add_special_tokens=False), "ids"))  # noqa: B009
