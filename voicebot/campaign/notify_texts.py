"""The words of emails and SMS: blocks of scripts_templates/<language>/messages.j2, rendered in the prompts' sandbox
with figures instead of number words.

The gate is structural, as for prompts: `loan` and `offer` are in the context only where the rules of calling allow
details in messages (messages_detail.jinja), so the limited text cannot name them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

from babel.dates import format_date, format_time
from babel.numbers import format_currency, format_decimal, format_percent
from jinja2 import Template, TemplateError, nodes

from voicebot.errors import PromptError
from voicebot.flow.findings import raise_all
from voicebot.flow.sandbox import PRIVATE, PromptEnvironment, parse
from voicebot.flow.spoken import Money, Spoken, load_spoken
from voicebot.model.campaign import Method
from voicebot.model.portfolio import Account
from voicebot.settings import BankSettings

LIMITED, DETAILED = "messages.j2", "messages_detail.jinja"
#: Longest SMS: four parts of the GSM alphabet (3GPP TS 23.040: 153 characters each).
MAX_SMS = 612
MAX_EMAIL = 10_000


@dataclass(frozen=True, slots=True)
class Words:
    """A message. `subject` is an email's only."""

    text: str
    subject: str = ""


class Written(Spoken):
    """The filters of prompts, for the eye: figures, dates and times as the language writes them."""

    def number(self, value: object) -> str:
        """2450 -> "2,450"."""
        return str(format_decimal(_number(value), locale=self.table.language))

    def percent(self, value: object) -> str:
        """4.5 -> "4.5%"."""
        return str(format_percent(_number(value) / 100, format="#,##0.##%", locale=self.table.language))

    def money(self, value: object) -> str:
        """Money(2450.50, USD) -> "$2,450.50"."""
        if not isinstance(value, Money):
            raise PromptError("`money` wants an amount of money, such as loan.due")
        return str(format_currency(value.amount, value.currency, locale=self.table.language))

    def day(self, value: object, year: bool = True) -> str:
        """date(2026, 12, 4) -> "December 4, 2026"."""
        del year
        if not isinstance(value, date):
            raise PromptError("`day` wants a day, such as loan.due_on")
        return str(format_date(value, "long", locale=self.table.language))

    def time(self, value: object) -> str:
        """time(15, 30) -> "3:30 PM"."""
        if not isinstance(value, time | datetime):
            raise PromptError("`time` wants a time of day")
        return str(format_time(value, "short", locale=self.table.language))

    def digits(self, value: object) -> str:
        """As it is written."""
        return str(value)


def _number(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise PromptError("this filter wants a number")
    return Decimal(value)


class Texts:
    """The messages of a language. Raises FlowError that lists what is wrong in its templates."""

    def __init__(self, templates: Path, language: str, bank: BankSettings) -> None:
        folder = templates / language
        self._bank = bank
        self._environment = PromptEnvironment(Written(load_spoken(folder / "spoken.yaml")))
        self._limited = self._blocks(folder / LIMITED)
        self._detailed = self._blocks(folder / DETAILED)

    def _blocks(self, path: Path) -> dict[str, Template]:
        """Each block's template; none where the file is not there."""
        if not path.is_file():
            return {}
        source = path.read_text(encoding="utf-8")
        tree, found = parse(self._environment, source, str(path))
        raise_all(tuple(found))
        template = self._environment.from_string(source)
        return {block.name: template for block in tree.find_all(nodes.Block)} if tree is not None else {}

    def write(self, name: str, method: Method, account: Account, today: date, *, detail: bool) -> Words:
        """The message `name` for an account's customer, the general one where there is none of this name. `detail`: the
        rules of calling allow that it names the loan. Raises PromptError where it cannot be written."""
        kind = method.value
        if detail and f"{kind}_{name}" in self._detailed:
            blocks, context, wanted = self._detailed, self._context(account, today, detail=True), f"{kind}_{name}"
        else:
            blocks, context = self._limited, self._context(account, today, detail=False)
            wanted = f"{kind}_{name}" if f"{kind}_{name}" in blocks else kind
        text = self._render(blocks, wanted, context)
        if method is Method.EMAIL:
            subject = f"{wanted}_subject" if f"{wanted}_subject" in blocks else f"{kind}_subject"
            where = blocks if subject in blocks else self._limited
            return Words(_checked(text, MAX_EMAIL), " ".join(self._render(where, subject, context).split()))
        return Words(_checked(" ".join(text.split()), MAX_SMS))

    def _render(self, blocks: Mapping[str, Template], name: str, context: Mapping[str, object]) -> str:
        template = blocks.get(name)
        if template is None:
            raise PromptError(f"{LIMITED}:1: there is no message `{name}`", hint="docs/campaigns.md, Messages")
        try:
            return "".join(template.blocks[name](template.new_context(dict(context)))).strip()
        except (TemplateError, ArithmeticError, TypeError, ValueError, PromptError) as error:
            raise PromptError(f"{LIMITED}:1: the message `{name}` cannot be written: {error}") from None

    def _context(self, account: Account, today: date, *, detail: bool) -> dict[str, object]:
        bank = self._bank
        found: dict[str, object] = {
            "bank": {"name": bank.name, "robot": bank.robot, "callback_number": bank.callback_number},
            "customer": {"name": account.customer.name},
            "today": today,
        }
        if not detail:
            return found
        loan, offer = account.loan, account.offer
        found["loan"] = {name: _plain(getattr(loan, name), loan.currency) for name in PRIVATE["loan"]}
        if offer is not None:
            found["offer"] = {name: _plain(getattr(offer, name), offer.currency) for name in PRIVATE["offer"]}
            found["offer"] |= {"rate_percent": offer.rate_percent}  # type: ignore[operator]
        return found


def _plain(value: object, currency: str) -> object:
    return Money(value, currency) if isinstance(value, Decimal) else value


def _checked(text: str, longest: int) -> str:
    if not 0 < len(text) <= longest:
        raise PromptError(f"{LIMITED}:1: a message of {len(text)} characters (1 to {longest})")
    return text


class MessageBook:
    """The messages of every language; a customer's language without messages gets the default one's."""

    def __init__(self, templates: Path, default: str, bank: BankSettings) -> None:
        self._templates, self._default, self._bank = templates, default, bank
        self._read: dict[str, Texts] = {}

    def texts(self, language: str) -> Texts:
        """Read at the first use, kept then. Raises FlowError."""
        known = language if (self._templates / Path(language).name / LIMITED).is_file() else self._default
        if known not in self._read:
            self._read[known] = Texts(self._templates, Path(known).name, self._bank)
        return self._read[known]
