"""The far end puts us on hold (RFC 3264 section 8.4) and comes back: told to the line, and bounded."""

from __future__ import annotations

import asyncio
import logging

from voicebot.model.ports import CallLeg

logger = logging.getLogger(__name__)


class Hold:
    """One leg's hold by the far end. `longest_s`: after so long the call is ended (None: never)."""

    def __init__(self, leg: CallLeg, longest_s: float | None) -> None:
        self._leg = leg
        self._longest_s = longest_s
        self._since: float | None = None
        self._ending: asyncio.Task[None] | None = None
        #: Seconds of sound in the send queue when it was looked at last: the stack throws it away with the stream.
        self.queued_s = 0.0

    @property
    def on(self) -> bool:
        """True while the far end holds us."""
        return self._since is not None

    def look(self, t: float) -> bool:
        """Look at the leg, `t` seconds from the answer; True where a hold has just begun."""
        if not self._leg.held:
            if self._since is not None:
                logger.info("the far end is back after %.1f s", t - self._since)
            self._since = None
            return False
        begins = self._since is None
        if self._since is None:
            self._since = t
        elif self._longest_s is not None and t - self._since > self._longest_s and self._ending is None:
            logger.info("the far end held us for too long")
            self._ending = asyncio.get_running_loop().create_task(self._leg.hang_up())
        return begins
