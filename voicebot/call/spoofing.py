"""Is it a person speaking now? The customer's earlier calls are looked up for it, and this one is kept for the next."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from voicebot.call.kit import Kit
from voicebot.call.reporter import Reporter
from voicebot.call.voice_watch import VoiceWatch
from voicebot.call.workers import run
from voicebot.errors import StorageError
from voicebot.model.portfolio import Account
from voicebot.model.voice import VoiceSketch, VoiceState
from voicebot.voiceprint.replayed import EarlierCalls
from voicebot.voiceprint.sketch import decode
from voicebot.voiceprint.spoof import SpoofWatch, spoof_policy

logger = logging.getLogger(__name__)


async def spoof_watch(kit: Kit, account: Account) -> SpoofWatch | None:
    """Of one call; None where the settings look for nothing."""
    policy = spoof_policy(kit.settings.voiceprint)
    if not policy.replay and not policy.synthetic:
        return None
    earlier = None
    if policy.replay:
        try:
            earlier = await run(kit.workers.storage, _earlier, kit, account.customer.id)
        except StorageError as error:  # a risk signal less, and no reason to lose the call
            logger.warning("the sketches of earlier calls cannot be read: %s", error.code)
    return SpoofWatch(policy, kit.detector, earlier)


def _earlier(kit: Kit, customer_id: str) -> EarlierCalls:
    settings = kit.settings.voiceprint
    kept = kit.store.sketches(customer_id, settings.replay_days)
    return EarlierCalls([decode(sketch.peaks) for sketch in kept[: settings.replay_calls]])


def keep_sketch(kit: Kit, account: Account, voice: VoiceWatch, reporter: Reporter) -> None:
    """After the call: what a recording of it would be recognised by, where the voice was the customer's."""
    spoof, settings = voice.tracker.spoof, kit.settings.voiceprint
    if spoof is None or settings.replay == "off" or voice.decision().state is not VoiceState.MATCH:
        return
    found = spoof.sketch
    if found is not None:
        now = datetime.now(UTC).isoformat(timespec="microseconds")
        sketch = VoiceSketch(account.customer.id, now, found)
        reporter.sketch(sketch, settings.replay_days, settings.replay_calls)
