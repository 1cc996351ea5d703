"""The columns of the portfolio's two CSV files, and how each is read. Every reader raises ValueError with a reason that
does not repeat the value (it may be personal data)."""

from __future__ import annotations

import re
import zoneinfo
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
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
)
