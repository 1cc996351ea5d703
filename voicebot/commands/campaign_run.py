"""`voicebot campaign run|dial`: call now, from this process, with its own trunk."""

from __future__ import annotations

import asyncio
import logging
import sys
from typing import TYPE_CHECKING

import click

from voicebot.commands.campaign_state import open_campaigns
from voicebot.errors import CampaignError
from voicebot.model.campaign import CampaignState, JobState
from voicebot.settings import Settings

if TYPE_CHECKING:
    from voicebot.campaign.dialer_job import Done

logger = logging.getLogger(__name__)

#: How long calls that run may go on after the first Ctrl-C or SIGTERM.
DRAIN_S = 120.0


@click.command()
@click.argument("campaign_ids", nargs=-1, metavar="[ID]...")
@click.option("--until-done", is_flag=True, help="End when no job is left, and not only when stopped.")
@click.option(
    "--drain", "drain_s", default=DRAIN_S, show_default=True, help="Seconds that running calls get at the end."
)
@click.pass_obj
def run(settings: Settings, campaign_ids: tuple[str, ...], until_done: bool, drain_s: float) -> None:
    """Run the campaigns ID (none given: all that are running) now, and show what comes of each call.

    Takes inbound calls too, as `voicebot serve` does (which runs campaigns as well: use one of the two). Ctrl-C ends
    politely: no new calls, running ones may end by themselves; a second one ends them at once. What is not done stays
    planned.

    \b
    Examples:
      voicebot campaign run
      voicebot campaign run reminders --until-done
    """
    asyncio.run(_run(settings, frozenset(campaign_ids), until_done, drain_s))


async def _run(settings: Settings, only: frozenset[str], until_done: bool, drain_s: float) -> None:
    from voicebot.app import Application
    from voicebot.commands.stopping import drained, stop_event

    _all_can_run(settings, only)
    stop = stop_event()
    async with Application(settings) as application:
        for note in application.notes:
            click.echo(note)
        dialer = application.dialer(show)
        click.echo(f"dialing, at most {settings.telephony.max_calls - settings.campaign.reserve_lines} calls at a time")
        dialing = asyncio.create_task(dialer.run(only or None, until_done=until_done))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({dialing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if asked := stop.is_set():
            dialer.stop()
            click.echo(f"stopping: {dialer.running} job(s) may end by themselves within {drain_s:g} s")
            await drained(application.supervisor, stop, drain_s)
        stopped.cancel()
        await dialing
        if asked:
            click.echo("stopped: what was not called stays planned, what was cut short is a person's (campaign tasks)")


def _all_can_run(settings: Settings, only: frozenset[str]) -> None:
    """Raises CampaignError where one of the named campaigns is not running: nothing would ever be called."""
    with open_campaigns(settings) as store:
        rows = [store.campaign(campaign_id) for campaign_id in sorted(only)]
    wrong = [f"{row.id} is {row.state.value}" for row in rows if row.state is not CampaignState.RUNNING]
    if wrong:
        raise CampaignError(f"not running: {', '.join(wrong)}", hint="voicebot campaign start ID")


def show(done: Done) -> None:
    """A line a job: no names, no numbers."""
    plan = done.job.plan
    words = f"{plan.campaign_id}  job {done.job.id}  {plan.account_id}  {plan.method.value}  {done.reason}"
    if done.state is JobState.PENDING and done.again is not None:
        words += f"  again {done.again:%Y-%m-%d %H:%M} UTC"
    elif done.state is not JobState.DONE:
        words += f"  {done.state.value}"
    click.echo(words)


@click.command()
@click.argument("job_id", type=int, metavar="JOB")
@click.option("--by", "agent", required=True, metavar="AGENT", help="Whose word it is (an id of the imported agents).")
@click.pass_obj
def dial(settings: Settings, job_id: int, agent: str) -> None:
    """Send the robot to call JOB's customer now, on an agent's word (document Q, Q2d).

    Neither the job's time nor a pause of its campaign counts, nor that a person has the case; the rules of calling do.
    Exit status 0 where the call was made.

    \b
    Example:
      voicebot campaign dial 17 --by AG-3
    """
    sys.exit(0 if asyncio.run(_dial(settings, job_id, agent)) else 1)


async def _dial(settings: Settings, job_id: int, agent: str) -> bool:
    from voicebot.app import Application
    from voicebot.campaign.dialer_job import work

    with open_campaigns(settings) as store:
        people = {person.id: person for person in store.agents()}
    if agent not in people or not people[agent].in_service:
        raise CampaignError(f"there is no agent {agent} in service", hint="import the bank's people (docs/database.md)")
    async with Application(settings) as application:
        desk = application.desk()
        job = await asyncio.to_thread(application.campaigns.lease_job, job_id, desk.clock())
        logger.info("an agent sent the robot", extra={"job": job_id, "pii.agent": agent})
        done = await work(desk, job, by_person=True)
    show(done)
    return done.ending is not None
