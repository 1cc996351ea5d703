"""A customer who names a bad time: understood, read back, kept; the call ends where it is such a time just now."""

from __future__ import annotations

from datetime import datetime, time

import pytest

from tests.unit.flow.helpers import HANGS_UP, NONSENSE, NOW, Call, means, prompts, until_verified
from voicebot.model.no_call import NoCallWindow, read_windows, write_windows
from voicebot.model.outcome import Disposition

WORK = NoCallWindow(time(9), time(17), (1, 2, 3, 4, 5))
AT_WORK = means("bad_time", windows="12345 09:00-17:00")
EVENINGS = means("bad_time", windows="1234567 17:00-00:00")
ALWAYS = means("bad_time", windows="1234567 00:00-00:00")
SUNDAY = datetime(2026, 11, 22, 10, 0)  # noqa: DTZ001 - local


def test_read_back_kept_and_the_call_ends_at_such_a_time() -> None:
    call = Call("reminder").hears(AT_WORK)
    assert call.said[-1][1] == (
        "So we should not call you between nine in the morning and five in the afternoon on weekdays. Is that right?"
    )
    found = call.hears("affirm").outcome()
    assert found.no_call == (WORK,)
    assert found.disposition is Disposition.CALLBACK
    assert found.callback_at == datetime(2026, 11, 23, 17, 0)  # noqa: DTZ001 - the Monday of helpers.NOW, local


def test_at_another_time_the_question_is_asked_again() -> None:
    call = until_verified(Call("reminder", now=SUNDAY)).hears(AT_WORK, "affirm")
    assert call.prompts_said[-3:] == ["everywhere.no_call_read", "everywhere.no_call_noted", "reminder.ask_pay"]
    assert call.state.verified
    assert call.hears(EVENINGS, "affirm").outcome().no_call == (WORK, NoCallWindow(time(17), time()))


def test_a_no_is_asked_about() -> None:
    call = Call("reminder", now=SUNDAY).hears(AT_WORK, "deny")
    assert call.prompt == "everywhere.ask_no_call"
    assert call.outcome().no_call == ()
    assert call.hears(EVENINGS, "affirm").outcome().no_call == (NoCallWindow(time(17), time()),)


@pytest.mark.parametrize("answers", [(HANGS_UP,), (NONSENSE, NONSENSE)])
def test_whoever_does_not_say_no_is_not_called_then(answers: tuple[str, ...]) -> None:
    assert Call("reminder").hears(AT_WORK, *answers).outcome().no_call == (WORK,)


def test_a_place_whose_hours_nobody_knows_is_asked_about() -> None:
    call = Call("reminder", now=SUNDAY).hears("bad_time")
    assert call.prompt == "everywhere.ask_no_call"
    assert call.hears("cannot_say").prompt == "right_party.ask"


def test_no_time_left_is_no_call_at_all() -> None:
    call = Call("reminder").hears(ALWAYS)
    assert call.prompt == "everywhere.stop"
    assert call.hears("affirm").outcome().disposition is Disposition.DO_NOT_CALL


def test_stop_calling_is_heard_in_the_question_too() -> None:
    assert Call("reminder").hears(AT_WORK, "stop_calling", "affirm").outcome().opt_out is True


@pytest.mark.parametrize(
    ("windows", "words"),
    [
        ("1234567 00:00-12:00", "before noon"),
        ("1234567 18:00-00:00", "after six in the evening"),
        ("1234567 20:00-08:00", "before eight in the morning and after eight in the evening"),
        ("67 00:00-00:00", "on weekends"),
        ("12 00:00-00:00", "on Mondays and Tuesdays"),
        ("1 00:00-12:00", "before noon on Mondays"),
        ("1234567 00:00-09:00; 67 00:00-00:00", "before nine in the morning and on weekends"),
    ],
)
def test_how_times_are_said(windows: str, words: str) -> None:
    assert prompts().spoken.windows(windows) == words


def test_windows_as_text_and_back() -> None:
    windows = (WORK, NoCallWindow(time(20), time(8)))
    assert read_windows(write_windows(windows)) == windows
    for wrong in ("8 09:00-17:00", "09:00-17:00", "1 9-x"):
        with pytest.raises(ValueError, match=r"."):
            read_windows(wrong)


def test_a_window_over_midnight_belongs_to_the_day_it_began_on() -> None:
    friday_night = NoCallWindow(time(22), time(6), (5,))
    assert friday_night.holds(datetime(2026, 11, 27, 23))  # noqa: DTZ001
    assert friday_night.holds(datetime(2026, 11, 28, 5))  # noqa: DTZ001
    assert not friday_night.holds(datetime(2026, 11, 27, 5))  # noqa: DTZ001
    assert not WORK.holds(NOW.replace(hour=17))
