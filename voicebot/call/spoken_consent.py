"""A consent, or its refusal, as it was said in a call: stored with its purpose, the words agreed to and where."""

from __future__ import annotations

from datetime import datetime

from voicebot.call.kit import Kit
from voicebot.model.portfolio import Account
from voicebot.model.records import Consent


def spoken(
    kit: Kit, account: Account, purpose: str, granted: bool | None, step: str, t: float, now: datetime
) -> Consent:
    """`granted` None: told, not asked. `step`, `t`: the flow's step and the seconds from the answer at which it was
    said; the script's version names the words."""
    return Consent(
        customer_id=account.customer.id,
        purpose=purpose,
        basis="spoken",
        text_version=kit.script_version,
        granted=granted,
        at=now.isoformat(),
        evidence={"step": step, "t": round(t, 2)},
    )
