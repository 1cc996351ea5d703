"""The presses of keys in what the stack tells of RFC 4733 events.

The stack compares no RTP timestamps (measured with libre 4.10, tests/calls/test_keys.py): a packet of a press that
comes after its end, out of order or twice, begins the same key anew, and a press whose end packets are all lost never
ends. So a press counts at its beginning, and a beginning of the same key right after its end only where it lasts.
"""

from __future__ import annotations

#: A key's pause lasts longer (ETSI ES 201 235-3: at least 65 ms); less of it is left by jitter than by a late packet.
LEFT_OVER_S = 0.05
#: A key's tone lasts longer (ITU-T Q.24: at least 40 ms).
TONE_S = 0.04


class KeyPresses:
    """One call's. `began` and `ended` in the order of the stack's events, `t` in seconds of any one clock."""

    def __init__(self) -> None:
        self._down = ""
        self._began = 0.0
        self._doubtful = False
        self._released = ("", 0.0)

    def began(self, key: str, t: float) -> str | None:
        """A key went down; the key where that is a press for certain."""
        last, at = self._released
        self._doubtful = key == last and t - at < LEFT_OVER_S
        self._down, self._began = key, t
        return None if self._doubtful else key

    def ended(self, t: float) -> str | None:
        """It went up; the key where only now it is certain that it was pressed."""
        key, self._down = self._down, ""
        if not key:
            return None
        self._released = (key, t)
        return key if self._doubtful and t - self._began >= TONE_S else None
