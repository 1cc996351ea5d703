"""`voicebot serve`: answer calls and run campaigns until stopped, with the console beside them."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import click

from voicebot.settings import Settings

#: How long calls that run may go on after the first SIGTERM or Ctrl-C.
DRAIN_S = 120.0


@click.command()
@click.option(
    "--drain", "drain_s", default=DRAIN_S, show_default=True, help="Seconds that running calls get at the end."
)
@click.pass_obj
def serve(settings: Settings, drain_s: float) -> None:
    """Register at the trunk, answer inbound calls, run the campaigns that are started, and show calls live on the
    console.

    Customers who call are known by their number, proved in the flow, and served by the same flows. SIGTERM or Ctrl-C
    ends politely: no new calls, running ones may end by themselves (a second one ends them at once).

    \b
    Examples:
      voicebot serve
      voicebot --settings bank.toml serve --drain 30
    """
    asyncio.run(_serve(settings, drain_s))


async def _serve(settings: Settings, drain_s: float) -> None:
    from voicebot.app import Application, make_console
    from voicebot.commands.stopping import drained, stop_event
    from voicebot.web.live import LiveFeed
    from voicebot.web.server import new_token

    stop = stop_event()
    live = LiveFeed()
    async with AsyncExitStack() as stack:
        application = await stack.enter_async_context(Application(settings, live))
        for note in application.notes:
            click.echo(note)
        if settings.web.enabled:
            token = settings.web.token or new_token()
            console = make_console(settings, live, token, application.trunks, application.traffic)
            server = await stack.enter_async_context(console)
            shown = f"?token={token}" if not settings.web.token else ""
            click.echo(f"console: {server.url}{shown}")
        dialing = asyncio.create_task(application.dialer().run()) if _campaigns_can_run(settings) else None
        if dialing is None:
            click.echo("no campaigns are run: campaign.reserve_lines keeps every line for inbound calls")
        telephony = settings.telephony
        click.echo(f"answering calls on {telephony.address}:{telephony.port}, at most {telephony.max_calls} at a time")
        await stop.wait()
        click.echo(f"stopping: {application.supervisor.live} call(s) may end by themselves within {drain_s:g} s")
        application.stop_dialing()
        await drained(application.supervisor, stop, drain_s)
        if dialing is not None:
            await dialing


def _campaigns_can_run(settings: Settings) -> bool:
    """All lines may be kept for inbound calls: then campaigns are run by another process, or not at all."""
    return settings.telephony.max_calls > settings.campaign.reserve_lines
