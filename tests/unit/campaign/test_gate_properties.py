"""What holds for every customer, profile and moment."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.campaign.gate_facts import PROFILES
from voicebot.campaign.facts import facts_from_json, facts_to_json
from voicebot.campaign.gate import decide
from voicebot.campaign.replay import by_version, differs, replay
from voicebot.model.campaign import ConsentFact, GateFacts, Method, PastContact
from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import AnsweredBy, Disposition

BEGIN = datetime(2026, 2, 20, tzinfo=UTC)
ZONES = (
    *("America/New_York", "America/Los_Angeles", "America/Phoenix", "Asia/Shanghai", "Europe/Paris", "Europe/Lisbon"),
    *("Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Nowhere/Land"),
)
# Seconds that are whole or not, over nine months: both clock changes of either hemisphere are in there.
moments = st.integers(0, 270 * 86_400).map(lambda s: BEGIN + timedelta(seconds=s))
clocks = st.one_of(
    st.sampled_from([time(0), time(12), time(8), time(21)]), st.times().map(lambda t: t.replace(microsecond=0))
)
windows = st.builds(
    NoCallWindow, clocks, clocks, st.sets(st.integers(1, 7), min_size=1, max_size=3).map(lambda d: tuple(sorted(d)))
)


@st.composite
def contacts_before(draw: st.DrawFn, at: datetime) -> PastContact:
    effective = draw(st.booleans())
    return PastContact(
        at=at - timedelta(seconds=draw(st.integers(0, 31 * 86_400))),
        customer_id=draw(st.sampled_from(["C-1", "C-1", "C-2", None])),
        account_id=draw(st.sampled_from(["A-1", "A-1", "A-2", None])),
        number_hash=draw(st.sampled_from(["n-1", "n-1", "n-2"])),
        inbound=draw(st.booleans()),
        effective=effective,
        conversation=effective and draw(st.booleans()),
        disposition=draw(st.none() | st.sampled_from(Disposition)),
        answered_by=draw(st.none() | st.sampled_from(AnsweredBy)),
    )


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, GateFacts, datetime]:
    at = draw(moments)
    consent = st.builds(ConsentFact, st.sampled_from([True, True, False, None]), st.just("written"), moments)
    known = GateFacts(
        customer_id="C-1",
        account_id="A-1",
        number_hash="n-1",
        purpose=draw(st.sampled_from(["service", "service", "marketing"])),
        zones=tuple(draw(st.lists(st.sampled_from(ZONES), max_size=2, unique=True))),
        region=draw(st.sampled_from([None, "NY", "FL", "FR", "??"])),
        line_type=draw(st.sampled_from([None, "mobile", "landline"])),
        consents=draw(st.dictionaries(st.sampled_from(["ai_voice", "marketing", "more_calls"]), consent, min_size=1)),
        no_call_windows=tuple(draw(st.lists(windows, max_size=1))),
        contacts=tuple(draw(st.lists(contacts_before(at), max_size=8))),
    )
    return draw(st.sampled_from(sorted(PROFILES))), known, at


@given(cases(), st.data())
@settings(max_examples=40, deadline=None)
def test_more_contacts_never_make_a_no_a_yes(case, data):
    name, known, at = case
    # But for one: the customer's own wish to be called back.
    others = contacts_before(at).filter(lambda c: c.disposition is not Disposition.CALLBACK)
    more = data.draw(st.lists(others, min_size=1, max_size=4))
    fewer, with_more = (
        decide(PROFILES[name], known, at),
        decide(PROFILES[name], replace(known, contacts=(*known.contacts, *more)), at),
    )
    assert fewer.allowed or not with_more.allowed
    if fewer.retry_at and with_more.retry_at:
        assert fewer.retry_at <= with_more.retry_at


@given(cases(), st.data())
@settings(max_examples=40, deadline=None)
def test_retry_at_is_the_first_yes(case, data):
    name, known, at = case
    profile = PROFILES[name]
    decision = decide(profile, known, at)
    if decision.allowed:
        assert decision.retry_at is None
        return
    first = decision.retry_at
    if first is not None:
        assert decide(profile, known, first).allowed
        assert not decide(profile, known, first - timedelta(seconds=1)).allowed
    span = int(((first or at + timedelta(days=60)) - at).total_seconds())
    for second in data.draw(st.lists(st.integers(0, max(span - 1, 0)), max_size=12)):
        assert not decide(profile, known, at + timedelta(seconds=second)).allowed


@given(cases())
@settings(max_examples=40, deadline=None)
def test_a_yes_is_within_the_hours_of_every_zone(case):
    name, known, at = case
    decision = decide(PROFILES[name], known, at)
    if name in ("us", "cn") and decision.allowed:
        until = {"us": 21, "cn": 22}[name]
        for zone in decision.inputs["zones"]:
            assert 8 <= at.astimezone(ZoneInfo(zone)).hour < until


@given(cases(), st.sampled_from(Method))
@settings(max_examples=40, deadline=None)
def test_a_stored_decision_is_decided_again_identically(case, method):
    name, known, at = case
    profile = PROFILES[name]
    decision = decide(profile, known, at, method)
    stored = json.loads(json.dumps({"facts": facts_to_json(known), "inputs": dict(decision.inputs)}))
    again = facts_from_json(stored["facts"])
    assert again == known
    read = replace(decision, inputs=stored["inputs"])
    assert differs(read, again, profile) == ""
    assert replay([(1, read, again)], by_version(PROFILES.values())).identical == 1


def test_a_replay_says_what_differs_and_which_rules_are_gone():
    known = GateFacts("C-1", "A-1", "n-1", "service", zones=("Asia/Shanghai",))
    decision = decide(PROFILES["cn"], known, BEGIN)
    profiles = by_version(PROFILES.values())
    spoiled, older = replace(decision, allowed=not decision.allowed), replace(decision, version="0-old/gate-1")
    result = replay([(1, decision, known), (2, spoiled, known), (3, older, known)], profiles)
    assert result.identical == 1
    assert list(result.different) == [2]
    assert "allowed" in result.different[2]
    assert result.unknown == {"cn 0-old/gate-1": 1}
