"""The console as an aiohttp application. It only reads; everything personal is behind the token (access.py)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TypeVar

from aiohttp import web
from aiohttp.typedefs import Handler
from markupsafe import Markup

from voicebot.errors import StorageError
from voicebot.model.outcome import Disposition
from voicebot.model.trunk import Traffic, TrunkState
from voicebot.web.access import add_headers, require_token
from voicebot.web.live import LiveEvent, LiveFeed, Watcher
from voicebot.web.plain import record, summary
from voicebot.web.reading import CallReader, CallRecord
from voicebot.web.render import HERE, pages
from voicebot.web.view import facts, timeline
from voicebot.web.voice_plot import svg, voice_shapes

T = TypeVar("T")

DEFAULT_LIMIT, MAX_LIMIT = 50, 500
#: A comment every so many seconds keeps proxies from closing the stream; a write that takes longer ends it.
KEEP_ALIVE_S, WRITE_S = 15.0, 10.0


async def no_traffic() -> Traffic:
    """Where nobody counts."""
    return Traffic()


def make_app(
    reader: CallReader,
    live: LiveFeed,
    token: str,
    recordings: Path,
    trunks: Callable[[], Sequence[TrunkState]] = tuple,
    traffic: Callable[[], Awaitable[Traffic]] = no_traffic,
) -> web.Application:
    """The application. `reader`: blocking, used from threads of its own; `recordings`: the folder of the attempts'
    recordings; `trunks`: how they are now; `traffic`: what comes in, and what is turned away. Raises SettingsError
    where the token is too short."""
    console = Console(reader, live, recordings, trunks, traffic)
    app = web.Application(middlewares=[require_token(token), console.errors])
    app.on_response_prepare.append(add_headers)
    app.on_shutdown.append(console.shutdown)
    app.on_cleanup.append(console.cleanup)
    attempt = r"{attempt_id:\d{1,15}}"
    app.add_routes(
        [
            web.get("/healthz", console.health),
            web.get("/", console.list_page),
            web.get(f"/attempts/{attempt}", console.attempt_page),
            web.get(f"/recordings/{attempt}.wav", console.recording),
            web.get("/api/attempts", console.list_api),
            web.get(f"/api/attempts/{attempt}", console.attempt_api),
            web.get("/api/live", console.stream),
            web.get("/api/carriers", console.carriers),
            web.static("/static", HERE / "static"),
        ]
    )
    return app


class Console:
    """The handlers."""

    def __init__(
        self,
        reader: CallReader,
        live: LiveFeed,
        recordings: Path,
        trunks: Callable[[], Sequence[TrunkState]],
        traffic: Callable[[], Awaitable[Traffic]],
    ) -> None:
        self._reader = reader
        self._trunks = trunks
        self._traffic = traffic
        self._live = live
        self._recordings = recordings
        self._pages = pages()
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="console")

    async def shutdown(self, app: web.Application) -> None:
        """End the streams."""
        del app
        self._live.close()

    async def cleanup(self, app: web.Application) -> None:
        """Free the threads."""
        del app
        self._threads.shutdown(wait=False, cancel_futures=True)

    @web.middleware
    async def errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A database that cannot be read is 503, without a word about what is in it."""
        try:
            return await handler(request)
        except StorageError as error:
            raise web.HTTPServiceUnavailable(text=f"503: the database cannot be read ({error.code})\n") from None

    async def health(self, request: web.Request) -> web.Response:
        """Alive, how many calls run, and how the trunks are."""
        del request
        trunks = [{name: getattr(t, name) for name in ("name", "healthy", "registered")} for t in self._trunks()]
        return web.json_response({"status": "ok", "calls": self._live.calls, "trunks": trunks})

    async def list_page(self, request: web.Request) -> web.Response:
        """The newest attempts as a table, and what is said now."""
        limit, disposition = _limit(request), _disposition(request)
        calls = await self._read(partial(self._reader.calls, limit, disposition))
        shown = {"dispositions": list(Disposition), "trunks": self._trunks(), "traffic": await self._traffic()}
        return self._page("calls.html.j2", calls=calls, chosen=disposition, limit=limit, **shown)

    async def list_api(self, request: web.Request) -> web.Response:
        """The newest attempts as JSON."""
        calls = await self._read(partial(self._reader.calls, _limit(request), _disposition(request)))
        return web.json_response({"attempts": [summary(call) for call in calls]})

    async def carriers(self, request: web.Request) -> web.Response:
        """The trunks, who sends us requests and what is left of their allowance, and what was turned away, as JSON."""
        del request
        trunks = [asdict(trunk) for trunk in self._trunks()]
        return web.json_response({"trunks": trunks, **asdict(await self._traffic())})

    async def attempt_page(self, request: web.Request) -> web.Response:
        """One attempt: the conversation, the facts, the warnings, the recording."""
        call = await self._attempt(request)
        return self._page(
            "call.html.j2",
            call=call,
            entries=timeline(call.turns, call.checks),
            facts=facts(call),
            voice_picture=_voice_picture(call),
            recording=self._recording(call) is not None,
        )

    async def attempt_api(self, request: web.Request) -> web.Response:
        """One attempt as JSON."""
        return web.json_response(record(await self._attempt(request)))

    async def recording(self, request: web.Request) -> web.StreamResponse:
        """The attempt's recording: stereo WAV, left the customer, right the bot. Ranges are answered."""
        path = self._recording(await self._attempt(request))
        if path is None:
            raise web.HTTPNotFound(text="404: this attempt has no recording\n")
        return web.FileResponse(path, headers={"Content-Type": "audio/wav"})

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Server-sent events: what both sides say now."""
        with self._live.watch() as watcher:
            if watcher is None:
                raise web.HTTPServiceUnavailable(text="503: too many watch already\n")
            response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
            await response.prepare(request)
            try:
                await _forward(watcher, response)
            except (ConnectionError, TimeoutError):
                response.force_close()
        return response

    def _recording(self, call: CallRecord) -> Path | None:
        """The file the attempt's row names, only where it lies below the folder of recordings."""
        name = call.progress.recording
        if not name:
            return None
        folder = self._recordings.resolve()
        path = (folder / name).resolve()
        inside = path.is_relative_to(folder) and path.suffix == ".wav"
        return path if inside and path.is_file() else None

    async def _attempt(self, request: web.Request) -> CallRecord:
        attempt_id = int(request.match_info["attempt_id"])
        try:
            return await self._read(partial(self._reader.call, attempt_id))
        except StorageError:
            await self._read(partial(self._reader.calls, 1, None))  # raises where it is the database that is ill
            raise web.HTTPNotFound(text=f"404: there is no attempt {attempt_id}\n") from None

    def _read(self, query: Callable[[], T]) -> Awaitable[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, query)

    def _page(self, name: str, **values: object) -> web.Response:
        return web.Response(text=self._pages.get_template(name).render(values), content_type="text/html")


def _voice_picture(call: CallRecord) -> Markup | None:
    """Numbers and names of our own only; `svg` escapes its texts all the same."""
    if not call.comparisons:
        return None
    return Markup(svg(voice_shapes(call.turns, call.comparisons)))  # noqa: S704


async def _forward(watcher: Watcher, response: web.StreamResponse) -> None:
    """Write events until the feed ends. Raises ConnectionError or TimeoutError where the reader is gone or stuck."""
    async with asyncio.timeout(WRITE_S):
        await response.write(b"retry: 2000\n\n")
    while True:
        try:
            event = await asyncio.wait_for(watcher.next(), KEEP_ALIVE_S)
            if event is None:
                return
            block = _block(event)
        except TimeoutError:
            block = b": still here\n\n"
        async with asyncio.timeout(WRITE_S):
            await response.write(block)


def _block(event: LiveEvent) -> bytes:
    return f"data: {json.dumps(asdict(event))}\n\n".encode()


def _limit(request: web.Request) -> int:
    text = request.query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:9]) <= MAX_LIMIT):
        raise web.HTTPBadRequest(text=f"400: limit must be a number from 1 to {MAX_LIMIT}\n")
    return int(text)


def _disposition(request: web.Request) -> Disposition | None:
    text = request.query.get("disposition", "")
    if not text:
        return None
    try:
        return Disposition(text)
    except ValueError:
        known = ", ".join(Disposition)
        raise web.HTTPBadRequest(text=f"400: no such disposition; known are {known}\n") from None
