"""Customers and what they owe."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Customer:
    """A person. `number`: the telephone number or SIP user to dial. `language`: a folder of scripts_templates.
    `timezone`: IANA name. `id_last4`: last four digits of the identity document."""

    id: str
    name: str
    number: str
    birth_date: date
    id_last4: str
    language: str = "en"
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True)
class Loan:
    """The loan behind an account. Amounts in `currency` (ISO 4217). `purpose`: a class of callflows/intents.yaml."""

    product: str
    principal: Decimal
    outstanding: Decimal
    due: Decimal
    due_on: date
    currency: str
    purpose: str
    disbursed_on: date


@dataclass(frozen=True, slots=True)
class Offer:
    """What an invitation offers."""

    product: str
    limit: Decimal
    currency: str
    rate_percent: Decimal


@dataclass(frozen=True, slots=True)
class Account:
    """What an attempt is about: one customer, one loan, perhaps one offer."""

    id: str
    customer: Customer
    loan: Loan
    offer: Offer | None = None
