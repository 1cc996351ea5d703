"""Facts and contacts for the tests of the gate."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from voicebot.campaign.profiles import load_profiles
from voicebot.model.campaign import ConsentFact, GateFacts, PastContact

ROOT = Path(__file__).resolve().parents[3]
PROFILES = load_profiles(ROOT / "calling_rules")
US, CN, EU, NONE = (PROFILES[name] for name in ("us", "cn", "eu", "none"))
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
AI = {"ai_voice": ConsentFact(True, "import", LONG_AGO)}
WRITTEN = {**AI, "marketing": ConsentFact(True, "written", LONG_AGO)}
SHANGHAI, NEW_YORK = ("Asia/Shanghai",), ("America/New_York",)


def facts(**given: object) -> GateFacts:
    """A New Yorker's mobile with consent to the robot's voice; what is given replaces it."""
    base: dict[str, object] = {
        "customer_id": "C-1",
        "account_id": "A-1",
        "number_hash": "n-1",
        "purpose": "service",
        "zones": NEW_YORK,
        "region": "NY",
        "line_type": "mobile",
        "consents": AI,
    }
    return GateFacts(**{**base, **given})  # type: ignore[arg-type]


def chinese(**given: object) -> GateFacts:
    return facts(**{"zones": SHANGHAI, "region": None, "consents": {}, **given})


def contact(at: datetime, **given: object) -> PastContact:
    """An outbound call that nobody answered."""
    base: dict[str, object] = {
        "at": at,
        "customer_id": "C-1",
        "account_id": "A-1",
        "number_hash": "n-1",
        "inbound": False,
        "effective": False,
        "conversation": False,
    }
    return PastContact(**{**base, **given})  # type: ignore[arg-type]


def contacts(first: datetime, count: int, step: timedelta, **given: object) -> tuple[PastContact, ...]:
    return tuple(contact(first + n * step, **given) for n in range(count))
