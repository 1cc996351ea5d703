"""A language: its tables of words and the intents, loaded once and shared by all calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from voicebot.nlu.answering import FILE as ANSWERING
from voicebot.nlu.answering import AnsweringPhrases, read_answering
from voicebot.nlu.intents import IntentSpec, LikenessIndex, PhraseIndex
from voicebot.nlu.patterns import Pattern
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Spelling, Token, tokenise
from voicebot.nlu.windows_file import FILE as WINDOWS
from voicebot.nlu.windows_file import WindowWords, read_windows_file
from voicebot.nlu.words_file import patterns, read_words
from voicebot.nlu.yaml_nodes import Problems, Section, Text, read_file

#: Kinds of answer that are built in; every intent's name and every group of `answers` is one too.
VALUE_KINDS = ("date", "birth_date", "digits", "amount", "promise", "time", "appointment", "purpose", "rating", "free")
AFFIRM, DENY = "affirm", "deny"
#: The purpose class whose phrases settle nothing where another class was named too.
OTHER = "other"
HINT = "docs/understanding.md describes words.yaml and intents.yaml"


@dataclass(frozen=True, slots=True)
class AnswerGroup:
    """A kind of answer made of intents. `affirm`, `deny`: the intent a bare yes or no stands for, "" for none;
    `is_open`: people answer in their own words, a phrase list would hinder."""

    intents: tuple[str, ...]
    affirm: str
    deny: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Language:
    """All that understanding knows of one language. Immutable; safe to share between threads."""

    code: str
    words: Words
    intents: Mapping[str, IntentSpec]
    groups: Mapping[str, AnswerGroup]
    purposes: Mapping[str, tuple[str, ...]]
    phrase_index: PhraseIndex
    likeness_index: LikenessIndex
    purpose_phrases: PhraseIndex
    purpose_likeness: LikenessIndex
    answering: AnsweringPhrases
    windows: WindowWords

    @property
    def everywhere(self) -> tuple[str, ...]:
        """Names of the intents understood in every step."""
        return tuple(name for name, spec in self.intents.items() if spec.everywhere)

    def tokens(self, text: str) -> tuple[Token, ...]:
        """Tokens of what was said, without hesitation."""
        return tokenise(text, self.words.spelling)

    def knows(self, kind: str) -> bool:
        """Is `kind` something a step may expect?"""
        if kind.startswith("digits:"):
            return kind.removeprefix("digits:").isdecimal() and 1 <= int(kind.removeprefix("digits:")) <= 20
        return kind == "affirm_deny" or kind in VALUE_KINDS or kind in self.groups or kind in self.intents

    def answers(self, kind: str) -> tuple[str, ...]:
        """Names of the intents that understanding may give for `kind` (those understood everywhere come on top)."""
        if kind == "affirm_deny":
            return (AFFIRM, DENY)
        if kind in self.groups:
            return self.groups[kind].intents
        if kind == "birth_date":
            return ("date",)
        return (kind.partition(":")[0],)


def load_language(templates: Path, flows: Path, code: str) -> Language:
    """Read `templates`/<code>/words.yaml and `flows`/intents.<code>.yaml (or intents.yaml where that is not there).

    Raises FlowError with every problem of both files, each as file:line.
    """
    problems = Problems()
    words = read_words(templates / code / "words.yaml", problems)
    own = flows / f"intents.{code}.yaml"
    top = read_file(own if own.is_file() else flows / "intents.yaml", problems)
    top.allow("intents", "answers", "purposes", "unrelated")
    intents = _intents(top.section("intents"), words.spelling)
    groups = _groups(top.section("answers", required=False), intents)
    purposes = top.section("purposes", required=False)
    purpose_texts = {name: purposes.texts(name) for name, _ in purposes.lines()}
    unrelated = top.texts("unrelated", required=False)
    purpose_patterns = {name: patterns(purposes, texts, words.spelling) for name, texts in purpose_texts.items()}
    answering = read_answering(templates / code / ANSWERING, words.spelling, problems)
    windows = read_windows_file(templates / code / WINDOWS, words.spelling, problems)
    problems.check(HINT)
    return Language(
        code=code,
        words=words,
        intents=intents,
        groups=groups,
        purposes={name: tuple(text.value for text in texts) for name, texts in purpose_texts.items()},
        phrase_index=PhraseIndex((name, spec.strong, spec.weak) for name, spec in intents.items()),
        likeness_index=_likeness({name: spec.examples for name, spec in intents.items()}, unrelated, words),
        purpose_phrases=PhraseIndex(
            (name, (), found) if name == OTHER else (name, found, ()) for name, found in purpose_patterns.items()
        ),
        purpose_likeness=_likeness(
            {name: tuple(text.value for text in texts) for name, texts in purpose_texts.items()}, unrelated, words
        ),
        answering=answering,
        windows=windows,
    )


def _likeness(labelled: Mapping[str, tuple[str, ...]], unrelated: tuple[Text, ...], words: Words) -> LikenessIndex:
    rows = [(label, text) for label, texts in labelled.items() for text in texts]
    rows += [("", text.value) for text in unrelated]
    return LikenessIndex(((label, tokenise(text, words.spelling)) for label, text in rows), words.negation)


def _intents(section: Section, spelling: Spelling) -> dict[str, IntentSpec]:
    found: dict[str, IntentSpec] = {}
    for name, line in section.lines():
        if name in (AFFIRM, DENY, "affirm_deny", *VALUE_KINDS) or not name.isidentifier():
            section.error(line, f"`{name}` cannot name an intent: it is taken, or not made of letters, digits and _")
        inner = section.section(name)
        inner.allow("everywhere", "over", "aside", "strong", "weak", "examples")
        for text in inner.texts("over", required=False):
            if text.value not in section and text.value not in (AFFIRM, DENY, *VALUE_KINDS):
                inner.error(text.line, f"`{text.value}` is no intent of this file")
        examples = inner.texts("examples")
        for text in examples:
            if not tokenise(text.value, spelling):
                inner.error(text.line, f"the example `{text.value}` holds no word that is listened to")
        found[name] = IntentSpec(
            name=name,
            everywhere=inner.flag("everywhere"),
            strong=_phrases(inner, "strong", spelling),
            weak=_phrases(inner, "weak", spelling),
            examples=tuple(text.value for text in examples),
            over=tuple(text.value for text in inner.texts("over", required=False)),
            aside=inner.flag("aside"),
        )
    return found


def _phrases(section: Section, key: str, spelling: Spelling) -> tuple[Pattern, ...]:
    return patterns(section, section.texts(key, required=False), spelling)


def _groups(section: Section, intents: Mapping[str, IntentSpec]) -> dict[str, AnswerGroup]:
    found: dict[str, AnswerGroup] = {}
    for name, line in section.lines():
        if name in intents or name in VALUE_KINDS or name == "affirm_deny":
            section.error(line, f"`{name}` cannot name a kind of answer: it is taken")
        inner = section.section(name)
        inner.allow("intents", "affirm", "deny", "open")
        members = inner.texts("intents")
        sides = [inner.text(side, "") for side in (AFFIRM, DENY)]
        for text in (*members, *(side for side in sides if side.value)):
            if text.value not in intents:
                inner.error(text.line, f"`{text.value}` is no intent of this file")
        found[name] = AnswerGroup(
            tuple(text.value for text in members), sides[0].value, sides[1].value, inner.flag("open")
        )
    return found
