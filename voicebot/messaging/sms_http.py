"""Short messages by an HTTP gateway: POST of JSON {to, from, text, id}, the id also as Idempotency-Key."""

from __future__ import annotations

from urllib.parse import urlsplit

import aiohttp

from voicebot.errors import MessageError, SettingsError
from voicebot.messaging.loopback import on_this_machine
from voicebot.settings import SmsSettings

HINT = "look at [sms] in the settings and at the gateway's log"
#: The gateway has not taken it and may later: too many requests, not available.
_LATER = frozenset({429, 503})


class HttpSmsSender:
    """The port SmsSender. Raises SettingsError where messages would cross a network in the clear."""

    def __init__(self, settings: SmsSettings) -> None:
        self._settings = settings
        parts = urlsplit(settings.url)
        if parts.scheme == "http" and not on_this_machine(parts.hostname or ""):
            raise SettingsError(f"sms.url: {parts.hostname} is another machine", hint="use https://")

    async def send(self, number: str, text: str, message_id: str) -> str:
        """See SmsSender."""
        settings = self._settings
        headers = {"Idempotency-Key": message_id}
        if settings.token:
            headers["Authorization"] = f"Bearer {settings.token}"
        body = {"to": number, "from": settings.sender, "text": text, "id": message_id}
        timeout = aiohttp.ClientTimeout(total=settings.timeout_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
                session.post(settings.url, json=body, headers=headers, allow_redirects=False) as answer,
            ):
                said = (await answer.content.read(4096)).decode(errors="replace")
                return _judged(answer.status, said)
        except aiohttp.ClientConnectorError as error:
            kind = type(error).__name__
            raise MessageError(f"the SMS gateway cannot be reached: {kind}", hint=HINT, again=True) from None
        except (aiohttp.ClientError, TimeoutError) as error:
            kind = type(error).__name__
            raise MessageError(f"the SMS gateway did not answer: {kind}", hint=HINT, unknown=True) from None


def _judged(status: int, said: str) -> str:
    if 200 <= status < 300:
        return f"{status} {said}"[:200]
    if status in _LATER:
        raise MessageError(f"the SMS gateway is busy: {status}", hint=HINT, again=True)
    if status >= 500:  # it failed somewhere on the way
        raise MessageError(f"the SMS gateway failed: {status}", hint=HINT, unknown=True)
    raise MessageError(f"the SMS gateway refused: {status}", hint=HINT)
