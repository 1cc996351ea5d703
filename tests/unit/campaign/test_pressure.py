"""Fairness of pressure: a dispute, hardship or complaint empties the queue; only a person opens the case again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.campaign.desk import Bank, open_bank
from voicebot.campaign.dialer_job import Desk, work
from voicebot.campaign.gatekeeper import Gatekeeper
from voicebot.campaign.profiles import load_profiles
from voicebot.campaign.retry import Policy, RetryRules
from voicebot.model.campaign import JobState, Method
from voicebot.model.outcome import Disposition, Outcome

PROFILES = load_profiles(Path(__file__).resolve().parents[3] / "calling_rules")
CASE = "A-1001"


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with open_bank(tmp_path) as found:
        yield found


def desk(bank: Bank) -> Desk:
    """The bank's, with the gate before each call."""
    gate = Gatekeeper(bank.campaigns, PROFILES, "none", (), now=bank.clock)

    async def dial(account_id: str, flow: str, **more: object) -> None:
        gate.admitted(account_id, flow, lambda: 0, **more)  # type: ignore[arg-type]
        await bank.calls.dial(account_id, flow, **more)  # type: ignore[arg-type]

    return Desk(bank.campaigns, bank.pool, dial, Policy(RetryRules()), clock=bank.clock)


def jobs(bank: Bank) -> dict[str, tuple[JobState, str | None]]:
    return {row.plan.key: (row.state, row.state_reason) for row in bank.campaigns.jobs()}


@pytest.mark.parametrize(
    "outcome",
    [
        Outcome(Disposition.DISPUTE, right_party=True, dispute=True),
        Outcome(Disposition.PROMISE_TO_PAY, right_party=True, dispute=True),
        Outcome(Disposition.HARDSHIP, right_party=True, hardship=True),
        Outcome(Disposition.CALLBACK, right_party=True, intents=("complaint",)),
    ],
    ids=["dispute", "dispute beside a promise", "hardship", "complaint"],
)
async def test_the_queue_of_the_case_empties(bank: Bank, outcome: Outcome) -> None:
    at_work = desk(bank)
    bank.calls.outcomes = {CASE: [outcome]}
    first = bank.leased(CASE, key="first")
    await work(at_work, first)
    assert bank.calls.made == [CASE]
    for key in ("second", "third"):
        done = await work(at_work, bank.leased(CASE, key=key))
        assert (done.state, done.reason, done.again) == (JobState.CANCELLED, "stopped", None)
    assert bank.calls.made == [CASE], "nobody is called about this case again"
    assert {state for key, (state, _) in jobs(bank).items() if key != "first"} == {JobState.CANCELLED}


async def test_messages_stop_too_and_a_closed_task_opens_the_case_again(bank: Bank) -> None:
    at_work = desk(bank)
    gate = Gatekeeper(bank.campaigns, PROFILES, "none", (), now=bank.clock)
    bank.calls.outcomes = {CASE: [Outcome(Disposition.DISPUTE, right_party=True, dispute=True)]}
    await work(at_work, bank.leased(CASE, key="first"))
    assert gate.ask(CASE, "reminder", method=Method.SMS).rule == "stopped"
    assert gate.ask(CASE, "reminder", method=Method.EMAIL, by_person=True).rule == "stopped"
    for task in bank.campaigns.tasks():
        bank.campaigns.close_task(task.id, "closed", "settled")
    assert gate.ask(CASE, "reminder").allowed
