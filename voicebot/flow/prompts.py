"""Prompts: the blocks of a language's templates, rendered in the sandbox.

The gate is structural: `loan`, `offer`, `notice` and `said` enter the context only while the right party is verified,
so a prompt that names one of them earlier cannot be rendered (StrictUndefined).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path

from jinja2 import Template, TemplateError, nodes

from voicebot.errors import FlowError, PromptError
from voicebot.flow.findings import Finding, Where, finding, raise_all
from voicebot.flow.sandbox import OPEN, PRIVATE, PromptEnvironment, parse
from voicebot.flow.spoken import Money, Spoken, load_spoken
from voicebot.model.flow import Say
from voicebot.model.portfolio import Account
from voicebot.settings import BankSettings

#: A prompt longer than this is no prompt: some 40 s of speech.
MAX_CHARS = 600
_TAG = re.compile(r"<[^<>]{0,200}>")
#: Marks no synthesizer reads well, and the kinds of character that are no writing (control, format, pictures).
_MARKS = frozenset('<>[]{}|\\^~=*#`_@"')
_NOT_WRITING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "So", "Sk"})


@dataclass(frozen=True, slots=True)
class PromptContext:
    """What prompts may speak of. `verified`: as the flow's state says at the moment of speaking."""

    bank: BankSettings
    account: Account | None
    today: date
    verified: bool = False
    facts: Mapping[str, object] = field(default_factory=dict)
    direction: str = "outbound"
    recording: bool = True


@dataclass(frozen=True, slots=True)
class Block:
    """A prompt as the template has it. `names`: the variables it names; `texts`: its literal parts with their lines."""

    flow: str
    name: str
    where: Where
    names: frozenset[str]
    texts: tuple[tuple[str, Where], ...]

    @property
    def private(self) -> bool:
        """True where it names what only the verified right party may hear."""
        return bool(self.names & PRIVATE.keys())


class Prompts:
    """All templates of a language: scripts_templates/<language>/**/<flow>.j2."""

    def __init__(self, templates: Path, language: str, *, strict: bool = True) -> None:
        """Raises FlowError that lists every problem (with `strict` False they are only in `findings`)."""
        self.folder = templates / language
        if not self.folder.is_dir():
            raise FlowError(f"{self.folder}:1: there are no templates for the language `{language}`")
        self.spoken = Spoken(load_spoken(self.folder / "spoken.yaml"))
        self._environment = PromptEnvironment(self.spoken)
        self._templates: dict[str, Template] = {}
        self._labels: dict[str, str] = {}
        self._blocks: dict[str, dict[str, Block]] = {}
        digest = hashlib.sha256((self.folder / "spoken.yaml").read_bytes())
        found: list[Finding] = []
        for path in sorted(self.folder.rglob("*.j2")):
            label = str(Path(templates.name) / language / path.relative_to(self.folder))
            source = path.read_text(encoding="utf-8", errors="replace")
            digest.update(source.encode())
            found += self._add(path.stem, source, label)
        self.findings = tuple(found)
        self.digest = digest.hexdigest()[:12]
        if strict:
            raise_all(self.findings)

    def _add(self, flow: str, source: str, label: str) -> list[Finding]:
        if flow in self._blocks:
            return [finding(Where(label, 1), f"the flow `{flow}` already has {self._labels[flow]}")]
        tree, found = parse(self._environment, source, label)
        self._labels[flow] = label
        self._blocks[flow] = {}
        if tree is None or found:
            return found
        self._templates[flow] = self._environment.from_string(source)
        self._blocks[flow] = {b.name: _block(flow, b, label) for b in tree.find_all(nodes.Block)}
        return found

    def blocks(self, flow: str) -> Mapping[str, Block]:
        """A flow's prompts by name; empty where it has no template."""
        return self._blocks.get(flow, {})

    def folder_flows(self) -> set[str]:
        """Names of the flows that have a template (or would, where the flow is missing)."""
        return set(self._blocks)

    def label(self, flow: str) -> str:
        """The template's file, for messages."""
        return self._labels.get(flow, f"{self.folder.parent.name}/{self.folder.name}/{flow}.j2")

    def block(self, flow: str, prompt: str) -> Block | None:
        """A prompt, "flow.block" or (of `flow`) "block"."""
        owner, name = _split(flow, prompt)
        return self.blocks(owner).get(name)

    def render(self, flow: str, say: Say, context: PromptContext) -> str:
        """The words of a prompt, ready to be spoken. `flow` is used where `say.prompt` names none.
        Raises PromptError where the prompt is missing, names what it may not know (yet), or is too long or empty."""
        owner, name = _split(flow, say.prompt)
        block = self.blocks(owner).get(name)
        if block is None:
            raise PromptError(f"{self.label(owner)}:1: there is no prompt `{name}`", hint="run `voicebot check`")
        template = self._templates[owner]
        try:
            inner = template.new_context(_context(say, context))
            text = "".join(template.blocks[name](inner))
        except (TemplateError, ArithmeticError, TypeError, ValueError, PromptError) as error:
            raise PromptError(f"{block.where}: the prompt `{name}` cannot be rendered: {error}") from None
        text = clean(text)
        if not text or len(text) > MAX_CHARS:
            raise PromptError(f"{block.where}: the prompt `{name}` has {len(text)} characters (1 to {MAX_CHARS})")
        return text

    def static_texts(self, prompts: Iterable[str], context: PromptContext) -> tuple[str, ...]:
        """The words of those of `prompts` ("flow.block") that are known now, each as first asked and as asked again,
        without repetition: what is worth speaking into the cache before the call. Private ones only where the
        context is verified."""
        texts: dict[str, None] = {}
        for prompt in prompts:
            for asked, tone in ((1, None), (2, "no_input"), (2, "no_match"), (2, None)):
                try:
                    texts[self.render("", Say(prompt, prompt, asked, tone), context)] = None
                except PromptError:
                    break
        return tuple(texts)


def clean(text: str) -> str:
    """Text as a synthesizer can take it: no markup, no control or odd characters, single spaces."""
    text = _TAG.sub(" ", unicodedata.normalize("NFC", text))
    text = "".join(" " if c in _MARKS or unicodedata.category(c) in _NOT_WRITING else c for c in text)
    text = " ".join(text.split())
    return re.sub(r"\s+([.,;:!?])", r"\1", text)


def _split(flow: str, prompt: str) -> tuple[str, str]:
    owner, dot, name = prompt.partition(".")
    return (owner, name) if dot else (flow, prompt)


def _block(flow: str, node: nodes.Block, label: str) -> Block:
    names = frozenset(n.name for n in node.find_all(nodes.Name) if n.name in OPEN or n.name in PRIVATE)
    texts = [(t.data, Where(label, t.lineno or node.lineno)) for t in node.find_all(nodes.TemplateData)]
    texts += [(str(c.value), Where(label, c.lineno or node.lineno)) for c in node.find_all(nodes.Const)]
    return Block(flow, node.name, Where(label, node.lineno), names, tuple(texts))


def _context(say: Say, context: PromptContext) -> dict[str, object]:
    """Plain data only: tables of text, numbers, days, times and money."""
    bank = context.bank
    variables: dict[str, object] = {
        "bank": {"name": bank.name, "robot": bank.robot, "callback_number": bank.callback_number},
        "callback": _facts(context, "callback_", OPEN["callback"]),
        "challenge": _facts(context, "challenge_", OPEN["challenge"]),
        "no_call": _facts(context, "no_call_", OPEN["no_call"]),
        "asked": say.asked,
        "tone": say.tone,
        "direction": context.direction,
        "today": context.today,
        "recording": context.recording,
    }
    account = context.account
    if account is not None:
        variables["customer"] = {"name": account.customer.name}
    if not context.verified or account is None:
        return variables
    loan, offer = account.loan, account.offer
    variables["loan"] = {name: _plain(getattr(loan, name), loan.currency) for name in PRIVATE["loan"]}
    if offer is not None:
        variables["offer"] = {name: _plain(getattr(offer, name), offer.currency) for name in PRIVATE["offer"]}
        variables["offer"] |= {"rate_percent": offer.rate_percent}  # type: ignore[operator]
    variables["notice"] = {"debt": bank.debt_notice}
    variables["said"] = _facts(context, "", PRIVATE["said"])
    return variables


def _facts(context: PromptContext, prefix: str, names: Iterable[str]) -> dict[str, object]:
    currency = context.account.loan.currency if context.account else ""
    found = {name: context.facts.get(f"{prefix}{name}") for name in names}
    return {name: _plain(value, currency) for name, value in found.items() if value is not None}


def _plain(value: object, currency: str) -> object:
    if isinstance(value, Decimal):
        return Money(value, currency)
    return value if isinstance(value, str | int | date | datetime | time) else str(value)
