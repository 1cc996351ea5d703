"""The gate before every dial: may this number be called now, and if not, when?

`decide` is pure: the same profile, facts and moment give the same decision, so a stored one can be decided again
(replay.py). Whatever is not known counts as the strictest that it might be; where that does not help, nobody is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from voicebot.campaign.facts import facts_to_json
from voicebot.campaign.gate_rules import Counter, Ground, No, Windows, consent_missing, counters, ground, never
from voicebot.campaign.profiles import Profile
from voicebot.errors import CampaignError
from voicebot.model.campaign import GateDecision, GateFacts, Method

#: Of this code: another way of deciding is another version.
GATE = "gate-1"
#: How far ahead a moment for the next try is looked for.
_AHEAD = timedelta(days=100)


def rules_version(profile: Profile) -> str:
    """What a decision was made with: the profile's version and hash, and the gate's."""
    return f"{profile.version}-{profile.digest}/{GATE}"


def decide(profile: Profile, facts: GateFacts, at: datetime, method: Method = Method.PHONE) -> GateDecision:
    """May this contact be made at `at` (a moment with an offset)?

    What never changes is looked at first, then consents, then the clock, then the caps; the first that says no is the
    decision's `rule`. `retry_at` is the first moment at which all of them say yes for the same facts, None where
    waiting does not help. A message (`method`) obeys everything but the caps, which are of calls.
    Raises CampaignError for a moment without an offset.
    """
    if at.tzinfo is None or at.utcoffset() is None:
        raise CampaignError("the moment of a decision needs an offset", hint="give it in UTC")
    at = at.astimezone(UTC)
    here = ground(profile, facts, method)
    no, retry, counts = _judge(profile, facts, here, at)
    return GateDecision(
        allowed=no is None,
        rule=no.rule if no else "allowed",
        reason=no.reason if no else "every rule allows it",
        profile=profile.profile,
        version=rules_version(profile),
        at=at,
        retry_at=retry,
        inputs={
            "facts": facts_to_json(facts),
            "method": method.value,
            "zones": list(here.zones or ()),
            "regions": list(here.regions),
            "consents": [rule.consent for rule in here.consents],
            "counts": counts,
        },
    )


def _judge(
    profile: Profile, facts: GateFacts, here: Ground, at: datetime
) -> tuple[No | None, datetime | None, dict[str, int]]:
    """The first rule that says no; when it may be tried again; what the caps counted."""
    if (no := never(profile, facts, here)) is not None:
        return no, None, {}
    windows = Windows(facts, here)
    caps = list(counters(facts, here, windows.zones))
    counts = {counter.cap.rule: counter.count(at) for counter in caps}
    if (no := consent_missing(facts, here, at)) is not None:
        return no, None, counts
    no = windows.no(at) or next(filter(None, (counter.no(at) for counter in caps)), None)
    if no is None:
        return None, None, counts
    retry = _first_yes(windows, caps, at)
    if retry is not None and consent_missing(facts, here, retry) is not None:
        retry = None  # the consent ends before
    return no, retry, counts


def _first_yes(windows: Windows, caps: Sequence[Counter], at: datetime) -> datetime | None:
    """The first moment at which nothing says no. Each rule moves it to its own first yes, until none moves it: no
    moment that is passed over was allowed by all."""
    moment, end = at, at + _AHEAD
    while moment <= end:
        later = max([moment, *(counter.first_ok(moment) for counter in caps)])
        opened = windows.first_ok(later)
        if opened is None:
            return None
        if opened == moment:
            return moment
        moment = opened
    return None
