"""Lint of what is said: missing prompts, prompts that cannot be rendered, private words before the gate."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal

from voicebot.errors import PromptError
from voicebot.flow.book import Flow, FlowBook
from voicebot.flow.findings import Finding, Where, finding
from voicebot.flow.private_words import PrivateWords
from voicebot.flow.prompts import Block, PromptContext, Prompts
from voicebot.flow.reach import Reach
from voicebot.flow.sandbox import PRIVATE
from voicebot.model.flow import Say
from voicebot.model.portfolio import Account
from voicebot.settings import BankSettings

#: A day and a call like any other; lint needs no clock.
_DAY = date(2026, 1, 15)
_MOMENT = datetime(2026, 1, 20, 15, 30)  # noqa: DTZ001 - the customer's local time, as checks store it
#: Facts a prompt may speak of, all of them known.
_FACTS: dict[str, object] = {
    "purpose": "vehicle",
    "promise_amount": Decimal("123.45"),
    "promise_date": _DAY,
    "appointment_date": _DAY,
    "appointment_time": time(15, 30),
    "appointment_at": _MOMENT,
    "callback_date": _DAY,
    "callback_time": time(9),
    "callback_at": _MOMENT,
    "challenge_digits": "402 917",
    "no_call_windows": "12345 09:00-17:00; 67 18:00-10:00; 1 00:00-00:00",
}
_BANK = BankSettings(debt_notice="A notice.")
#: How a prompt may be asked.
_WAYS = tuple((asked, tone) for asked in (1, 2, 3) for tone in (None, "no_input", "no_match"))


def wrong_prompts(
    book: FlowBook, prompts: Prompts, accounts: Sequence[Account], no_flow: Collection[str]
) -> Iterator[Finding]:
    """Prompts that are missing, never said, or cannot be rendered though everything they may name is known."""
    broken = {f.file for f in prompts.findings}
    for flow in book.flows.values():
        said = {name for step in flow.steps.values() for name in step.say}
        blocks = prompts.blocks(flow.name)
        if prompts.label(flow.name) in broken:
            continue  # what is wrong with the template is already said; its prompts are not known
        for step in flow.steps.values():
            for name in step.say:
                if name not in blocks:
                    where = prompts.label(flow.name)
                    yield finding(
                        step.where, f"the step `{step.name}` says `{name}`: there is no such block in {where}"
                    )
        for name in sorted(blocks.keys() - said):
            yield finding(blocks[name].where, f"no step of `{flow.name}` says the prompt `{name}`", "warning")
    for name in (*book.flows, *no_flow):
        for block in prompts.blocks(name).values():
            yield from _unrenderable(prompts, block, accounts)


def _unrenderable(prompts: Prompts, block: Block, accounts: Sequence[Account]) -> Iterator[Finding]:
    for account in accounts:
        if "offer" in block.names and account.offer is None:
            continue
        context = PromptContext(_BANK, account, _DAY, verified=True, facts=_FACTS)
        try:
            for _ in _texts(prompts, block, context):
                pass
        except PromptError as error:
            yield finding(block.where, error.message.partition(": ")[2] or error.message)
            return


def said_before_verified(book: FlowBook, prompts: Prompts, words: PrivateWords, walked: Reach) -> Iterator[Finding]:
    """Prompts that name the loan, or hold a private word, in steps that can be reached while the gate is closed."""
    for flow_name, step_name in walked.unverified():
        flow = book.flows[flow_name]
        step = flow.steps[step_name]
        for name in step.say:
            block = prompts.blocks(flow_name).get(name)
            if block is not None:
                yield from _leaks(flow, block, step.where, words)
    for name in prompts.folder_flows() - book.flows.keys():
        for block in prompts.blocks(name).values():
            yield from _leaks(None, block, block.where, words)


def _leaks(flow: Flow | None, block: Block, at: Where, words: PrivateWords) -> Iterator[Finding]:
    how = f"can be spoken before the right party is verified ({at})" if flow else "is said to anybody"
    for name in sorted(block.names & PRIVATE.keys()):
        yield finding(block.where, f"the prompt `{block.name}` names `{name}` and {how}")
    for text, where in block.texts:
        for word, lines in words.find(text):
            place = replace(where, line=where.line + lines)
            yield finding(place, f"the prompt `{block.name}` holds the private word `{word}` and {how}")


def _texts(prompts: Prompts, block: Block, context: PromptContext) -> Iterator[str]:
    """The words of a prompt in every way it can be asked that makes a difference to it."""
    ways = _WAYS if block.names & {"asked", "tone"} else _WAYS[:1]
    directions = ("outbound", "inbound") if "direction" in block.names else ("outbound",)
    for asked, tone in ways:
        for direction in directions:
            say = Say(block.name, f"{block.flow}.{block.name}", asked, tone)
            yield prompts.render(block.flow, say, replace(context, direction=direction))
