"""`voicebot campaign`: who is called, when, how often, by which rule."""

from __future__ import annotations

import click

from voicebot.commands.campaign_decisions import decisions, replay
from voicebot.commands.campaign_plan import check, plan, redraw
from voicebot.commands.campaign_run import dial, run
from voicebot.commands.campaign_state import pause, resume, start, status, stop
from voicebot.commands.campaign_tasks import assign, close, tasks, transfer


@click.group()
def campaign() -> None:
    """Plan and run campaigns, see whom the rules of calling allow to be called, and why not."""


for _command in (
    check,
    plan,
    redraw,
    start,
    run,
    status,
    pause,
    resume,
    stop,
    dial,
    decisions,
    replay,
    tasks,
    assign,
    transfer,
    close,
):
    campaign.add_command(_command)
