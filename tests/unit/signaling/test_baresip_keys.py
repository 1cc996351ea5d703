"""Presses out of the stack's event reports, as they came in real calls with packets late, twice and lost."""

from __future__ import annotations

import pytest

from voicebot.signaling.baresip_keys import KeyPresses


def pressed(reports: list[tuple[float, str]]) -> str:
    """Keys taken from reports (t, key) of a beginning, (t, "") of an end."""
    presses = KeyPresses()
    taken = [presses.began(key, t) if key else presses.ended(t) for t, key in reports]
    return "".join(key for key in taken if key)


@pytest.mark.parametrize(
    ("reports", "keys"),
    [
        ([(0.02, "2"), (0.16, ""), (0.28, "2"), (0.42, ""), (0.54, "8"), (0.68, "")], "228"),
        ([(0.0, "8"), (0.14, ""), (0.155, "8"), (0.164, ""), (0.26, "1"), (0.40, "")], "81"),  # late among the ends
        ([(0.0, "8"), (0.14, ""), (0.165, "8"), (0.26, "1"), (0.40, "")], "81"),  # late after the ends
        ([(0.0, "2"), (0.14, ""), (0.165, "2"), (0.40, ""), (0.52, "8"), (0.66, "")], "228"),  # ... then pressed again
        ([(0.0, "7"), (0.26, "8"), (0.52, "1")], "781"),  # no end came
        ([(0.0, "2"), (0.05, ""), (0.10, "2"), (0.15, ""), (0.20, "2"), (0.25, "")], "222"),  # a quick dialler
        ([(0.0, "5"), (0.0, ""), (0.1, "")], "5"),
    ],
)
def test_each_press_counts_once(reports: list[tuple[float, str]], keys: str) -> None:
    assert pressed(reports) == keys


def test_a_press_is_known_when_it_begins() -> None:
    presses = KeyPresses()
    assert presses.began("0", 1.0) == "0"
    assert presses.ended(4.0) is None
