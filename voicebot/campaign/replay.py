"""Stored decisions decided again: the same rules, facts and moment must give the same answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from pydantic import ValidationError

from voicebot.campaign.facts import facts_to_json
from voicebot.campaign.gate import decide, rules_version
from voicebot.campaign.profiles import Profile
from voicebot.model.campaign import GateDecision, GateFacts, Method

#: A stored decision: its id, what was decided, from what.
Stored = tuple[int, GateDecision, GateFacts]


@dataclass(slots=True)
class Replayed:
    """What came of it. `different`: id -> what differs; `unknown`: made with rules that are not there any more."""

    identical: int = 0
    different: dict[int, str] = field(default_factory=dict)
    unknown: Counter[str] = field(default_factory=Counter)


def by_version(profiles: Iterable[Profile]) -> dict[tuple[str, str], Profile]:
    """Profiles by name and version, as a decision names them."""
    return {(profile.profile, rules_version(profile)): profile for profile in profiles}


def kept(rows: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], Profile]:
    """The rules that decisions were made with, as the store kept them; those that cannot be read any more are left
    out."""
    found = {}
    for name, version, text in rows:
        with suppress(ValidationError):
            found[name, version] = Profile.model_validate_json(text)
    return found


def replay(decisions: Iterable[Stored], profiles: Mapping[tuple[str, str], Profile]) -> Replayed:
    """Decide each again with the rules it was made with (`by_version`)."""
    result = Replayed()
    for number, decision, facts in decisions:
        profile = profiles.get((decision.profile, decision.version))
        if profile is None:
            result.unknown[f"{decision.profile} {decision.version}"] += 1
        elif difference := differs(decision, facts, profile):
            result.different[number] = difference
        else:
            result.identical += 1
    return result


def differs(decision: GateDecision, facts: GateFacts, profile: Profile) -> str:
    """What is different when it is decided again; "" where nothing is."""
    method = Method(str(decision.inputs.get("method", Method.PHONE.value)))
    again = decide(profile, facts, decision.at, method)
    pairs = {
        name: (getattr(decision, name), getattr(again, name)) for name in ("allowed", "rule", "reason", "retry_at")
    }
    given = {**again.inputs, "facts": facts_to_json(facts)}
    pairs |= {f"inputs.{name}": (value, given.get(name)) for name, value in decision.inputs.items()}
    return "; ".join(f"{name}: {then} then, {now} now" for name, (then, now) in pairs.items() if then != now)
