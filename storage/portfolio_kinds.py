"""The kinds of files a portfolio comes in: columns, what their rows refer to, and what must hold within a row."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from storage.portfolio_fields import (
    CUSTOMERS,
    LOANS,
    Column,
    counter,
    currency,
    day,
    identifier,
    moment,
    money,
    number,
    one_of,
    text,
    word,
    yes_no,
)

_OFFER = ("offer_product", "offer_limit", "offer_currency", "offer_rate_percent")


@dataclass(frozen=True, slots=True)
class Given:
    """What rows are compared with. `purposes`: the classes of loan purpose there are (None: any word)."""

    today: date
    purposes: Set[str] | None = None


#: A row's typed values by column; None where an optional one is empty.
Values = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Ref:
    """A column that holds the id of something else. `what`: how messages call it."""

    column: str
    kind: str
    what: str


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of file. `table`: where it goes; `key`: what tells rows apart; `check`: what is wrong with a row's
    values together; `aliases`: other names of columns, normalised (portfolio_mapping.py)."""

    name: str
    table: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    refs: tuple[Ref, ...] = ()
    check: Callable[[Values, Given], list[str]] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)


def _customer(values: Values, given: Given) -> list[str]:
    born = values["birth_date"]
    past = isinstance(born, date) and born < given.today and born.year >= 1900
    return [] if past else ["birth_date is not in the past, or before 1900"]


def _loan(values: Values, given: Given) -> list[str]:
    faults = []
    if str(values["due_on"]) < str(values["disbursed_on"]):
        faults.append("due_on is before disbursed_on")
    if given.purposes is not None and values["purpose"] not in given.purposes:
        faults.append(f"purpose is none of {', '.join(sorted(given.purposes))}")
    offered = [name for name in _OFFER if values[name] is not None]
    if offered and len(offered) < len(_OFFER):
        faults.append(f"an offer needs {', '.join(_OFFER)}, or none of them")
    return faults


def _payment(values: Values, given: Given) -> list[str]:
    faults = [] if values["amount"] else ["amount is 0"]
    return faults + _not_future(values["paid_at"], "paid_at", given)


def _consent(values: Values, given: Given) -> list[str]:
    return _not_future(values["at"], "at", given)


def _not_future(value: object, name: str, given: Given) -> list[str]:
    late = isinstance(value, datetime) and value.date() > given.today + timedelta(days=1)
    return [f"{name} is in the future"] if late else []


def _names(**columns: str) -> dict[str, str]:
    """column="alias alias" to alias -> column."""
    return {alias: column for column, words in columns.items() for alias in words.split()}


_LOAN_ID = "id loan_id loan account account_no account_number contract_id contract_no"
_CUSTOMER_ID = "customer customer_no customer_number client client_id borrower_id"
_PHONE = "phone phone_number telephone telephone_number tel mobile mobile_number msisdn"

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind(
            "products",
            "products",
            (Column("id", identifier), Column("name", text), Column("class", word)),
            ("id",),
            aliases={
                "product_id": "id",
                **_names(**{"class": "product_class category", "name": "product_name product"}),
            },
        ),
        Kind(
            "channels",
            "channels",
            (Column("id", identifier), Column("name", text), Column("class", word)),
            ("id",),
            aliases={
                "channel_id": "id",
                **_names(**{"class": "channel_class category", "name": "channel_name channel"}),
            },
        ),
        Kind(
            "funding_sources",
            "funding_sources",
            (Column("id", identifier), Column("name", text)),
            ("id",),
            aliases=_names(id="funding_source_id fund_id partner_id", name="funding_source fund partner"),
        ),
        Kind(
            "agents",
            "agents",
            (
                Column("id", identifier),
                Column("name", text),
                Column("role", word),
                Column("supervisor_id", identifier, ""),
                Column("in_service", yes_no, "1"),
                Column("address", text, ""),
            ),
            ("id",),
            (Ref("supervisor_id", "agents", "agent"),),
            aliases=_names(
                id="agent_id employee_id",
                supervisor_id="supervisor manager manager_id",
                in_service="active",
                address="email sip_uri",
                name="agent_name full_name",
            ),
        ),
        Kind(
            "customers",
            "customers",
            CUSTOMERS,
            ("id",),
            check=_customer,
            aliases=_names(
                id=f"customer_id {_CUSTOMER_ID}",
                name="full_name customer_name",
                number=_PHONE,
                birth_date="birthdate birthday date_of_birth dob",
                id_last4="last4 id_last_4 last_4",
                language="lang",
                timezone="time_zone tz zone",
                email="mail email_address e_mail",
                region="state province",
                line_type="phone_type",
                risk_level="risk risk_class",
            ),
        ),
        Kind(
            "loans",
            "accounts",
            LOANS,
            ("account_id",),
            (
                Ref("customer_id", "customers", "customer"),
                Ref("product_id", "products", "product"),
                Ref("channel_id", "channels", "channel"),
                Ref("funding_source_id", "funding_sources", "funding source"),
                Ref("agent_id", "agents", "agent"),
            ),
            _loan,
            _names(
                account_id=_LOAN_ID,
                customer_id=_CUSTOMER_ID,
                product="product_name",
                principal="amount loan_amount",
                outstanding="balance outstanding_balance",
                due="instalment installment amount_due due_amount",
                due_on="due_date next_due_date",
                currency="ccy",
                purpose="loan_purpose",
                disbursed_on="disbursed disbursed_at disbursement_date",
                channel_id="channel",
                funding_source_id="funding_source fund partner partner_id",
                agent_id="agent officer account_manager",
                branch="branch_name office",
            ),
        ),
        Kind(
            "schedules",
            "schedules",
            (Column("account_id", identifier), Column("n", counter), Column("due_on", day), Column("due", money)),
            ("account_id", "n"),
            (Ref("account_id", "loans", "loan"),),
            aliases=_names(
                account_id=_LOAN_ID,
                n="no instalment_no installment_no instalment_number installment_number period",
                due_on="due_date",
                due="amount instalment installment amount_due due_amount",
            ),
        ),
        Kind(
            "payments",
            "payments",
            (
                Column("id", identifier),
                Column("account_id", identifier),
                Column("amount", money),
                Column("currency", currency),
                Column("paid_at", moment),
            ),
            ("id",),
            (Ref("account_id", "loans", "loan"),),
            _payment,
            _names(
                id="payment_id transaction_id reference",
                account_id=_LOAN_ID.removeprefix("id "),
                amount="paid amount_paid",
                currency="ccy",
                paid_at="date paid_on payment_date paid_date value_date",
            ),
        ),
        Kind(
            "do_not_call",
            "do_not_call_lists",
            (Column("list", word), Column("number", number), Column("since", moment, "")),
            ("list", "number"),
            aliases=_names(list="list_name source", number=_PHONE, since="date added added_on"),
        ),
        Kind(
            "consents",
            "consents",
            (
                Column("customer_id", identifier),
                Column("purpose", word),
                Column("basis", one_of("spoken", "written", "import"), "import"),
                Column("text_version", text, "import"),
                Column("granted", yes_no, ""),
                Column("at", moment),
            ),
            ("customer_id", "purpose", "at"),
            (Ref("customer_id", "customers", "customer"),),
            _consent,
            _names(
                customer_id=f"id {_CUSTOMER_ID}",
                at="date given_at consent_date",
                text_version="version",
                granted="agreed consent",
            ),
        ),
    )
}


def normal(name: str) -> str:
    """`Due Date` -> `due_date`."""
    return re.sub(r"[^a-z0-9]+", "_", name.strip().lower()).strip("_")
