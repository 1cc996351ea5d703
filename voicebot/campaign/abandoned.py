"""The meter of abandoned calls: a campaign in which too many answered calls heard nobody in time stops by itself."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from voicebot.campaign.profiles import Profile
from voicebot.errors import DialForbidden
from voicebot.model.campaign import CampaignState
from voicebot.model.ports_campaign import CampaignStore

logger = logging.getLogger(__name__)

RULE = "abandoned_calls"
#: So long a count holds (a call takes longer), and for each answered call so much more: the share of many moves slowly.
_FRESH, _FRESH_EACH = timedelta(seconds=10), timedelta(milliseconds=1)
#: When the job that was refused may be looked at again; its campaign is paused by then.
_AGAIN = timedelta(minutes=1)


class AbandonMeter:
    """Asked before each call of a campaign. Blocking; the caller's thread."""

    def __init__(self, store: CampaignStore) -> None:
        self._store = store
        self._holds: dict[str, tuple[datetime, datetime]] = {}

    def check(self, campaign_id: str, profile: Profile, at: datetime) -> None:
        """Raises DialForbidden, and pauses the campaign with a task for a person, where its share is reached. Whoever
        resumes it is stopped again as long as it is."""
        rule = profile.abandoned
        if rule is None:
            return
        since, until = self._holds.get(campaign_id, (at, at))
        if since <= at < until:
            return
        found = self._store.answered(campaign_id, at - timedelta(days=rule.days), rule.within_s)
        share = rule.share(found)
        if share < rule.max:
            self._holds[campaign_id] = at, at + max(_FRESH, found.people * _FRESH_EACH)
            return
        self._holds.pop(campaign_id, None)
        reason = (
            f"{found.abandoned} of {found.people} answered calls of {rule.days} days heard nobody within "
            f"{rule.within_s:g} s: {share:.1%}, the limit is {rule.max:.1%}"
        )
        logger.error("a campaign stops: too many answered calls heard nobody in time", extra={"campaign": campaign_id})
        if self._store.campaign(campaign_id).state is CampaignState.RUNNING:
            self._store.set_campaign_state(campaign_id, CampaignState.PAUSED, reason, at)
        key = f"abandoned {campaign_id} {at.date().isoformat()}"
        self._store.add_task("review", f"campaign {campaign_id}: {reason}", key, at)
        raise DialForbidden(reason, hint="nobody was called; the campaign is paused", rule=RULE, retry_at=at + _AGAIN)
