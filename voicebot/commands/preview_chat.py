"""A call typed instead of spoken: the real flow, the real understanding, the real checks; only the sound is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import click

from voicebot.flow.book import FlowBook
from voicebot.flow.checks import CheckInput, EnrolmentInfo, check_done, run_checks
from voicebot.flow.engine import mismatch_warning, start, step
from voicebot.flow.outcomes import outcome
from voicebot.flow.prompts import PromptContext, Prompts
from voicebot.flow.state import FlowState
from voicebot.model.flow import (
    CallStarted,
    Effect,
    Event,
    Heard,
    HungUp,
    Listen,
    NoInput,
    NoMatch,
    RunCheck,
    Say,
    Transfer,
    TransferDone,
)
from voicebot.model.outcome import Outcome
from voicebot.model.speech import Digits, Utterance
from voicebot.model.voice import VoiceDecision, VoiceState
from voicebot.nlu.language import Language, load_language
from voicebot.nlu.understand import understand, understand_keys
from voicebot.settings import Settings

_SCORES = {"match": 0.8, "mismatch": 0.1, "inconclusive": 0.45}


def chat(
    settings: Settings, book: FlowBook, prompts: Prompts, flow: str, context: PromptContext, now: datetime, voice: str
) -> None:
    """Run a flow against the keyboard. Empty is silence, `#` and figures are keys, `/hangup` ends it."""
    language = load_language(settings.paths.templates, settings.paths.flows, prompts.folder.name)
    click.echo("Type what the caller says. Empty: silence. #1234: keys. /hangup: hangs up.\n")
    state = start(book, flow)
    event: Event | None = CallStarted(context.direction)
    while event is not None:
        state, effects = step(book, state, event)
        for effect in effects:
            if isinstance(effect, Say):
                seen = replace(context, verified=state.verified, facts=state.facts)
                click.secho(f"bot:    {prompts.render(state.flow, effect, seen)}", bold=True)
        event = _next(book, state, effects[-1] if effects else None, context, now, voice, language)
    _show(outcome(book, state, hung_up_by="caller" if state.hung_up else "bot"))


def _next(
    book: FlowBook,
    state: FlowState,
    effect: Effect | None,
    context: PromptContext,
    now: datetime,
    voice: str,
    language: Language,
) -> Event | None:
    if isinstance(effect, Listen):
        return _typed(effect, language, context)
    if isinstance(effect, RunCheck):
        given = CheckInput(
            facts=state.facts,
            account=context.account,
            now=now,
            voice=_decision(voice),
            voiceprint_enrolled=voice != "none",
            enrolment=EnrolmentInfo(True, (), 12.0, 5),
            warning=mismatch_warning(book, state),
        )
        done = check_done(run_checks(effect.checks, given))
        click.secho(f"        {', '.join(effect.checks)}: {done.result}", dim=True)
        return done
    if isinstance(effect, Transfer):
        click.secho(f"        transfer ({effect.reason}): nobody there", dim=True)
        return TransferDone(False)
    return None


def _typed(effect: Listen, language: Language, context: PromptContext) -> Event:
    try:
        text = click.prompt("caller", default="", show_default=False, prompt_suffix=": ").strip()
    except (EOFError, click.Abort):
        return HungUp()
    if text == "/hangup":
        return HungUp()
    if not text:
        return NoInput()
    if text.startswith("#"):
        keys = Digits(text[1:], 0.0, 0.0)
        intents = understand_keys(keys.keys, effect.expects, language, context.today)
        return Heard(intents, keys) if intents else NoMatch(keys)
    said = Utterance(text)
    intents = understand(said.hypotheses, effect.expects, language, context.today)
    return Heard(intents, said) if intents else NoMatch(said)


def _decision(voice: str) -> VoiceDecision | None:
    if voice == "none":
        return None
    return VoiceDecision(VoiceState(voice), None, _SCORES[voice], None, 4.0, 0.55, 0.35, "typed", "typed")


def _show(result: Outcome) -> None:
    click.secho(f"\n{result.disposition.value}", reverse=True)
    names = "right_party promise appointment callback_at refusal dispute hardship opt_out needs_human rating"
    for name in names.split():
        value = getattr(result, name)
        if value is not None:
            click.echo(f"  {name}: {value}")
    for item, compared in result.items.items():
        click.echo(f"  {item}: {compared.value}")
    for warning in result.warnings:
        click.echo(f"  {warning.code.value}: {warning.reason}")
