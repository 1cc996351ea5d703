"""The stack's own C functions that its Python binding does not offer (libre and libbaresip 4.10), reached by ctypes: a
refusal with any status, OPTIONS, a refresh, every message in the moment it comes or leaves.

Exported functions, and of its data three public structs: the head of a list's element (re_list.h), the first fields
of a message, the value of a header (re_sip.h). `matches` compares the version, and `Requests.open` what it finds,
before a message is read by them. All but `matches` runs in the stack's thread (baresip_thread.py).
"""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from baresip import _native

from voicebot.signaling.rate import Verdict

logger = logging.getLogger(__name__)

#: What the structs below were read from.
VERSION = b"4.10.0"
_ADDRESS_BYTES = 116  # sizeof(struct sa)
_METHOD_AT = 2 * _ADDRESS_BYTES + 16  # struct sip_msg: src, dst, ver, met
_VALUE_AT = 2 * 32 + 16  # struct sip_hdr: le, he, name, val
_TO = 1449  # SIP_HDR_TO
_LONGEST_METHOD, _LONGEST_VALUE = 32, 2048
_ADDRESS_TEXT = 64  # holds any address as text
_TRANSPORTS = (0, 1, 2)  # enum sip_transp: UDP, TCP, TLS


class _Element(ctypes.Structure):
    """struct le."""

    _fields_ = (
        ("prev", ctypes.c_void_p),
        ("next", ctypes.c_void_p),
        ("list", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
    )


class _Text(ctypes.Structure):
    """struct pl."""

    _fields_ = (("p", ctypes.c_void_p), ("l", ctypes.c_size_t))


_Handler = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_void_p)
#: sip_trace_h: sent, transport, source, target, packet, its length, an argument.
Trace = ctypes.CFUNCTYPE(
    None, ctypes.c_bool, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t,
    ctypes.c_void_p,
)  # fmt: skip
#: options_resp_h: an error, the answer, the argument of `options`.
Answered = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
#: ctypes lets other threads run while it is in C, so a stack that calls back into Python does not lock up.
_stack = ctypes.CDLL(_native.__file__)


def _declared(name: str, result: Any, *arguments: Any) -> Any:
    function = getattr(_stack, name)
    function.restype, function.argtypes = result, arguments
    return function


_P, _S, _INT, _BOOL = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_bool
_STATUS = ctypes.c_uint16
_version = _declared("sys_libre_version_get", _S)
_sa_size = _declared("sa_struct_get_size", ctypes.c_size_t)
_sa_ntop = _declared("sa_ntop", _INT, _P, _S, _INT)
_sa_port = _declared("sa_port", ctypes.c_uint16, _P)
_uag_sip = _declared("uag_sip", _P)
_uag_calls = _declared("uag_call_count", ctypes.c_uint32)
_uag_call_find = _declared("uag_call_find", _P, _S)
_uag_sessions = _declared("uag_sipsess_sock", _P)
_session_find = _declared("sipsess_find", _P, _P, _P)
_handle_of = _declared("bp_call_handle_find", ctypes.c_uint32, _P)
_agent_of = _declared("call_get_ua", _P, _P)
_local_address = _declared("sip_transp_laddr", _INT, _P, _P, _INT, _P)
_agents = _declared("uag_list", _P)
_options = _declared("ua_options_send", _INT, _P, _S, Answered, _P)
_modify = _declared("call_modify", _INT, _P)
_set_trace = _declared("sip_set_trace_handler", None, _P, _P)
_header = _declared("sip_msg_hdr", _P, _P, _INT)
_listen = _declared("sip_listen", _INT, _P, _P, _BOOL, _Handler, _P)
_list_head = _declared("list_head", _P, _P)
_list_unlink = _declared("list_unlink", None, _P)
_list_insert_after = _declared("list_insert_after", None, _P, _P, _P, _P)
# These three take further arguments, as printf does: none is given, and no text of ours has a percent sign.
_hang_up = _declared("ua_hangupf", None, _P, _P, _STATUS, _S, _S)
_reply = _declared("sip_replyf", _INT, _P, _P, _STATUS, _S, _S)
_reply_until_heard = _declared("sip_treplyf", _INT, _P, _P, _P, _P, _BOOL, _STATUS, _S, _S)


def matches() -> bool:
    """Whether this is the stack that is known here."""
    return bool(_version() == VERSION and _sa_size() == _ADDRESS_BYTES)


def ports() -> frozenset[int]:
    """Where the stack takes SIP: UDP, TCP, TLS."""
    address = ctypes.create_string_buffer(_ADDRESS_BYTES)
    found = [_sa_port(address) for kind in _TRANSPORTS if not _local_address(_uag_sip(), address, kind, None)]
    return frozenset(port for port in found if port)


def calls() -> int:
    """Calls in the stack, in every state and direction."""
    return int(_uag_calls())


def refuse(call_id: str, handle: int, status: int, reason: str, headers: str = "") -> bool:
    """Refuse an inbound call that is not answered. `headers`: whole lines. False where there is no such call."""
    call = _uag_call_find(call_id.encode())
    if not call or _handle_of(call) != handle:
        return False
    _hang_up(_agent_of(call), call, status, reason.encode(), _lines(headers))
    return True


def _lines(headers: str) -> bytes:
    return f"{headers}Content-Length: 0\r\n\r\n".encode()


def set_trace(handler: object) -> None:
    """Call `handler`, a Trace, with every message: what it writes into the packet of one that leaves is sent. Keep it
    for as long as the stack runs."""
    _set_trace(_uag_sip(), handler)


def address(pointer: int | None) -> str:
    """HOST:PORT of a struct sa."""
    text = ctypes.create_string_buffer(_ADDRESS_TEXT)
    if not pointer or _sa_ntop(pointer, text, len(text)):
        return "?:0"
    host = text.value.decode()
    return f"{f'[{host}]' if ':' in host else host}:{_sa_port(pointer)}"


def refresh(call_id: str) -> bool:
    """Send a re-INVITE with the media as it is; False where there is no such call."""
    call = _uag_call_find(call_id.encode())
    return bool(call) and _modify(call) == 0


def options(place: int, uri: str, answer: object, number: int) -> bool:
    """Send an OPTIONS by the user agent that was made at this place (0 = first); `answer`, an Answered, gets `number`.
    False where it could not be sent."""
    at = _list_head(_agents())
    for _ in range(place):
        at = _Element.from_address(at).next if at else None
    return bool(at) and _options(_Element.from_address(at).data, uri.encode(), answer, number) == 0


@dataclass(frozen=True, slots=True)
class Request:
    """A SIP request from outside. `tagged`: its To has a tag, so it is meant for a call that was; `in_call`: that call
    is there."""

    method: str
    source: str
    tagged: bool
    in_call: bool


class Requests:
    """Shows each request to `judge` before the stack serves it; after the transactions, so none is seen twice. Keep it
    for as long as the stack runs: C calls it."""

    def __init__(self, judge: Callable[[Request], Verdict], retry_after_s: int) -> None:
        self._judge = judge
        self._lines = _lines(f"Retry-After: {retry_after_s}\r\n")
        self._handler = _Handler(self._received)
        self._listener = ctypes.c_void_p()

    def open(self) -> bool:
        """From now on. False where the stack is not as it is known here: nothing is judged then."""
        if _listen(ctypes.addressof(self._listener), _uag_sip(), True, self._handler, None):
            return False
        ours = self._listener.value
        element = _Element.from_address(ours or 0)
        first = _list_head(element.list) if element.data == ours and element.next is None else None
        second = _Element.from_address(first).next if first else None
        if not second or second == ours:
            return False
        # The stack's own first two see answers and known transactions; all others see requests to serve.
        items = element.list
        _list_unlink(ours)
        _list_insert_after(items, second, ours, ours)
        return True

    def _received(self, message: int, _argument: int) -> bool:
        """STACK'S THREAD. True: the stack looks at it no more. Must not raise: C would not know what to do with it."""
        try:
            request = _read(message)
            verdict = self._judge(request)
            if verdict is Verdict.REFUSE:
                self._refuse(message, request)
        except Exception as error:  # noqa: BLE001 - see above
            logger.error("a SIP request could not be judged: %s", type(error).__name__)
            return False
        return verdict is not Verdict.ADMIT

    def _refuse(self, message: int, request: Request) -> None:
        reason = b"Service Unavailable"
        if request.method == "INVITE":  # again and again until its ACK comes (RFC 3261 section 17.2.1)
            _reply_until_heard(None, None, _uag_sip(), message, False, 503, reason, self._lines)
        else:
            _reply(_uag_sip(), message, 503, reason, self._lines)


def _read(message: int) -> Request:
    source = ctypes.create_string_buffer(_ADDRESS_TEXT)
    _sa_ntop(message, source, len(source))  # the source is the struct's first field
    header = _header(message, _TO)
    to = _text(header + _VALUE_AT, _LONGEST_VALUE) if header else ""
    return Request(
        method=_text(message + _METHOD_AT, _LONGEST_METHOD),
        source=source.value.decode(),
        tagged=";tag=" in to.replace(" ", "").lower(),
        in_call=bool(_session_find(_uag_sessions(), message)),
    )


def _text(address: int, longest: int) -> str:
    text = _Text.from_address(address)
    return ctypes.string_at(text.p, min(text.l, longest)).decode("utf-8", "replace") if text.p else ""
