"""What the gate decides from, as JSON and back: exactly, so that a stored decision can be decided again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time

from pydantic import TypeAdapter

from voicebot.model.campaign import GateFacts

_FACTS: TypeAdapter[GateFacts] = TypeAdapter(GateFacts)


def facts_to_json(facts: GateFacts) -> dict[str, object]:
    """Plain JSON values; moments and times in ISO 8601 as they were, consents by purpose."""
    return {
        "customer_id": facts.customer_id,
        "account_id": facts.account_id,
        "number_hash": facts.number_hash,
        "purpose": facts.purpose,
        "zones": list(facts.zones),
        "region": facts.region,
        "line_type": facts.line_type,
        "role": facts.role,
        "consents": {
            purpose: {"granted": c.granted, "basis": c.basis, "at": _iso(c.at)}
            for purpose, c in sorted(facts.consents.items())
        },
        "do_not_call": facts.do_not_call,
        "lists": list(facts.lists),
        "wrong_party": facts.wrong_party,
        "stopped_by": facts.stopped_by,
        "no_call_windows": [
            {"since": w.since.isoformat(), "until": w.until.isoformat(), "weekdays": list(w.weekdays)}
            for w in facts.no_call_windows
        ],
        "contacts": [
            {
                "at": _iso(c.at),
                "customer_id": c.customer_id,
                "account_id": c.account_id,
                "number_hash": c.number_hash,
                "inbound": c.inbound,
                "effective": c.effective,
                "conversation": c.conversation,
                "disposition": c.disposition,
                "answered_by": c.answered_by,
            }
            for c in facts.contacts
        ],
    }


def facts_from_json(data: Mapping[str, object]) -> GateFacts:
    """What `facts_to_json` made. Raises ValueError (pydantic's) for anything else."""
    return _FACTS.validate_python(data)


def _iso(moment: datetime | time) -> str:
    return moment.isoformat()
