"""Non-cooperation keywords of a language (S12a): phrases by group in a YAML file, with a negation window.

A phrase matches whole words in order. A negation within the window before it turns it off, unless the phrase holds one
itself ("will not pay"). Scripts without blanks between words are matched character by character.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from voicebot.nlu.yaml_nodes import Problems, read_file

SHIPPED = Path(__file__).resolve().parent / "lexicons"
_TOKEN = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W_]+(?:'[^\W_]+)*")
_IRREGULAR = {"won't": "will", "can't": "can", "shan't": "shall", "cannot": "can"}
_CLAUSE = re.compile(r"[.!?;,\u3002\uff01\uff1f\uff1b\uff0c]")


#: (group, words, text as in the file)
Phrase = tuple[str, tuple[str, ...], str]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Keywords of one language. `negations`: word sequences; `by_first`: the phrases by their first word; `version`: of
    the file, stored with what it found."""

    language: str
    version: str
    phrases: tuple[Phrase, ...]
    negations: tuple[tuple[str, ...], ...]
    by_first: Mapping[str, tuple[Phrase, ...]]


def words(text: str) -> list[str]:
    """Lower-case words; `,` and the like stay as a clause mark that no negation reaches across."""
    folded = unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")
    found: list[str] = []
    for part in _CLAUSE.split(folded):
        inside: list[str] = []
        for token in _TOKEN.findall(part):
            if "'" in token or token in _IRREGULAR:
                inside += _plain(token)
            else:
                inside.append(token)
        if inside:
            found += [",", *inside] if found else inside
    return found


def _plain(token: str) -> tuple[str, ...]:
    """Contractions written out, so that "won't" and "will not" are one phrase."""
    if token in _IRREGULAR:
        return _IRREGULAR[token], "not"
    if token.endswith("n't"):
        return token[:-3], "not"
    for ending, word in (("'m", "am"), ("'re", "are"), ("'ll", "will"), ("'ve", "have"), ("'d", "would")):
        if token.endswith(ending):
            return token[: -len(ending)], word
    return (token,)


def keywords(texts: Sequence[str], lexicon: Lexicon, window: int) -> tuple[tuple[str, str], ...]:
    """(group, phrase) of every keyword in the debtor's turns that no negation within `window` words before turns off;
    each once, in the order of the file."""
    found = set()
    for text in texts:
        said = words(text)
        for at, word in enumerate(said):
            for entry in lexicon.by_first.get(word, ()):
                if _stands(said, at, entry[1], lexicon, window):
                    found.add(entry)
    return tuple((entry[0], entry[2]) for entry in lexicon.phrases if entry in found)


def _stands(said: list[str], at: int, phrase: tuple[str, ...], lexicon: Lexicon, window: int) -> bool:
    if tuple(said[at : at + len(phrase)]) != phrase:
        return False
    before = said[max(0, at - window) : at]
    if "," in before:
        before = before[len(before) - before[::-1].index(",") :]
    return not any(
        tuple(before[i : i + len(negation)]) == negation for negation in lexicon.negations for i in range(len(before))
    )


def load_lexicon(language: str, folder: Path = SHIPPED) -> Lexicon:
    """Read FOLDER/LANGUAGE.yaml. Raises FlowError naming every wrong line."""
    problems = Problems()
    path = folder / f"{language}.yaml"
    top = read_file(path, problems)
    top.allow("version", "negations", "keywords")
    version = top.text("version").value
    negations = tuple(tuple(words(item.value)) for item in top.texts("negations"))
    groups = top.section("keywords")
    phrases, seen = list[Phrase](), dict[tuple[str, ...], int]()
    for group, _ in groups.lines():
        for item in groups.texts(group):
            inside = tuple(words(item.value))
            if not inside or "," in inside:
                groups.error(item.line, "a keyword is one or more words without punctuation")
            elif inside in seen:
                groups.error(item.line, f"`{item.value}` is there twice (first in line {seen[inside]})")
            else:
                seen[inside] = item.line
                phrases.append((group, inside, item.value))
    problems.check("voicebot/scoring/lexicons/en.yaml is an example; docs/scoring.md says how it is used")
    by_first: dict[str, tuple[Phrase, ...]] = {}
    for entry in phrases:
        by_first[entry[1][0]] = (*by_first.get(entry[1][0], ()), entry)
    return Lexicon(language, f"{language}/{version}", tuple(phrases), negations, by_first)


def languages(folder: Path = SHIPPED) -> tuple[str, ...]:
    """Languages there is a lexicon for."""
    return tuple(sorted(path.stem for path in folder.glob("*.yaml")))
