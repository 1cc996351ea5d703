"""The console's HTTP server: started and stopped by the composition root."""

from __future__ import annotations

import ipaddress
import logging
import secrets
from types import TracebackType
from typing import Self

from aiohttp import web

from voicebot.errors import SettingsError

log = logging.getLogger(__name__)

#: Seconds a running request may take when the server stops.
STOP_S = 2.0


def new_token() -> str:
    """A token for one run, 43 characters (256 bits)."""
    return secrets.token_urlsafe(32)


class ConsoleServer:
    """`async with ConsoleServer(app, address, port) as server:` serves until the block ends. Port 0: any free one."""

    def __init__(self, app: web.Application, address: str, port: int) -> None:
        self._address = address
        self._port = port
        # No access log: a request's line may hold the token, and who looked at whom.
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S)

    @property
    def url(self) -> str:
        """Where it listens, with a slash at the end."""
        host = f"[{self._address}]" if ":" in self._address else self._address
        return f"http://{host}:{self._port}/"

    async def __aenter__(self) -> Self:
        """Listen. Raises SettingsError where the address cannot be bound."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._address, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsError(
                f"[web] {self._address}:{self._port} cannot be listened on ({error.strerror or 'refused'})",
                hint="give another [web] port, or enabled = false",
            ) from None
        self._port = int(self._runner.addresses[0][1])
        if not _loopback(self._address):
            log.warning("the console is reachable from other machines, without TLS: put a TLS proxy before it")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and end the streams."""
        await self._runner.cleanup()


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
