"""Tags and the portrait of a customer (Q5, document Q). A tag a person gave beats an automatic one of the same name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from voicebot.scoring.config_risk import TagSettings

#: Names the calls give.
NAMES = {
    "reach": "easy, fair or hard to reach",
    "best_hour": "local hour in which calls are answered most",
    "language": "of the calls",
    "willingness": "high, fair or low willingness to repay",
    "cooperation": "class of the reached cases",
    "concern": "what was said most: dispute, hardship, refusal, already_paid, ...",
    "voiceprint": "enrolled or refused",
    "level": "early-warning level",
    "number": "what is wrong with the number, by the feedback",
}


@dataclass(frozen=True, slots=True)
class Tag:
    """`source`: call, batch or human; `confidence` in [0, 1]; `evidence`: ids it rests on; `valid_to` None: no end."""

    customer_id: str
    name: str
    value: str
    source: str
    confidence: float
    valid_from: datetime
    valid_to: datetime | None = None
    evidence: str | None = None
    given_by: str | None = None


@dataclass(frozen=True, slots=True)
class TagFacts:
    """What the calls of the window say about a customer. `answered_hours`: local hour of every answered attempt;
    `concerns`: intents and outcomes worth a tag; `number_faults`: feedback that speaks of the number."""

    customer_id: str
    attempts: int = 0
    answered_hours: tuple[int, ...] = ()
    language: str | None = None
    willing: float | None = None
    cooperation: str | None = None
    level: str | None = None
    voiceprint: str | None = None
    concerns: tuple[str, ...] = ()
    number_faults: tuple[str, ...] = ()
    accounts: tuple[str, ...] = ()


def tags_of(facts: TagFacts, now: datetime, settings: TagSettings) -> tuple[Tag, ...]:
    """The automatic tags; nothing is said where nothing is known."""
    end = now + timedelta(days=settings.valid_d)
    found: list[tuple[str, str, float]] = []
    if facts.attempts:
        share = len(facts.answered_hours) / facts.attempts
        word = "easy" if share >= settings.reach_easy else "hard" if share < settings.reach_hard else "fair"
        found.append(("reach", word, _sure(facts.attempts)))
    if len(facts.answered_hours) >= settings.min_answers:
        hour, count = min(Counter(facts.answered_hours).items(), key=lambda pair: (-pair[1], pair[0]))
        found.append(("best_hour", f"{hour:02d}", count / len(facts.answered_hours)))
    if facts.willing is not None:
        high, low = facts.willing >= settings.willing_high, facts.willing < settings.willing_low
        found.append(("willingness", "high" if high else "low" if low else "fair", 0.8))
    for name, value in (("language", facts.language), ("cooperation", facts.cooperation), ("level", facts.level)):
        if value:
            found.append((name, value, 1.0 if name == "language" else 0.8))
    if facts.voiceprint:
        found.append(("voiceprint", facts.voiceprint, 1.0))
    for name, words in (("concern", facts.concerns), ("number", facts.number_faults)):
        if words:
            word, count = min(Counter(words).items(), key=lambda pair: (-pair[1], pair[0]))
            found.append((name, word, count / len(words)))
    return tuple(Tag(facts.customer_id, name, value, "batch", c, now, end) for name, value, c in found)


def _sure(n: int) -> float:
    """Confidence by the number of observations: 1 -> 0.5, 9 -> 0.9."""
    return n / (n + 1)


def portrait(tags: Iterable[Tag], now: datetime) -> dict[str, Tag]:
    """The tags in force, one a name: a person's before an automatic one, then the newest."""
    chosen: dict[str, Tag] = {}
    for tag in tags:
        if tag.valid_from > now or (tag.valid_to is not None and tag.valid_to <= now):
            continue
        best = chosen.get(tag.name)
        if best is None or _rank(tag) > _rank(best):
            chosen[tag.name] = tag
    return dict(sorted(chosen.items()))


def _rank(tag: Tag) -> tuple[bool, datetime]:
    return tag.source == "human", tag.valid_from


def changed(new: Sequence[Tag], old: dict[str, Tag]) -> tuple[Tag, ...]:
    """Of the new automatic tags those that are to be written: another value than what is in force, or one that ends
    within half of its time. A person's tag is never written over."""
    written = []
    for tag in new:
        before = old.get(tag.name)
        if before is None or (before.source != "human" and (before.value != tag.value or _ending(before, tag))):
            written.append(tag)
    return tuple(written)


def _ending(old: Tag, new: Tag) -> bool:
    if old.valid_to is None or new.valid_to is None:
        return False
    return old.valid_to - new.valid_from < (new.valid_to - new.valid_from) / 2
