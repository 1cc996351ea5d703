"""Local days and openings across clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from voicebot.campaign.zones import first_open, local_moment, second_of_day, start_of_day, zone


@pytest.mark.parametrize("name", ["Nowhere", "", "America", "../etc", "/etc/localtime", "x\0y"])
def test_what_is_no_zone(name):
    assert zone(name) is None


def test_a_day_begins_at_the_clock_change_where_midnight_is_skipped():
    # Cairo, 2026-04-24: midnight becomes one o'clock.
    cairo = ZoneInfo("Africa/Cairo")
    assert start_of_day(date(2026, 4, 24), cairo) == datetime(2026, 4, 23, 22, tzinfo=UTC)
    assert start_of_day(date(2026, 4, 24), cairo).astimezone(cairo).hour == 1


def test_a_day_begins_at_the_first_midnight_of_two():
    # Havana, 2026-11-01: one o'clock becomes midnight.
    havana = ZoneInfo("America/Havana")
    assert start_of_day(date(2026, 11, 1), havana) == datetime(2026, 11, 1, 4, tzinfo=UTC)


def test_a_local_time_that_is_skipped_comes_after_the_change():
    assert local_moment(date(2026, 3, 8), 9000, ZoneInfo("America/New_York")) == datetime(2026, 3, 8, 7, 30, tzinfo=UTC)
    assert local_moment(date(2026, 3, 8), 86_400, ZoneInfo("UTC")) == datetime(2026, 3, 9, tzinfo=UTC)


@given(
    st.sampled_from(["America/New_York", "Europe/Paris", "Australia/Lord_Howe", "Africa/Cairo", "Asia/Shanghai"]),
    st.integers(0, 365 * 24 * 60),
    st.integers(0, 1439),
    st.integers(1, 1439),
)
@settings(max_examples=60, deadline=None)
def test_the_first_open_moment_is_what_a_search_minute_by_minute_finds(name, start, since, length):
    where = ZoneInfo(name)
    begin = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=start)
    until = since + length

    def is_open(local: datetime) -> bool:
        minute = second_of_day(local) / 60
        return since <= minute < until or minute < until - 1440

    found = first_open(begin, [where], [since * 60, until % 1440 * 60], is_open)
    moment = begin
    while not is_open(moment.astimezone(where)):
        moment += timedelta(minutes=1)
    assert found == moment


def test_what_never_opens():
    assert first_open(datetime(2026, 1, 1, tzinfo=UTC), [ZoneInfo("UTC")], [], lambda local: False) is None
