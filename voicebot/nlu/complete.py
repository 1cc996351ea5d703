"""Is an answer over? For endpointing: a whole yes, date or digit string may end a turn sooner than an open answer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum

from voicebot.model.intent import Intent
from voicebot.nlu.language import Language
from voicebot.nlu.tokens import tokenise
from voicebot.nlu.understand import understand

#: Confidence from which an intent makes an answer whole.
_CLEAR = 0.7
#: Intents that carry a number, an amount or a day.
_VALUES = frozenset({"digits", "date", "birth_date", "amount", "promise", "time", "appointment"})
#: Answers after which people go on.
_FOLLOWED = frozenset({"affirm", "deny", "wrong_person", "not_here", "purpose"})
#: Words from which an answer is more than a bare yes or no.
_A_SENTENCE = 3


class Completeness(StrEnum):
    """FINAL: all that was asked is there, and people seldom go on after it. COMPLETE: all is there, but more may well
    follow ("yes, ... this is Peter"). INCOMPLETE: more must come. OPEN: it cannot be told."""

    FINAL = "final"
    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    OPEN = "open"


def completeness(text: str, expects: Sequence[str], language: Language, today: date) -> Completeness:
    """Whether `text`, all that was said so far, is a whole answer to a question that expects `expects`."""
    if hesitates(text, language):
        return Completeness.INCOMPLETE
    intents = understand((text,), expects, language, today)
    if any(intent.name in language.everywhere and intent.confidence >= _CLEAR for intent in intents):
        return Completeness.COMPLETE
    whole = [intent for intent in intents if _whole(intent, expects)]
    if whole:
        return Completeness.FINAL if any(_final(intent, text, language) for intent in whole) else Completeness.COMPLETE
    if "free" in expects or not _asks_value(expects):
        return Completeness.OPEN
    return Completeness.INCOMPLETE


def hesitates(text: str, language: Language) -> bool:
    """Nothing yet, or it ends in a sound of hesitation or in a word after which more must come."""
    spelling = language.words.spelling
    tokens = tokenise(text, spelling, keep_fillers=True)
    if not tokens or all(token.text in spelling.fillers for token in tokens):
        return True
    if tokens[-1].text in spelling.fillers:
        return True
    return len(tokens) > 1 and tokens[-1].text in language.words.dangling


def backchannel(text: str, language: Language) -> bool:
    """A mere sign of listening ("mm-hm"): into a prompt it interrupts nothing, after a question it may be a yes."""
    spelling = language.words.spelling
    tokens = tokenise(text, spelling, keep_fillers=True)
    signs = spelling.fillers | language.words.backchannel
    return bool(tokens) and all(token.text in signs for token in tokens)


def _whole(intent: Intent, expects: Sequence[str]) -> bool:
    if intent.name == "free" or intent.confidence < _CLEAR:
        return False
    if intent.name == "digits":  # of a string of any length more may always come
        return any(kind == f"digits:{len(str(intent.slots['digits']))}" for kind in expects)
    if intent.name == "promise":
        return "date" in intent.slots and ("amount" in intent.slots or "share" in intent.slots)
    if intent.name == "appointment":
        return "date" in intent.slots and "time" in intent.slots
    return True


def _final(intent: Intent, text: str, language: Language) -> bool:
    """A value is whole or not. Of words, a bare yes is often followed by more, and so is an answer to "is that you?"
    (a greeting) or a story; "yes, I can" is not."""
    if intent.name in _VALUES:
        return True
    return intent.name not in _FOLLOWED and len(tokenise(text, language.words.spelling)) >= _A_SENTENCE


def _asks_value(expects: Sequence[str]) -> bool:
    values = ("date", "birth_date", "amount", "promise", "time", "appointment")
    return any(kind in values or kind.startswith("digits") for kind in expects)
