"""Who does not want to be recorded: at once in this call, and in every later one (rules.md, section 6)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime

from voicebot.call.kit import Kit
from voicebot.call.reporter import Reporter
from voicebot.call.spoken_consent import spoken
from voicebot.call.workers import run
from voicebot.media.recorder import Recorder
from voicebot.model.portfolio import Account

logger = logging.getLogger(__name__)

PURPOSE = "recording"
#: The fact in which the flows keep that it was refused.
REFUSED = "recording_refused"


async def may_record(kit: Kit, account: Account | None) -> bool:
    """Is this call recorded? Not where the settings say no, or this customer did in an earlier call (and has not agreed
    since). Raises StorageError."""
    if not kit.settings.telephony.recording or account is None:
        return kit.settings.telephony.recording
    consent = await run(kit.workers.storage, kit.store.consent, account.customer.id, PURPOSE)
    return consent is None or consent.granted is not False


class RecordingRefusal:
    """One per call: stops the recorder as soon as the flow knows that the caller refused, and stores the refusal."""

    def __init__(self, kit: Kit, account: Account | None, reporter: Reporter, recorder: Recorder | None) -> None:
        self._kit = kit
        self._account = account
        self._reporter = reporter
        self._recorder = recorder
        self._done = False

    def facts(self, facts: Mapping[str, object], step: str, t: float, now: datetime) -> None:
        """A Keeper: looks at the flow's facts after each step."""
        if self._done or facts.get(REFUSED) is not True:
            return
        self._done = True
        if self._recorder is not None:
            self._recorder.stop(t)
        logger.info("the caller does not want to be recorded: the recording stops", extra={"step": step})
        if self._account is None:
            return
        self._reporter.consent(spoken(self._kit, self._account, PURPOSE, False, step, t, now))
