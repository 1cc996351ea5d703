"""What comes next after each outcome (rules.md, section 3)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voicebot.campaign.retry import Ending, RetryRules, another_band, ending, next_morning, next_try, retry_rules
from voicebot.model.campaign import ClosedTry, JobState
from voicebot.model.outcome import AnsweredBy, Disposition
from voicebot.settings import CampaignSettings

RULES = RetryRules()
NOON = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)


def after(disposition: Disposition, tries: int = 1, at: datetime = NOON, **more: object):
    return next_try(ClosedTry(disposition, **more), tries, at, RULES)


def test_busy_is_tried_after_15_minutes():
    assert after(Disposition.BUSY, sip_status=486) == (JobState.PENDING, "busy", NOON + timedelta(minutes=15))


def test_no_answer_is_tried_four_hours_later_in_another_part_of_the_day():
    assert after(Disposition.NO_ANSWER, sip_status=487)[2] == datetime(2026, 11, 23, 17, tzinfo=UTC)
    early = NOON.replace(hour=9)
    assert after(Disposition.NO_ANSWER, at=early, sip_status=487)[2] == early + timedelta(hours=4)
    evening = NOON.replace(hour=18)
    assert after(Disposition.NO_ANSWER, at=evening, sip_status=480)[2] == datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_the_part_of_the_day_is_the_customers():
    at = datetime(2026, 11, 23, 1, tzinfo=UTC)  # nine in the morning in Shanghai
    found = after(Disposition.NO_ANSWER, at=at, sip_status=487, timezone="Asia/Shanghai")[2]
    assert found == datetime(2026, 11, 23, 5, tzinfo=UTC)


def test_a_machine_is_tried_the_next_day():
    tomorrow = datetime(2026, 11, 24, 8, tzinfo=UTC)
    assert after(Disposition.VOICEMAIL, answered=True, answered_by=AnsweredBy.VOICEMAIL) == (
        *(JobState.PENDING, "machine", tomorrow),
    )
    assert after(Disposition.NO_ANSWER, answered=True, answered_by=AnsweredBy.SCREENING)[1] == "machine"


@pytest.mark.parametrize(("hour", "again"), [(9, 12), (13, 17), (18, 8), (3, 8)])
def test_where_somebody_else_answered_another_day_and_part_of_the_day_is_tried(hour, again):
    told = after(Disposition.RPC_NOT_VERIFIED, at=NOON.replace(hour=hour), answered=True, third_party=True)
    assert told == (JobState.PENDING, "third party", datetime(2026, 11, 24, again, tzinfo=UTC))
    assert after(Disposition.RPC_NOT_VERIFIED, 3, answered=True, third_party=True)[0] is JobState.HUMAN
    when = NOON + timedelta(hours=6)
    asked = after(Disposition.CALLBACK, answered=True, third_party=True, callback_at=when)
    assert asked == (JobState.PENDING, "callback", when)
    assert after(Disposition.WRONG_PARTY, answered=True, third_party=True)[0] is JobState.CANCELLED


@pytest.mark.parametrize("status", [603, 607, 608])
def test_who_rejects_is_not_called_again_today(status):
    state, reason, again = after(Disposition.HUNG_UP, sip_status=status)
    assert (state, reason) == (JobState.PENDING, "rejected")
    assert again == datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_who_hangs_up_on_the_greeting_is_not_called_again_today():
    assert after(Disposition.HUNG_UP, answered=True, answered_by=AnsweredBy.HUMAN)[1] == "rejected"


@pytest.mark.parametrize("status", [404, 410, 484, 604])
def test_an_invalid_number_is_never_called_again(status):
    assert after(Disposition.FAILED, sip_status=status) == (JobState.FAILED, "invalid number", None)


def test_the_cause_goes_before_the_status():
    assert after(Disposition.FAILED, sip_status=503, sip_cause=1)[0] is JobState.FAILED
    assert after(Disposition.FAILED, sip_status=503, sip_cause=38)[0] is JobState.PENDING


def test_failures_are_tried_few_times():
    gaps = [after(Disposition.FAILED, tries, sip_status=503)[2] for tries in (1, 2)]
    assert gaps == [NOON + timedelta(minutes=10), NOON + timedelta(minutes=20)]
    assert after(Disposition.FAILED, 3, sip_status=503)[0] is JobState.FAILED
    assert after(Disposition.TECHNICAL_FAILURE, 1, error="engine", answered=True)[0] is JobState.PENDING


def test_what_may_have_rung_is_never_dialled_again_by_itself():
    assert after(Disposition.TECHNICAL_FAILURE, error="interrupted") == (JobState.HUMAN, "unknown", None)


@pytest.mark.parametrize(
    "disposition",
    [Disposition.DISPUTE, Disposition.HARDSHIP, Disposition.REFUSED, Disposition.VOICE_MISMATCH],
)
def test_a_person_goes_on(disposition):
    state, _, again = after(disposition, answered=True)
    assert (state, again) == (JobState.HUMAN, None)


@pytest.mark.parametrize("disposition", [Disposition.DO_NOT_CALL, Disposition.WRONG_PARTY])
def test_never_again(disposition):
    assert after(disposition, answered=True) == (JobState.CANCELLED, disposition.value, None)


def test_a_callback_is_made_at_the_time_asked_for():
    asked = NOON + timedelta(hours=2)
    assert after(Disposition.CALLBACK, answered=True, callback_at=asked) == (JobState.PENDING, "callback", asked)
    for none in (None, NOON, NOON - timedelta(hours=1)):
        assert after(Disposition.CALLBACK, answered=True, callback_at=none)[0] is JobState.HUMAN


def test_a_person_takes_over_after_three_tries_without_an_answer():
    assert after(Disposition.NO_ANSWER, 2, sip_status=487)[0] is JobState.PENDING
    assert after(Disposition.NO_ANSWER, 3, sip_status=487)[0] is JobState.HUMAN
    # Tries of the other jobs about the same due date count too.
    assert after(Disposition.BUSY, 1, sip_status=486, unanswered=3)[0] is JobState.HUMAN


@pytest.mark.parametrize(
    "disposition",
    [
        *(Disposition.RPC_VERIFIED, Disposition.PROMISE_TO_PAY, Disposition.TRANSFERRED),
        *(Disposition.INVITATION_ACCEPTED, Disposition.INVITATION_DECLINED),
    ],
)
def test_who_was_reached_is_not_called_again(disposition):
    assert after(disposition, answered=True, answered_by=AnsweredBy.HUMAN)[0] is JobState.DONE


def test_every_outcome_there_can_be_has_an_answer():
    for disposition in Disposition:
        for answered in (False, True):
            tried = ClosedTry(disposition, answered=answered)
            state, reason, again = next_try(tried, 1, NOON, RULES)
            assert isinstance(ending(tried), Ending)
            assert reason
            assert (again is not None) == (state is JobState.PENDING)


def test_a_zone_that_is_none_is_utc():
    assert after(Disposition.NO_ANSWER, sip_status=487, timezone="Mars/Olympus")[2] == NOON.replace(hour=17, minute=0)


zones = st.sampled_from(["UTC", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Asia/Kathmandu"])
FIRST, LAST = datetime(2026, 1, 1), datetime(2028, 12, 31)  # noqa: DTZ001 - hypothesis adds the zone
moments = st.datetimes(FIRST, LAST, timezones=st.just(UTC))


def band(moment: datetime, zone: ZoneInfo) -> int | None:
    hour = moment.astimezone(zone).hour
    return next((n for n in range(3) if RULES.bands[n] <= hour < RULES.bands[n + 1]), None)


@given(moments, zones)
def test_no_answer_moves_to_another_part_of_a_day_across_clock_changes(at, name):
    zone = ZoneInfo(name)
    found = another_band(at, zone, RULES)
    assert at + timedelta(hours=4) <= found <= at + timedelta(hours=37)
    assert band(found, zone) not in (None, band(at, zone))


@given(moments, zones)
def test_the_next_morning_is_another_day(at, name):
    zone = ZoneInfo(name)
    found = next_morning(at, zone, 8).astimezone(zone)
    assert (found.date() - at.astimezone(zone).date()).days == 1
    assert found.hour == 8


@given(st.sampled_from(Disposition), st.none() | st.integers(300, 699), st.integers(1, 9), st.booleans(), moments)
def test_nobody_is_called_for_ever(disposition, status, tries, answered, at):
    state, _, again = next_try(ClosedTry(disposition, status, answered=answered, error=None), tries, at, RULES)
    assert tries < 3 or state is not JobState.PENDING
    assert again is None or again > at


def test_the_rules_are_settings():
    assert retry_rules(CampaignSettings()) == RULES
    assert retry_rules(CampaignSettings(busy_min=5)).busy == timedelta(minutes=5)
