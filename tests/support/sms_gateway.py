"""An HTTP gateway for short messages on this machine, that keeps what it got and answers as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web


@dataclass(slots=True)
class Gateway:
    """`answers`: what the next messages get: a status, or "hangs" (no answer) or "breaks" (the connection ends); 202
    where nothing is said. `got`: their bodies and headers."""

    url: str = ""
    answers: list[int | str] = field(default_factory=list)
    got: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: web.Request) -> web.StreamResponse:
        """One POST."""
        self.got.append(await request.json())
        self.headers.append(dict(request.headers))
        answer = self.answers.pop(0) if self.answers else 202
        if answer == "hangs":
            await asyncio.sleep(60)
        if answer == "breaks":
            assert request.transport is not None
            request.transport.abort()
        status = answer if isinstance(answer, int) else 200
        return web.json_response({"id": f"m-{len(self.got)}"}, status=status)


@asynccontextmanager
async def sms_gateway() -> AsyncIterator[Gateway]:
    """Running on a free port until the block ends."""
    gateway, app = Gateway(), web.Application()
    app.router.add_post("/messages", gateway.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert runner.addresses
    gateway.url = f"http://127.0.0.1:{runner.addresses[0][1]}/messages"
    try:
        yield gateway
    finally:
        await runner.cleanup()
