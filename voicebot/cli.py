"""The command line. Each command lives in voicebot/commands and is imported when it is used: `--help` is instant."""

from __future__ import annotations

import importlib
import logging
import sys
from pathlib import Path

import click

from voicebot import __version__
from voicebot.errors import VoicebotError

#: name -> (module, attribute, one line for --help)
COMMANDS: dict[str, tuple[str, str, str]] = {
    "demo": ("demo", "demo", "Run the main job: real calls on loopback, both sides speaking."),
    "bench": ("bench", "bench", "Measure at the callers' ears how it holds when several talk at once."),
    "serve": ("serve", "serve", "Answer calls until stopped; console and API on HTTP."),
    "dial": ("dial", "dial", "Call customers and run a flow."),
    "check": ("check", "check", "Check flows and templates before any customer hears them."),
    "preview": ("preview", "preview", "Print, or speak, what a flow would say."),
    "models": ("models", "models", "List, fetch and check the models."),
    "enrol": ("enrol", "enrol", "Enrol a customer's voice from recordings."),
    "voiceprint": ("voiceprint", "voiceprint", "Measure or calibrate the check of the speaker."),
    "portfolio": ("portfolio", "portfolio", "Import customers and loans."),
    "campaign": ("campaign", "campaign", "Plan and run campaigns within the rules of calling."),
    "retention": ("retention", "retention", "Remove records whose time is over; keep what must be kept."),
    "calls": ("calls", "calls", "List the attempts, show one with its turns."),
    "score": ("score", "score", "What the outcomes mean: cases, collectors, warnings, tags, performance, risk."),
    "report": ("report", "report", "Write a day's performance, warnings, assignment and case classes as a page."),
}

EXIT_ERROR = 2


class _Commands(click.Group):
    """Imports a command's module only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command: click.Command = getattr(importlib.import_module(f"voicebot.commands.{module}"), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From the table above: nothing is imported for the overview."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, _, line) in COMMANDS.items()])


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--settings", "settings_file", type=click.Path(path_type=Path), help="TOML file (default: voicebot.toml)."
)
@click.option("-v", "--verbose", count=True, help="Log more; -vv for everything.")
@click.version_option(__version__, prog_name="voicebot")
@click.pass_context
def cli(ctx: click.Context, settings_file: Path | None, verbose: int) -> None:
    """A bank's post-loan voicebot: calls customers over SIP, knows their voice, leaves one outcome per attempt.

    \b
    Examples:
      voicebot demo
      voicebot check
      voicebot preview reminder --account A-1001 --wav out.wav
      voicebot calls list
    """
    from voicebot.settings import load

    logging.basicConfig(
        level=[logging.WARNING, logging.INFO, logging.DEBUG][min(verbose, 2)],
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    ctx.obj = load(settings_file)


def main() -> None:
    """Entry point of `voicebot`: errors raised on purpose become one message and exit status 2."""
    try:
        cli(standalone_mode=True)
    except VoicebotError as error:
        click.echo(f"voicebot: {error}", err=True)
        sys.exit(EXIT_ERROR)


if __name__ == "__main__":
    main()
