"""Yes and no in their many forms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.nlu.intents import negated_places
from voicebot.nlu.patterns import Pattern, match_at
from voicebot.nlu.tables import Words
from voicebot.nlu.tokens import Token

#: An answer up to so many words is short: any yes or no word in it counts.
SHORT = 3
_SURE, _WITH_MORE, _MIXED = 0.95, 0.85, 0.6


@dataclass(frozen=True, slots=True)
class _Sign:
    polarity: str  # affirm | deny | unsure
    start: int
    end: int
    word: bool = False  # a bare word, or a phrase that begins with one ("no thanks")


def yes_no(tokens: Sequence[Token], words: Words) -> dict[str, float]:
    """Confidence of "affirm" and of "deny"; empty where neither was said, or only doubt ("I don't know").

    Words count at the edges of the answer, phrases anywhere; where both were said the last one counts, less surely.
    An answer that goes on after its yes or no is less sure: something else may be the point ("no, wrong number").
    """
    signs = _signs(tokens, words)
    said = [sign for sign in signs if sign.polarity != "unsure"]
    doubt = any(sign.polarity == "unsure" for sign in signs)
    if not said:
        return {}
    last = _deciding(said)
    if len({sign.polarity for sign in said}) == 2:
        other = "deny" if last.polarity == "affirm" else "affirm"
        return {last.polarity: _MIXED, other: _MIXED - 0.1}
    covered = sum(sign.end - sign.start for sign in said)
    if doubt:
        return {last.polarity: _MIXED} if said[0].start == 0 else {}
    rest = len(tokens) - covered
    return {last.polarity: _SURE if rest <= 1 else _WITH_MORE}


def _deciding(said: Sequence[_Sign]) -> _Sign:
    """Of yes and no in one answer: the last of the bare words it starts with ("yeah no"), else the last of all."""
    last = None
    for sign in said:
        if not sign.word or sign.start != (last.end if last else 0):
            break
        last = sign
    return last or said[-1]


def _signs(tokens: Sequence[Token], words: Words) -> list[_Sign]:
    """Yes, no and doubt from left to right, longest first, not overlapping."""
    tables = words.yes_no
    signs: list[_Sign] = []
    turned = negated_places(tokens, words.negation)
    at, edge = 0, True
    while at < len(tokens):
        text = tokens[at].text
        bare = {"deny": text in tables.deny_words, "affirm": text in tables.affirm_words}
        options = [
            _Sign(polarity, at, _longest(phrases, tokens, at), bare.get(polarity, False))
            for polarity, phrases in (("unsure", tables.unsure), ("deny", tables.deny), ("affirm", tables.affirm))
        ]
        if edge or len(tokens) <= SHORT or _stands_apart(tokens, at):
            options += [_Sign(polarity, at, at + 1, True) for polarity, said in bare.items() if said]
        best = max(options, key=lambda sign: sign.end)
        if best.end == at:
            at, edge = at + 1, False
        else:
            signs.append(_turned(best, turned[at]))
            at, edge = best.end, True
    return signs


def _longest(phrases: Sequence[Pattern], tokens: Sequence[Token], at: int) -> int:
    """Where the longest of the phrases that start at `at` ends; `at` where none does."""
    return max((match.end for pattern in phrases if (match := match_at(pattern, tokens, at, {}))), default=at)


def _stands_apart(tokens: Sequence[Token], at: int) -> bool:
    """The last word, in a clause of its own (", yes") or of a short answer."""
    last = at == len(tokens) - 1
    return last and (len(tokens) <= SHORT + 1 or tokens[at].clause != tokens[at - 1].clause)


def _turned(sign: _Sign, negated: bool) -> _Sign:
    """ "not correct", "I don't think that is right": a negation shortly before a yes makes it a no."""
    return _Sign("deny", sign.start, sign.end) if sign.polarity == "affirm" and negated else sign
