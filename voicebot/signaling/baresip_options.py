"""OPTIONS to a trunk (RFC 3261 section 11), by its own user agent: the same socket, connection and TLS as its calls.

The stack has `ua_options_send`, and the binding (0.5.2a3) has no command for it; the function is exported, so ctypes
reaches it. It must run in the stack's own thread. That thread calls Python with the completion of each command: a PING
is sent, and what is to be done there is done when its answer comes.
"""

from __future__ import annotations

import asyncio
import ctypes
from collections import deque
from collections.abc import Callable

import baresip
import baresip._native as native
from baresip import _events
from baresip._native import lib

from voicebot.errors import TrunkError


class _Link(ctypes.Structure):
    """libre's `struct le`."""


_Link._fields_ = [
    ("prev", ctypes.POINTER(_Link)),
    ("next", ctypes.POINTER(_Link)),
    ("list", ctypes.c_void_p),
    ("data", ctypes.c_void_p),
]


class _List(ctypes.Structure):
    """libre's `struct list`."""

    _fields_ = (("head", ctypes.POINTER(_Link)), ("tail", ctypes.POINTER(_Link)))


#: void (int err, const struct sip_msg *msg, void *arg)
_Answer = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
#: `ctypes` lets other threads run while it is in C, so a stack that calls back into Python does not lock up.
_stack = ctypes.CDLL(native.__file__)
_stack.uag_list.restype = ctypes.POINTER(_List)
_stack.uag_list.argtypes = []
_stack.ua_options_send.restype = ctypes.c_int
_stack.ua_options_send.argtypes = [ctypes.c_void_p, ctypes.c_char_p, _Answer, ctypes.c_void_p]


class Options:
    """Asks the trunks of one runtime whether they are there."""

    def __init__(self, runtime: baresip.Runtime) -> None:
        self._runtime = runtime
        self._loop = asyncio.get_running_loop()
        self._due: deque[Callable[[], None]] = deque()
        self._waiting: dict[int, asyncio.Future[bool]] = {}
        self._number = 0
        self._callback = _Answer(self._answered)  # C keeps it: it must live as long as the stack
        self._next_sink = _events.set_sink(self._sink)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        """Give the stack's events back to the binding; call it before the runtime is closed."""
        _events.set_sink(self._next_sink)  # type: ignore[no-untyped-call]

    async def ask(self, place: int, uri: str) -> asyncio.Future[bool]:
        """Send an OPTIONS to a SIP URI by the user agent that was made at this place (0 = first). The future tells
        whether any answer came: at the latest after 32 s (section 17.1.2.2). Raises TrunkError where nothing can be
        sent."""
        self._number = number = self._number % 0x7FFFFFFF + 1
        failed: list[int] = []
        answered = self._waiting[number] = self._loop.create_future()
        self._due.append(lambda: failed.append(_send(place, uri, self._callback, number)))
        try:
            await self._runtime.cmd(lib.BP_CMD_PING)
        except baresip.BaresipError as error:
            self._waiting.pop(number, None)
            raise TrunkError("the SIP stack does not answer") from error
        if failed != [0]:
            self._tell(number, False)
        return answered

    def _sink(self, event: int, handle: int, payload: bytes | None) -> None:
        """STACK'S THREAD."""
        while self._due:
            self._due.popleft()()
        self._next_sink(event, handle, payload)

    def _answered(self, error: int, message: int | None, number: int | None) -> None:
        """STACK'S THREAD. An answer of any status shows that somebody is there."""
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._tell, number or 0, error == 0 and bool(message))

    def _tell(self, number: int, there: bool) -> None:
        answered = self._waiting.pop(number, None)
        if answered is not None and not answered.done():
            answered.set_result(there)


def _send(place: int, uri: str, answer: object, number: int) -> int:
    """STACK'S THREAD. 0, or the stack's error."""
    link = _stack.uag_list().contents.head
    for _ in range(place):
        if not link:
            break
        link = link.contents.next
    if not link:
        return -1
    return int(_stack.ua_options_send(link.contents.data, uri.encode(), answer, number))
