"""How each field of the portfolio's files is read, and the columns of customers and loans. Every reader raises
ValueError with a reason that does not repeat the value (it may be personal data)."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

from babel.numbers import list_currencies

#: Longest text in a field, characters.
MAX_TEXT = 200

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_NUMBER = re.compile(r"\+?[0-9]{3,15}|[A-Za-z][A-Za-z0-9._-]{0,63}")
_MONEY = re.compile(r"[0-9]{1,13}(\.[0-9]{1,4})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Column:
    """`default` None: the column must be there and filled."""

    name: str
    read: Callable[[str], object]
    default: str | None = None


def text(value: str) -> str:
    """A name or a product."""
    if not value.isprintable():
        raise ValueError("holds control characters")
    return value


def identifier(value: str) -> str:
    """An id: it appears in file names and commands."""
    if not _ID.fullmatch(value):
        raise ValueError("is not an id (letters, digits, . _ -; at most 40)")
    return value


def number(value: str) -> str:
    """What is dialled: 3 to 15 digits (ITU-T E.164 has at most 15), or a SIP user."""
    if not _NUMBER.fullmatch(value):
        raise ValueError("is not a number to dial (3 to 15 digits, or a SIP user)")
    return value


def last4(value: str) -> str:
    """Four digits."""
    if not re.fullmatch(r"[0-9]{4}", value):
        raise ValueError("is not four digits")
    return value


def day(value: str) -> date:
    """A day of the calendar."""
    if not _DATE.fullmatch(value):
        raise ValueError("is not a date (YYYY-MM-DD)")
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise ValueError("is a date that does not exist") from None


def money(value: str) -> Decimal:
    """An amount, at most 13 digits before the point and 4 after it."""
    if value.startswith("-"):
        raise ValueError("is negative")
    if not _MONEY.fullmatch(value):
        raise ValueError("is not an amount (digits and a point, e.g. 1250.00)")
    return Decimal(value)


def currency(value: str) -> str:
    """ISO 4217."""
    if value not in _currencies():
        raise ValueError("is not a currency (ISO 4217, e.g. USD)")
    return value


def timezone(value: str) -> str:
    """IANA name."""
    if value not in _zones():
        raise ValueError("is not a time zone (IANA name, e.g. America/New_York)")
    return value


def language(value: str) -> str:
    """A folder of scripts_templates."""
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z]{2,8})?", value):
        raise ValueError("is not a language (e.g. en)")
    return value


def purpose(value: str) -> str:
    """A class of loan purpose."""
    if not re.fullmatch(r"[a-z][a-z_]{1,39}", value):
        raise ValueError("is not a purpose class (e.g. house_repair)")
    return value


def email(value: str) -> str:
    """An address, as far as one can be told from something else (RFC 5321 section 4.5.3.1 has the lengths)."""
    if len(value) > 254 or not re.fullmatch(r"[^@\s,;<>\"]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", value):
        raise ValueError("is not an email address")
    return value


def region(value: str) -> str:
    """A state or province, as the rules of calling name it."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,39}", value):
        raise ValueError("is not a region (letters, digits, space . _ -; at most 40)")
    return value


def one_of(*words: str) -> Callable[[str], str]:
    """One of these words."""

    def read(value: str) -> str:
        if value not in words:
            raise ValueError(f"is none of {', '.join(words)}")
        return value

    return read


def word(value: str) -> str:
    """A class, the name of a list, a purpose of a consent."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", value):
        raise ValueError("is not a name (letters, digits, . _ -; at most 64)")
    return value


def counter(value: str) -> int:
    """1, 2, 3, ..."""
    if not re.fullmatch(r"[1-9][0-9]{0,4}", value):
        raise ValueError("is not a number from 1 on")
    return int(value)


def yes_no(value: str) -> int:
    """1 or 0."""
    found = {"1": 1, "0": 0, "yes": 1, "no": 0, "true": 1, "false": 0}.get(value.lower())
    if found is None:
        raise ValueError("is not yes or no (1, 0, yes, no, true, false)")
    return found


def moment(value: str) -> datetime:
    """ISO 8601 with an offset, in UTC. A day alone is its noon, UTC: the same day nearly everywhere."""
    if _DATE.fullmatch(value):
        return datetime.combine(day(value), datetime.min.time().replace(hour=12), UTC)
    try:
        at = datetime.fromisoformat(value)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("is not a time that exists (ISO 8601, e.g. 2026-11-22T10:30:00+08:00)") from None
    raise ValueError("has no offset from UTC (add Z or +08:00)")


@cache
def _currencies() -> frozenset[str]:
    return frozenset(list_currencies())


@cache
def _zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


CUSTOMERS = (
    Column("id", identifier),
    Column("name", text),
    Column("number", number),
    Column("birth_date", day),
    Column("id_last4", last4),
    Column("language", language, "en"),
    Column("timezone", timezone, "UTC"),
    Column("email", email, ""),
    Column("region", region, ""),
    Column("line_type", one_of("landline", "mobile"), ""),
    Column("risk_level", one_of("low", "medium", "high"), ""),
)

LOANS = (
    Column("account_id", identifier),
    Column("customer_id", identifier),
    Column("product", text),
    Column("principal", money),
    Column("outstanding", money),
    Column("due", money),
    Column("due_on", day),
    Column("currency", currency),
    Column("purpose", purpose),
    Column("disbursed_on", day),
    Column("offer_product", text, ""),
    Column("offer_limit", money, ""),
    Column("offer_currency", currency, ""),
    Column("offer_rate_percent", money, ""),
    Column("product_id", identifier, ""),
    Column("channel_id", identifier, ""),
    Column("funding_source_id", identifier, ""),
    Column("agent_id", identifier, ""),
    Column("branch", text, ""),
)
