"""The phrase list of a step for a grammar recogniser (Vosk): the answers expected and what is understood everywhere."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

from voicebot.nlu.language import Language
from voicebot.nlu.patterns import Part, Pattern
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import fold

#: A phrase of the tables is written out in at most so many ways.
_MAX_FORMS = 24
_OPEN_KINDS = ("free", "purpose")


def phrases(expects: Sequence[str], language: Language, *, everywhere: bool = True) -> tuple[str, ...] | None:
    """Phrases, lower case, no figures, sorted, each once; None = free speech (the question is open).

    Words of values (digits, days, amounts) come one by one: a grammar recogniser may chain them. `everywhere` False
    leaves out what is understood in every step: for a recogniser that takes the list as a hint and not as a limit.
    """
    if any(kind in _OPEN_KINDS or (kind in language.groups and language.groups[kind].is_open) for kind in expects):
        return None
    names = set(language.everywhere) if everywhere else set()
    found: set[str] = set()
    for kind in expects:
        if kind in language.intents:
            names.add(kind)
        elif kind in language.groups:
            group = language.groups[kind]
            names.update(group.intents)
            found |= _yes_no(language.words) if group.affirm or group.deny else set()
        else:
            found |= _kind(kind, language.words)
    for name in names:
        found.update(_plain(text) for text in language.intents[name].examples)
    return tuple(sorted(phrase for phrase in found if phrase and not any(char.isdigit() for char in phrase)))


def _kind(kind: str, words: Words) -> set[str]:
    if kind == "affirm_deny":
        return _yes_no(words)
    if kind.startswith("digits"):
        return _digits(words)
    found = _numbers(words)
    if kind == "rating":
        found |= _written(pattern for pattern, _ in words.ratings)
    if kind in ("date", "birth_date", "promise", "appointment"):
        found |= _dates(words)
    if kind in ("amount", "promise"):
        found |= {*words.amounts.currency, *words.amounts.subunits, *words.numbers.half}
        found |= _written(pattern for pattern, _ in words.amounts.shares)
    if kind in ("time", "appointment"):
        found |= _forms(words.times.forms) | _written((*words.times.morning, *words.times.afternoon))
    return {_plain(phrase) for phrase in found}


def _digits(words: Words) -> set[str]:
    return {*words.numbers.cardinals, *words.digits.words, *words.digits.repeat}


def _numbers(words: Words) -> set[str]:
    table = words.numbers
    return {*table.cardinals, *table.multipliers, *table.joiners, *table.one}


def _dates(words: Words) -> set[str]:
    table = words.dates
    found = {*table.months, *table.weekdays, *table.units, *table.year_zero, *words.numbers.ordinals}
    return found | _forms(table.forms)


def _forms(forms: Mapping[str, Iterable[Pattern]]) -> set[str]:
    return _written(pattern for patterns in forms.values() for pattern in patterns)


def _yes_no(words: Words) -> set[str]:
    table = words.yes_no
    plain = {*table.affirm_words, *table.deny_words}
    found = plain | _written((*table.affirm, *table.deny, *table.unsure))
    return {form for phrase in found for form in (phrase, _contracted(phrase, words))}


def _written(patterns: Iterable[Pattern]) -> set[str]:
    """Patterns written out; where one holds a value or a gap, the words around it."""
    found: set[str] = set()
    for pattern in patterns:
        for piece in _pieces(pattern):
            found |= _spelled(piece)
    return found


def _pieces(pattern: Pattern) -> list[list[Part]]:
    pieces: list[list[Part]] = [[]]
    for part in pattern:
        if part.kind == "word":
            pieces[-1].append(part)
        elif part.kind not in ("start", "end"):
            pieces.append([])
    return [piece for piece in pieces if piece]


def _spelled(piece: Sequence[Part]) -> set[str]:
    choices = [[*sorted(part.words), *([""] if part.optional else [])] for part in piece]
    forms = itertools.islice(itertools.product(*choices), _MAX_FORMS)
    return {" ".join(word for word in form if word) for form in forms} - {""}


def _contracted(phrase: str, words: Words) -> str:
    """As people say it: "i do not know" -> "i don't know"."""
    padded = f" {phrase} "
    for short, parts in words.spelling.contractions.items():
        if "'" in short:
            padded = padded.replace(f" {' '.join(parts)} ", f" {short} ")
    return padded.strip()


def _plain(text: str) -> str:
    """An example as a recogniser's vocabulary has it: lower case, no punctuation but apostrophes."""
    letters = "".join(char if char.isalnum() or char in "' " else " " for char in fold(text))
    return " ".join(letters.split())
