"""The random digits of one call's challenges, drawn before it begins: the flow itself stays without chance."""

from __future__ import annotations

import secrets

#: Two tries each time the gate asks for them: at first, and after each of two lost voices (engine.MAX_VOICE_LOSSES).
CODES = 6
DIGITS = "0123456789"


def challenge_codes(count: int = CODES) -> tuple[str, ...]:
    """So many codes of six digits, as they are said: "402 917". No digit follows itself ("double two" is misheard)."""
    return tuple(_code() for _ in range(count))


def _code() -> str:
    found = ""
    while len(found) < 6:
        digit = secrets.choice(DIGITS)
        found += digit if not found.endswith(digit) else ""
    return f"{found[:3]} {found[3:]}"
