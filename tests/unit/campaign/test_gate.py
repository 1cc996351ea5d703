"""rules.md, last table, row by row: what the gate lets through and when it may be asked again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.unit.campaign.gate_facts import (
    AI,
    CN,
    EU,
    LONG_AGO,
    NONE,
    PROFILES,
    US,
    WRITTEN,
    chinese,
    contact,
    contacts,
    facts,
)
from voicebot.campaign.gate import decide
from voicebot.errors import CampaignError
from voicebot.model.campaign import ConsentFact, Method
from voicebot.model.no_call import NoCallWindow
from voicebot.model.outcome import Disposition

HOUR, DAY, SECOND = timedelta(hours=1), timedelta(days=1), timedelta(seconds=1)


def local(text: str, zone: str = "America/New_York", fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone), fold=fold).astimezone(UTC)


NOON = local("2026-11-18T12:00")


# --- call hours


@pytest.mark.parametrize(
    ("at", "allowed"),
    [("07:59:59", False), ("08:00:00", True), ("20:59:59", True), ("21:00:00", False), ("00:00:00", False)],
)
def test_us_hours_at_the_callees_place_to_the_second(at, allowed):
    decision = decide(US, facts(), local(f"2026-11-18T{at}"))
    assert (decision.allowed, decision.rule) == (allowed, "allowed" if allowed else "call_hours")


@pytest.mark.parametrize(("at", "allowed"), [("07:59:59", False), ("08:00:00", True), ("22:00:00", False)])
def test_cn_hours(at, allowed):
    assert decide(CN, chinese(), local(f"2026-11-18T{at}", "Asia/Shanghai")).allowed is allowed


def test_a_refused_call_may_be_tried_when_the_hours_begin():
    assert decide(US, facts(), local("2026-11-18T22:00")).retry_at == local("2026-11-19T08:00")
    assert decide(US, facts(), local("2026-11-18T03:00")).retry_at == local("2026-11-18T08:00")


def test_two_zones_of_a_number_must_both_be_open():
    both = facts(zones=("America/New_York", "America/Los_Angeles"), region="CA")
    early = decide(US, both, local("2026-11-18T09:00"))  # six in Los Angeles
    assert not early.allowed
    assert early.retry_at == local("2026-11-18T08:00", "America/Los_Angeles")
    assert decide(US, both, local("2026-11-18T12:00")).allowed
    assert not decide(US, both, local("2026-11-18T18:30", "America/Los_Angeles")).allowed  # half past nine in New York


def test_an_unknown_zone_is_every_zone_of_the_country():
    nowhere = facts(zones=(), region="TX")
    assert not decide(US, nowhere, local("2026-11-18T12:00")).allowed  # seven in Honolulu
    assert decide(US, nowhere, local("2026-11-18T08:00", "Pacific/Honolulu")).allowed
    assert not decide(US, nowhere, local("2026-11-18T21:00")).allowed
    misspelt = facts(zones=("America/New_Yrok",), region="TX")
    assert not decide(US, misspelt, local("2026-11-18T12:00")).allowed


def test_an_unknown_zone_in_a_known_state_is_that_states():
    florida = facts(zones=(), region="FL")
    assert not decide(US, florida, local("2026-11-18T08:30")).allowed  # half past seven in the panhandle
    assert decide(US, florida, local("2026-11-18T09:00")).allowed


def test_no_zone_and_no_zones_of_the_profile_is_no_call():
    strict = US.model_copy(update={"unknown_zone": "no_call"})
    decision = decide(strict, facts(zones=()), NOON)
    assert (decision.rule, decision.retry_at) == ("zone_unknown", None)


# --- clock changes


def test_the_hours_follow_the_clock_change():
    # 2026-11-01: New York goes from UTC-4 to UTC-5.
    assert decide(US, facts(), local("2026-10-31T22:00")).retry_at == datetime(2026, 11, 1, 13, tzinfo=UTC)
    assert not decide(US, facts(), datetime(2026, 11, 1, 12, tzinfo=UTC)).allowed
    assert decide(US, facts(), datetime(2026, 10, 31, 12, tzinfo=UTC)).allowed


def test_hours_that_begin_in_the_hour_that_is_skipped():
    # 2026-03-08: two o'clock becomes three.
    night = US.model_validate({**US.model_dump(), "hours": [{"from": "02:30", "until": "05:00"}], "regions": {}})
    decision = decide(night, facts(), local("2026-03-08T01:00"))
    assert decision.retry_at == datetime(2026, 3, 8, 7, tzinfo=UTC)  # the very moment of the change, 03:00


def test_hours_in_the_hour_that_comes_twice():
    night = US.model_validate({**US.model_dump(), "hours": [{"from": "01:30", "until": "01:45"}], "regions": {}})
    first, second = local("2026-11-01T01:30"), local("2026-11-01T01:30", fold=1)
    assert second - first == HOUR
    assert decide(night, facts(), first).allowed
    assert decide(night, facts(), second).allowed
    assert decide(night, facts(), first + timedelta(minutes=15)).retry_at == second


def test_a_leap_day_is_a_day():
    assert decide(US, facts(), local("2028-02-29T12:00")).allowed
    assert decide(US, facts(), local("2028-02-28T22:00")).retry_at == local("2028-02-29T08:00")


def test_hours_over_midnight_belong_to_the_day_they_begin_on():
    late = US.model_validate(
        {**US.model_dump(), "hours": [{"from": "20:00", "until": "02:00", "weekdays": "fri"}], "regions": {}}
    )
    assert decide(late, facts(), local("2026-11-20T23:59:59")).allowed  # a Friday
    assert decide(late, facts(), local("2026-11-21T01:59:59")).allowed
    assert not decide(late, facts(), local("2026-11-21T02:00")).allowed
    assert not decide(late, facts(), local("2026-11-20T01:00")).allowed
    assert decide(late, facts(), local("2026-11-21T02:00")).retry_at == local("2026-11-27T20:00")


# --- holidays, weekdays


def test_holidays_are_skipped():
    thanksgiving = decide(US, facts(), local("2026-11-26T12:00"))
    assert (thanksgiving.rule, thanksgiving.retry_at) == ("holiday", local("2026-11-27T08:00"))
    assert decide(
        EU, chinese(zones=("Europe/Paris",), region="DE"), local("2026-04-06T12:00", "Europe/Paris")
    ).rule == ("holiday")  # Easter Monday


def test_a_list_of_holidays_that_ends_allows_no_call():
    decision = decide(CN, chinese(), local("2031-03-05T12:00", "Asia/Shanghai"))
    assert (decision.allowed, decision.rule) == (False, "holidays_unknown")


def test_weekdays_of_the_callee():
    paris = chinese(zones=("Europe/Paris",), region="DE")
    assert decide(EU, paris, local("2026-11-20T19:00", "Europe/Paris")).allowed
    assert decide(EU, paris, local("2026-11-21T19:00", "Europe/Paris")).retry_at == local(
        "2026-11-23T08:00", "Europe/Paris"
    )  # Saturday evening to Monday


def test_the_customers_own_windows():
    working = facts(no_call_windows=(NoCallWindow(time(9), time(17), (1, 2, 3, 4, 5)),))
    decision = decide(US, working, NOON)
    assert (decision.rule, decision.retry_at) == ("personal_window", local("2026-11-18T17:00"))
    assert decide(US, working, local("2026-11-21T12:00")).allowed  # Saturday
    never = facts(no_call_windows=(NoCallWindow(time(), time()),))
    assert decide(US, never, NOON).retry_at is None
    assert decide(NONE, never, NOON).rule == "personal_window"


# --- caps


def test_cn_fourth_effective_call_of_a_day_robot_and_people_together():
    morning = local("2026-11-18T09:00", "Asia/Shanghai")
    three = contacts(morning, 3, HOUR, effective=True)
    now = morning + 4 * HOUR
    assert decide(CN, chinese(contacts=three[:2]), now).allowed
    fourth = decide(CN, chinese(contacts=three), now)
    assert (fourth.rule, fourth.retry_at) == ("effective_per_day", local("2026-11-19T08:00", "Asia/Shanghai"))
    other_number = tuple(replace(c, number_hash="n-2") for c in three)
    assert not decide(CN, chinese(contacts=other_number), now).allowed


def test_cn_seventh_attempt_of_a_day_at_a_number():
    morning = local("2026-11-18T08:30", "Asia/Shanghai")
    six = contacts(morning, 6, HOUR)
    now = morning + 7 * HOUR
    assert decide(CN, chinese(contacts=six[:5]), now).allowed
    assert decide(CN, chinese(contacts=six), now).rule == "attempts_per_day"
    somebody_elses = tuple(replace(c, customer_id="C-9", account_id="A-9") for c in six)
    assert not decide(CN, chinese(contacts=somebody_elses), now).allowed  # the same number
    assert decide(CN, chinese(contacts=tuple(replace(c, number_hash="n-2") for c in six)), now).allowed


def test_a_local_day_begins_at_local_midnight():
    evening = local("2026-11-18T21:50", "Asia/Shanghai")
    assert decide(
        CN, chinese(contacts=contacts(evening, 6, SECOND)), local("2026-11-19T08:00", "Asia/Shanghai")
    ).allowed


def test_in_two_zones_a_day_is_over_when_it_is_over_in_both():
    rules = CN.model_validate({**CN.model_dump(), "hours": [], "holidays": None})
    two = chinese(zones=("Asia/Shanghai", "America/New_York"), contacts=contacts(local("2026-11-18T10:00"), 6, SECOND))
    assert decide(rules, two, local("2026-11-18T12:00")).retry_at == local("2026-11-19T00:00")  # 13 hours later


def test_us_eighth_call_in_seven_days_at_the_exact_second():
    first = local("2026-11-11T12:00")
    seven = facts(contacts=contacts(first, 7, DAY / 2))
    blocked = decide(US, seven, first + 7 * DAY - SECOND)
    assert (blocked.rule, blocked.retry_at) == ("seven_in_seven", first + 7 * DAY)
    assert decide(US, seven, first + 7 * DAY).inputs["counts"]["seven_in_seven"] == 6  # type: ignore[index]
    assert decide(US, seven, first + 7 * DAY).allowed
    assert decide(US, replace(seven, account_id="A-2"), first + 7 * DAY - SECOND).allowed  # another debt
    assert decide(US, replace(seven, contacts=seven.contacts[1:]), first + 7 * DAY - SECOND).allowed


def test_us_seven_days_after_a_conversation_and_inbound_calls_are_conversations_not_attempts():
    spoke = local("2026-11-12T10:00")
    inbound = contact(spoke, inbound=True, effective=True, conversation=True)
    decision = decide(US, facts(contacts=(inbound,)), NOON)
    assert (decision.rule, decision.retry_at) == ("after_conversation", spoke + 7 * DAY)
    assert decision.inputs["counts"]["seven_in_seven"] == 0  # type: ignore[index]
    assert decide(US, facts(contacts=(inbound,)), spoke + 7 * DAY).allowed
    unknown = replace(inbound, conversation=False)
    assert decide(US, facts(contacts=(unknown,)), NOON).allowed


def test_a_consent_to_more_calls_lifts_the_cap_for_seven_days_and_no_longer():
    agreed = local("2026-11-12T12:00")
    given = {**AI, "more_calls": ConsentFact(True, "spoken", agreed)}
    before = contacts(agreed - DAY, 1, DAY, effective=True, conversation=True)
    talked = facts(consents=given, contacts=before)
    assert decide(US, talked, agreed + DAY).allowed
    assert not decide(US, replace(talked, consents=AI), agreed + DAY).allowed
    during = facts(consents=given, contacts=contacts(agreed + DAY, 7, HOUR, effective=True, conversation=True))
    assert decide(US, during, agreed + 7 * DAY).allowed  # those calls count for nothing
    after = facts(consents=given, contacts=contacts(agreed + 7 * DAY, 1, HOUR, conversation=True, inbound=True))
    assert decide(US, after, agreed + 8 * DAY).rule == "after_conversation"


def test_who_wants_to_be_called_back_may_be_for_seven_days():
    asked = local("2026-11-12T10:00")
    wish = contact(asked, effective=True, conversation=True, disposition=Disposition.CALLBACK)
    assert decide(US, facts(contacts=(wish,)), asked + HOUR).allowed
    somebody = replace(wish, conversation=False)
    spoke = contact(asked - HOUR, effective=True, conversation=True)
    assert not decide(US, facts(contacts=(somebody, spoke)), asked + HOUR).allowed
    assert decide(US, facts(contacts=(wish, spoke)), asked + HOUR).allowed
    talked = contact(asked + 7 * DAY, effective=True, conversation=True)
    assert not decide(US, facts(contacts=(wish, talked)), asked + 7 * DAY + HOUR).allowed


def test_us_landline_three_in_thirty_days():
    first = local("2026-10-20T12:00")
    three = contacts(first, 3, DAY)
    landline = facts(line_type="landline", contacts=three)
    last = decide(US, landline, first + 30 * DAY - SECOND)
    assert (last.rule, last.retry_at) == ("landline_in_30_days", first + 30 * DAY)
    assert decide(US, landline, first + 30 * DAY).allowed
    assert decide(US, replace(landline, line_type="mobile"), first + 30 * DAY - SECOND).allowed
    assert not decide(US, replace(landline, line_type=None), first + 30 * DAY - SECOND).allowed  # unknown: may be one


def test_florida_three_in_24_hours():
    first = local("2026-11-17T12:30")
    miami = facts(region="FL", contacts=contacts(first, 3, HOUR))
    blocked = decide(US, miami, first + DAY - SECOND)
    assert (blocked.rule, blocked.retry_at) == ("fl_three_in_24_hours", first + DAY)
    assert decide(US, miami, first + DAY).allowed
    assert decide(US, replace(miami, region="GA"), first + DAY - SECOND).allowed
    assert not decide(US, replace(miami, region=None), first + DAY - SECOND).allowed  # may be Florida
    assert not decide(US, replace(miami, region="Florida"), first + DAY - SECOND).allowed


# --- consents


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({}, "there is no consent"),
        ({"ai_voice": ConsentFact(None, "spoken", LONG_AGO)}, "there is no consent"),
        ({"ai_voice": ConsentFact(False, "spoken", LONG_AGO)}, "refused or revoked"),
    ],
)
def test_missing_is_not_consent(given, reason):
    decision = decide(US, facts(consents=given), NOON)
    assert (decision.allowed, decision.rule, decision.retry_at) == (False, "consent_ai_voice", None)
    assert reason in decision.reason


def test_marketing_needs_written_consent():
    offer = facts(purpose="marketing", consents={**AI, "marketing": ConsentFact(True, "spoken", LONG_AGO)})
    assert decide(US, offer, NOON).rule == "consent_marketing"
    assert decide(US, replace(offer, consents=AI), NOON).rule == "consent_marketing"
    assert decide(US, replace(offer, consents=WRITTEN), NOON).allowed
    assert (
        decide(CN, replace(offer, consents={}, zones=("Asia/Shanghai",)), NOON + 12 * HOUR).rule == "consent_marketing"
    )


def test_a_consent_that_ends_is_no_consent_after_it():
    rules = [{"consent": "ai_voice", "valid_days": 30}]
    short = US.model_validate({**US.model_dump(), "consents": rules})
    given = {"ai_voice": ConsentFact(True, "written", NOON - 30 * DAY)}
    assert decide(short, facts(consents=given), NOON - SECOND).allowed
    assert not decide(short, facts(consents=given), NOON).allowed
    evening = decide(short, facts(consents=given), local("2026-11-17T22:00"))
    assert evening.retry_at == local("2026-11-18T08:00")
    given = {"ai_voice": ConsentFact(True, "written", local("2026-10-19T07:00"))}
    assert decide(short, facts(consents=given), local("2026-11-17T22:00")).retry_at is None


# --- what no time heals, in every profile


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"do_not_call": True}, "do_not_call"),
        ({"lists": ("reassigned",)}, "do_not_call_list"),
        ({"wrong_party": True}, "wrong_party"),
        ({"role": "contact_person"}, "third_party"),
        ({"role": "spouse"}, "third_party"),
        ({"stopped_by": "dispute"}, "stopped"),
        ({"stopped_by": "hardship"}, "stopped"),
        ({"stopped_by": "complaint"}, "stopped"),
        ({"stopped_by": "human"}, "stopped"),
        ({"purpose": "survey"}, "purpose_unknown"),
        ({"number_hash": ""}, "callee_unknown"),
    ],
)
def test_never(profile, given, rule):
    decision = decide(profile, facts(consents=WRITTEN, **given), NOON)
    assert (decision.allowed, decision.rule, decision.retry_at) == (False, rule, None)


def test_a_list_of_marketing_forbids_marketing_only():
    listed = facts(lists=("national_do_not_call",), consents=WRITTEN)
    assert decide(US, listed, NOON).allowed
    assert decide(US, replace(listed, purpose="marketing"), NOON).rule == "do_not_call_list"


def test_no_rules_of_a_country_allow_any_hour():
    assert decide(NONE, facts(zones=(), consents={}), local("2026-11-18T03:00")).allowed


# --- messages, moments, versions


def test_messages_obey_everything_but_the_caps_and_the_robots_voice():
    many = facts(consents={}, contacts=contacts(NOON - DAY, 9, HOUR, conversation=True))
    assert not decide(US, many, NOON).allowed
    assert decide(US, many, NOON, Method.SMS).allowed
    assert decide(US, many, local("2026-11-18T22:00"), Method.SMS).rule == "call_hours"
    assert decide(US, replace(many, do_not_call=True), NOON, Method.EMAIL).rule == "do_not_call"


def test_a_moment_without_an_offset_is_refused():
    with pytest.raises(CampaignError, match="offset"):
        decide(US, facts(), datetime(2026, 11, 18, 12))  # noqa: DTZ001


def test_the_version_names_the_rules_and_the_gate():
    assert decide(US, facts(), NOON).version == f"1-{US.digest}/gate-1"
    changed = US.model_copy(update={"title": "else"})
    assert decide(changed, facts(), NOON).version != decide(US, facts(), NOON).version
