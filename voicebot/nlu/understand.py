"""What was said or keyed -> typed intents, best first. Pure: no clock, no I/O; never raises on any text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from voicebot.model.intent import Intent
from voicebot.nlu.intents import LIKE_MIN, STRONG, WEAK, combined
from voicebot.nlu.keys import understand_keys
from voicebot.nlu.language import AFFIRM, DENY, Language
from voicebot.nlu.tokens import Token
from voicebot.nlu.values import value_intents
from voicebot.nlu.windows import BAD_TIME, bad_times
from voicebot.nlu.yes_no import yes_no

__all__ = ["understand", "understand_keys"]

#: Each further hypothesis counts so much less, down to a floor.
_LATER, _FLOOR = 0.06, 0.6
#: More hypotheses than any recogniser gives; bounds the work.
_MAX_HYPOTHESES = 20
#: A clause alone says less than the whole answer.
_CLAUSE = 0.9
CLAUSE_MIN = 3
_FREE = 0.5
#: An intent that steps back for another (`over` in intents.yaml).
_UNDER = 0.8
#: A yes or no beside a phrase that settles something else ("no, wrong number") is not the point.
_BESIDE = 0.9


@dataclass(frozen=True, slots=True)
class Expected:
    """What a step expects, taken apart. `names`: intents of the file that count fully here."""

    kinds: tuple[str, ...]
    names: frozenset[str]


def understand(
    hypotheses: Sequence[str], expects: Sequence[str], language: Language, today: date
) -> tuple[Intent, ...]:
    """Every meaning of an answer, best first; () where nothing was understood.

    hypotheses: the recogniser's texts, best first; a later one counts a little less. expects: kinds of answer of the
    step. today: the caller's day. Intents that are understood everywhere come too; of equal confidence what the step
    expects comes first. Raises ValueError for a kind that does not exist (`voicebot check` finds those before).
    """
    expected = _expected(expects, language)
    best: dict[tuple[object, ...], tuple[Intent, int]] = {}
    for place, text in enumerate(hypotheses[:_MAX_HYPOTHESES]):
        factor = max(1 - _LATER * place, _FLOOR)
        for intent in _one(text, expected, language, today):
            weighed = Intent(intent.name, intent.slots, round(intent.confidence * factor, 3))
            key = (intent.name, *sorted((slot, str(value)) for slot, value in intent.slots.items()))
            if key not in best or best[key][0].confidence < weighed.confidence:
                best[key] = (weighed, place)
    everywhere = frozenset(language.everywhere) - expected.names
    ordered = sorted(best.values(), key=lambda found: (-found[0].confidence, found[0].name in everywhere, found[1]))
    return _one_free(intent for intent, _ in ordered)


def _one_free(intents: Iterable[Intent]) -> tuple[Intent, ...]:
    """Only the best hypothesis's text is kept for an open answer."""
    kept: list[Intent] = []
    for intent in intents:
        if intent.name != "free" or all(other.name != "free" for other in kept):
            kept.append(intent)
    return tuple(kept)


def _expected(expects: Sequence[str], language: Language) -> Expected:
    names: set[str] = set()
    for kind in expects:
        if not language.knows(kind):
            raise ValueError(f"`{kind}` is no kind of answer in language {language.code}")
        if kind in language.intents:
            names.add(kind)
        elif kind in language.groups:
            names.update(language.groups[kind].intents)
    return Expected(tuple(expects), frozenset(names))


def _one(text: str, expected: Expected, language: Language, today: date) -> list[Intent]:
    tokens = language.tokens(text)
    if not tokens:
        return []
    said = yes_no(tokens, language.words)
    found = named_intents(tokens, expected.names, language, yes_no_asked="affirm_deny" in expected.kinds)
    found = _with_times(found, tokens, expected, language)
    if "affirm_deny" in expected.kinds:
        found = [_aside(intent, said.get(AFFIRM, 0.0), language) for intent in found]
    if any(intent.confidence >= STRONG and intent.name not in expected.names for intent in found):
        said = {side: round(level * _BESIDE, 3) for side, level in said.items()}
    for kind in expected.kinds:
        if kind == "affirm_deny":
            found += [Intent(name, {}, confidence) for name, confidence in said.items()]
        elif kind in language.groups:
            found += _by_yes_no(kind, said, found, language)
        elif kind == "free":
            found.append(Intent("free", {"text": " ".join(text.split())}, _FREE))
        elif kind not in language.intents:
            found += value_intents(kind, tokens, language, today)
    return _stepped_back(found, expected.names, language)


def _with_times(found: list[Intent], tokens: Sequence[Token], expected: Expected, language: Language) -> list[Intent]:
    """`bad_time` with the times named, in the place of one without."""
    if BAD_TIME not in language.intents:
        return found
    times = bad_times(tokens, language.windows, language.words, asked=BAD_TIME in expected.names)
    return [*times, *(intent for intent in found if not times or intent.name != BAD_TIME)]


def _aside(intent: Intent, affirmed: float, language: Language) -> Intent:
    """A question back ("yes, speaking, who is this?"): where the yes is clear, it is the answer."""
    if affirmed < WEAK or not language.intents[intent.name].aside:
        return intent
    return Intent(intent.name, intent.slots, round(min(intent.confidence, affirmed) * _UNDER, 3))


def _by_yes_no(kind: str, said: dict[str, float], found: Sequence[Intent], language: Language) -> list[Intent]:
    """A bare yes or no to a question whose answers are intents ("Will you be able to pay?" "Yes")."""
    group = language.groups[kind]
    if any(intent.name in group.intents for intent in found):
        return []
    names = {AFFIRM: group.affirm, DENY: group.deny}
    return [Intent(names[side], {}, round(level * 0.9, 3)) for side, level in said.items() if names[side]]


def named_intents(
    tokens: Sequence[Token], expected: frozenset[str], language: Language, *, yes_no_asked: bool
) -> list[Intent]:
    """Intents of the file: those expected and those understood everywhere. Weak phrases count only where the intent is
    expected or a yes or no is asked for, and never beside a strong one."""
    scores = dict(language.phrase_index.find(tokens, language.words.negation))
    settled = any(level >= STRONG for level in scores.values())
    scores = {
        label: level
        for label, level in scores.items()
        if level >= STRONG or (not settled and (yes_no_asked or label in expected))
    }
    for label, like in _likeness(tokens, language).items():
        confidence = combined(like)
        if confidence is not None and confidence > scores.get(label, 0.0):
            scores[label] = confidence
    wanted = expected | frozenset(language.everywhere)
    return [Intent(label, {}, score) for label, score in scores.items() if label in wanted]


def _stepped_back(found: Sequence[Intent], expected: frozenset[str], language: Language) -> list[Intent]:
    """Intents that step back for another that was understood too (`over` in intents.yaml); a yes or no only for one
    that is expected ("Is that you?" "No, he's at work")."""
    limits: dict[str, float] = {}
    for intent in found:
        spec = language.intents.get(intent.name)
        if spec and intent.confidence >= WEAK:
            over = spec.over if intent.name in expected else set(spec.over) - {AFFIRM, DENY}
            limits.update(dict.fromkeys(over, intent.confidence))
    return [
        Intent(intent.name, intent.slots, round(min(intent.confidence, limits[intent.name]) * _UNDER, 3))
        if intent.name in limits
        else intent
        for intent in found
    ]


def _likeness(tokens: Sequence[Token], language: Language) -> dict[str, float]:
    """Likeness of the whole answer, and of its clauses where it has several; nothing that an unrelated sentence of
    the file is nearer to."""
    best = _above_unrelated(tokens, language)
    clauses = split_clauses(tokens, language)
    if len(clauses) > 1:
        for clause in clauses:
            if len(clause) >= CLAUSE_MIN:
                for label, like in _above_unrelated(clause, language).items():
                    best[label] = max(best.get(label, 0.0), like * _CLAUSE)
    return best


def _above_unrelated(tokens: Sequence[Token], language: Language) -> dict[str, float]:
    likeness = language.likeness_index.likeness(tokens)
    floor = max(likeness.get("", 0.0), LIKE_MIN)
    return {label: like for label, like in likeness.items() if label and like >= floor}


def split_clauses(tokens: Sequence[Token], language: Language) -> list[tuple[Token, ...]]:
    """Parts of an answer: at punctuation, and at words that begin a new thought."""
    clauses: list[list[Token]] = [[]]
    for token in tokens:
        starts = token.text in language.words.negation.breaks or token.text in language.words.numbers.joiners
        if clauses[-1] and (starts or token.clause != clauses[-1][-1].clause):
            clauses.append([])
        if not starts:
            clauses[-1].append(token)
    return [tuple(clause) for clause in clauses if clause]
