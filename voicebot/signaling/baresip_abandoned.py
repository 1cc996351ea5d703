"""A call that is given up before anything was answered to its INVITE.

CANCEL may be sent only after an answer (RFC 3261 section 9.1), and the stack (libre 4.10) forgets a call that is hung
up before: the far end, where the INVITE did arrive, would ring on with nobody at this end. So the call is kept until
its first answer comes, 100 included, and hung up then (CANCEL, or BYE where it was answered); without any answer the
stack ends it by itself after 32 s (section 17.1.1.2).
"""

from __future__ import annotations

import asyncio
import contextlib

import baresip

from voicebot.signaling.baresip_answers import Answers

#: The call rang, or was answered.
REACHED = frozenset({baresip.Event.CALL_RINGING, baresip.Event.CALL_PROGRESS, baresip.Event.CALL_ESTABLISHED})


class Abandoned:
    """Nobody needs to keep this object: the call does."""

    def __init__(self, call: baresip.Call, answers: Answers) -> None:
        self._call = call
        self._answers = answers
        self._ending: asyncio.Future[None] | None = None
        call.on(self._on_event)
        answers.when_any(str(call.call_id), self._hang_up)

    def _on_event(self, event: baresip.StackEvent) -> None:
        if event.event is baresip.Event.CALL_CLOSED:
            self._answers.forget(str(self._call.call_id))
        elif event.event in REACHED:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())

    async def _end(self) -> None:
        with contextlib.suppress(baresip.BaresipError):
            await self._call.hangup()
