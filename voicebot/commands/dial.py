"""`voicebot dial`: call customers now."""

from __future__ import annotations

import asyncio
import json
import sys

import click

from voicebot.errors import VoicebotError
from voicebot.settings import Settings


@click.command()
@click.argument("flow")
@click.argument("accounts", nargs=-1, required=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line and attempt.")
@click.option("--quiet", is_flag=True, help="Do not print what is said.")
@click.pass_obj
def dial(settings: Settings, flow: str, accounts: tuple[str, ...], as_json: bool, quiet: bool) -> None:
    """Call the customers of ACCOUNTS, one after the other, and run FLOW.

    Prints both sides live. Ctrl-C ends the running call politely and stores its outcome. Exit status: 0 when every
    attempt has an outcome other than TECHNICAL_FAILURE, else 1.

    \b
    Examples:
      voicebot dial verification A-1001
      voicebot dial reminder A-1001 A-1002 --json
    """
    from voicebot.app import Application
    from voicebot.commands.screen import Screen

    async def run() -> bool:
        screen = None if quiet or as_json else Screen()
        async with Application(settings, screen) as application:
            if flow not in application.kit.book.scripts:
                raise click.BadParameter(f"no flow `{flow}`; there are: {', '.join(application.kit.book.scripts)}")
            good = True
            for account in accounts:
                try:
                    result = await application.supervisor.dial(account, flow, by_person=True)
                except VoicebotError as error:
                    click.echo(f"{account}: {error}", err=True)
                    good = False
                    continue
                good = good and result.outcome.error is None
                if as_json:
                    row = {"attempt": result.attempt_id, "account": account, "disposition": result.outcome.disposition}
                    click.echo(json.dumps(row))
            return good

    try:
        sys.exit(0 if asyncio.run(run()) else 1)
    except KeyboardInterrupt:
        click.echo("stopped; the running call was ended and its outcome stored", err=True)
        sys.exit(130)
