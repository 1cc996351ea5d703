"""Campaigns for tests: customers, a campaign that runs, its jobs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from storage.campaign import SqliteCampaignStore
from voicebot.model.campaign import CampaignKind, CampaignRow, CampaignState, Job, Method, NewJob


def running(
    store: SqliteCampaignStore,
    campaign_id: str = "spring",
    flow: str = "reminder",
    profile: str = "none",
    kind: CampaignKind = CampaignKind.FOLLOW_UP,
) -> str:
    """A campaign that runs, without jobs."""
    now = datetime.now(UTC)
    store.add_campaign(CampaignRow(campaign_id, campaign_id, kind, flow, profile, "text", "sha", now))
    store.set_campaign_state(campaign_id, CampaignState.RUNNING, "test", now)
    return campaign_id


def job(account: str, campaign_id: str = "spring", method: Method = Method.PHONE, **more: object) -> NewJob:
    """Due since a minute ago."""
    now = datetime.now(UTC)
    plan: dict[str, object] = {
        "campaign_id": campaign_id,
        "account_id": account,
        "customer_id": account.replace("A-", "C-"),
        "method": method,
        "flow": "reminder",
        "rule": "rule",
        "key": "rule:2026-12-01",
        "not_before": now - timedelta(minutes=1),
        **more,
    }
    return NewJob(**plan)  # type: ignore[arg-type]


def by_account(jobs: Sequence[Job]) -> dict[str, Job]:
    """Each account's job."""
    return {row.plan.account_id: row for row in jobs}
