"""A customer who asks for a person, end to end: the bot, the agent's desk phone, the customer's telephone (REFER)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from rich.console import Console

from storage.db import open_store
from tests.calls.conftest import CACHE, SHIPPED
from voicebot.demo.prepare import example_cast
from voicebot.demo.run import DemoPlan, DemoResult, run_demo
from voicebot.settings import load

pytestmark = pytest.mark.timeout(240)
#: The agent's number in the scenarios.
AGENT = "15550109000"


def run(mode: str, folder: Path) -> DemoResult:
    """All scenarios of a folder, one after the other: there is one desk phone."""
    settings = load(environ={})
    agent = settings.agent.model_copy(
        update={"uri": AGENT, "mode": mode, "ring_s": 4.0, "accept_s": 3.0, "company_s": 2.5}
    )
    settings = settings.model_copy(
        update={"agent": agent, "voiceprint": settings.voiceprint.model_copy(update={"enabled": False})}
    )
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / f"transfer-{mode}.log").open("w") as log:
        plan = DemoPlan((folder,), CACHE, parallel=1, cast=example_cast(customers=40))
        return asyncio.run(run_demo(settings, plan, Console(file=log, width=200)))


@pytest.fixture(scope="module")
def attended() -> DemoResult:
    return run("attended", SHIPPED / "transfer")


def row(result: DemoResult, name: str) -> tuple[list[str], int, dict[str, object]]:
    """What was wrong, the attempt's id, and the simulator's measurements of a scenario."""
    found = next(r for r in result.rows if r.listed.scenario == name)
    assert found.stored is not None
    return found.wrong(), found.stored.attempt_id, dict(found.measured or {})


def summary(result: DemoResult, attempt_id: int) -> list[tuple[str | None, str | None, str]]:
    """What the agent heard in a call, as the bank has it: (what became of it, key, words)."""
    with open_store(result.database) as store:
        turns = store.call(attempt_id).turns
    return [(t.event, t.reply_text, t.prompt_text) for t in turns if t.step.startswith("announcements.agent_")]


def test_the_agent_hears_the_summary_takes_the_call_and_both_hear_each_other(attended: DemoResult) -> None:
    wrong, attempt_id, measured = row(attended, "agent_takes_the_call")
    assert wrong == []
    [(event, key, words)] = summary(attended, attempt_id)
    assert (event, key) == ("AgentAccepted", "1")
    assert "would like to speak to a person" in words
    assert "loan" not in words
    assert "confirmed" not in words  # nobody was verified
    who = {line["who"]: line["text"] for line in measured["lines"]}  # type: ignore[attr-defined]
    assert "Laura" in who["agent to customer"]
    assert "human" in who["customer to agent"]


@pytest.mark.parametrize(
    ("scenario", "event"),
    [
        ("agent_declines", "AgentDeclined"),
        ("agent_does_not_answer", None),
    ],
)
def test_nobody_takes_it_and_the_customer_comes_back(attended: DemoResult, scenario: str, event: str | None) -> None:
    wrong, attempt_id, _ = row(attended, scenario)
    assert wrong == []
    assert [told[0] for told in summary(attended, attempt_id)] == ([event] if event else [])


def test_the_customer_is_kept_company(attended: DemoResult) -> None:
    _, attempt_id, _ = row(attended, "agent_does_not_answer")
    with open_store(attended.database) as store:
        steps = [t.step for t in store.call(attempt_id).turns]
    assert "announcements.still_there" in steps


def test_a_blind_transfer() -> None:
    result = run("blind", SHIPPED / "transfer_blind")
    for name in ("agent_gets_the_call", "agent_is_busy"):
        wrong, _, _ = row(result, name)
        assert wrong == [], name
