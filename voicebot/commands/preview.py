"""`voicebot preview`: what a flow would say to a customer, on the screen or spoken."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click
from rich.console import Console
from rich.text import Text

from voicebot.settings import Settings

if TYPE_CHECKING:
    from voicebot.flow.book import FlowBook
    from voicebot.flow.prompts import PromptContext, Prompts
    from voicebot.flow.rehearse import Line
    from voicebot.model.portfolio import Account

#: Silence between prompts in a spoken preview, seconds: about what a short answer takes.
PAUSE_S = 0.8
_STYLES = {"bot": "bold", "caller": "cyan", "check": "dim", "transfer": "dim", "end": "reverse"}


@click.command()
@click.argument("flow")
@click.option("--account", "account_id", required=True, help="Whom it would be said to, such as A-1001.")
@click.option(
    "--path", "path", multiple=True, metavar="STEP=ANSWER", help="Leave the happy path at a step; repeatable."
)
@click.option("--all", "everything", is_flag=True, help="Every prompt in every wording, not one path.")
@click.option("--inbound", is_flag=True, help="As if the customer had called.")
@click.option("--wav", type=click.Path(path_type=Path, dir_okay=False), help="Speak the bot's side into this file.")
@click.option("--chat", is_flag=True, help="Type the answers; they are understood as in a call.")
@click.option(
    "--voice",
    type=click.Choice(["match", "mismatch", "inconclusive", "none"]),
    default="match",
    show_default=True,
    help="With --chat: what the check of the voice says (none: the customer has no voiceprint).",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object per line.")
@click.pass_obj
def preview(
    settings: Settings,
    flow: str,
    account_id: str,
    path: tuple[str, ...],
    everything: bool,
    inbound: bool,
    wav: Path | None,
    chat: bool,
    voice: str,
    as_json: bool,
) -> None:
    """Print, or speak, what FLOW would say to the customer of an account.

    The happy path answers each question with the first answer its `next` names. A word in grey is a check, one in
    colour the caller's answer; a lock shows what is only said once the right party is verified.

    \b
    Examples:
      voicebot preview reminder --account A-1001
      voicebot preview reminder --account A-1001 --path ask_pay=deny --path ask_plan=no_input
      voicebot preview verification --account A-1001 --wav out.wav
      voicebot preview invitation --account A-1003 --all
      voicebot preview reminder --account A-1001 --chat
    """
    from voicebot.flow.loader import load_flows
    from voicebot.flow.prompts import Prompts

    book = load_flows(settings.paths.flows)
    if flow not in book.scripts:
        raise click.BadParameter(f"no flow `{flow}`; there are: {', '.join(book.scripts)}")
    account = _account(settings, account_id)
    prompts = Prompts(settings.paths.templates, account.customer.language)
    now = datetime.now(ZoneInfo(account.customer.timezone))
    context = _context(settings, account, now, inbound)
    if chat:
        from voicebot.commands.preview_chat import chat as talk

        talk(settings, book, prompts, flow, context, now, voice)
        return
    lines = _lines(book, prompts, flow, context, path, everything)
    if as_json:
        for line in lines:
            click.echo(json.dumps(asdict(line)))
    else:
        _print(lines)
    if wav is not None:
        seconds = speak(settings, account.customer.language, [line.text for line in lines if line.who == "bot"], wav)
        click.echo(f"{wav}: {seconds:.1f} s")


def _account(settings: Settings, account_id: str) -> Account:
    from storage.db import open_store

    store = open_store(settings.paths.database)
    try:
        return store.account(account_id)
    finally:
        store.close()


def _context(settings: Settings, account: Account, now: datetime, inbound: bool) -> PromptContext:
    from voicebot.flow.prompts import PromptContext

    return PromptContext(
        bank=settings.bank,
        account=account,
        today=now.date(),
        direction="inbound" if inbound else "outbound",
        recording=settings.telephony.recording,
    )


def _lines(
    book: FlowBook, prompts: Prompts, flow: str, context: PromptContext, path: Sequence[str], everything: bool
) -> list[Line]:
    from voicebot.flow.rehearse import every_prompt, rehearse, sample_facts

    if everything:
        facts = sample_facts(context.account, context.today)
        known = replace(context, facts=facts)
        return list(every_prompt(book, prompts, flow, known))
    chosen: dict[str, list[str]] = {}
    for item in path:
        step, equals, answer = item.partition("=")
        if not (step and equals and answer):
            raise click.BadParameter(f"`{item}` is not STEP=ANSWER", param_hint="--path")
        chosen.setdefault(step, []).extend(answer.split(","))
    return list(rehearse(book, prompts, flow, context, chosen))


def _print(lines: Sequence[Line]) -> None:
    console = Console(highlight=False)
    for line in lines:
        text = Text(f"{'🔒' if line.verified else '  '} {line.who:<8} ", style="dim")
        text.append(f"{line.step:<34} ", style="dim")
        text.append(line.text, style=_STYLES.get(line.who, ""))
        console.print(text, soft_wrap=True)


def speak(settings: Settings, language: str, texts: Sequence[str], path: Path) -> float:
    """Speak texts into one WAV (mono, the telephone's rate, labelled as synthetic), a pause after each; returns its
    seconds."""
    from voicebot.engines.choose import choose_synthesizer
    from voicebot.engines.prompt_cache import PromptCache
    from voicebot.media.wav import WavFile, ai_label
    from voicebot.model.audio import MEDIA_RATE

    synthesizer = choose_synthesizer(settings, language)
    cache = PromptCache(synthesizer, settings.paths.prompt_cache)
    pause = bytes(2 * int(PAUSE_S * MEDIA_RATE))
    sound = b"".join(cache.get(text).pcm16 + pause for text in texts)
    with WavFile(path, 1, MEDIA_RATE, ai_label(synthesizer.name, "a preview")) as file:
        file.write(sound)
    return len(sound) / 2 / MEDIA_RATE
