"""Headers of a SIP message as text: read, and put in without changing the message's length.

The stack sends a message from the buffer it shows to its trace, so a header can still be put in there
(baresip_wire.py) if the message stays as long as it is. The place comes from the line that names the software
(User-Agent, Server: RFC 3261 sections 20.35, 20.41, both optional) and from the short forms of header names (section
7.3.3).
"""

from __future__ import annotations

import re

_SHORT = {
    "x": "session-expires", "k": "supported", "i": "call-id", "m": "contact", "c": "content-type",
    "l": "content-length", "f": "from", "t": "to", "v": "via",
}  # fmt: skip
_CSEQ = re.compile(r"(\d+)\s+(\w+)")
_LONG = {name: short for short, name in _SHORT.items()}
#: Lines that may go, and names that may be written short, in the order in which their place is taken.
_SOFTWARE = (b"User-Agent", b"Server")
_SHORTENED = (b"Content-Length", b"Content-Type", b"Supported", b"Contact", b"Session-Expires", b"Call-ID")


def header(message: str, name: str) -> str | None:
    """The value of the first header of this name, in its long or short form; None where there is none."""
    names = "|".join(re.escape(n) for n in (name, _LONG.get(name.lower(), "")) if n)
    found = re.search(rf"^(?:{names})[ \t]*:[ \t]*([^\r\n]*)", _head(message), re.IGNORECASE | re.MULTILINE)
    return found[1].strip() if found else None


def names(message: str, name: str, token: str) -> bool:
    """Whether a header that lists tokens (Supported, Allow, Require), in one line or several, names this one."""
    wanted = "|".join(re.escape(n) for n in (name, _LONG.get(name.lower(), "")) if n)
    lines = re.findall(rf"^(?:{wanted})[ \t]*:([^\r\n]*)", _head(message), re.IGNORECASE | re.MULTILINE)
    return token.lower() in {part.strip().lower() for line in lines for part in line.split(",")}


def cseq(message: str) -> tuple[str, str]:
    """Number and method of a CSeq; ("", "") where it can't be read."""
    found = _CSEQ.match(header(message, "CSeq") or "")
    return (found[1], found[2].upper()) if found else ("", "")


def _head(message: str) -> str:
    return re.split(r"\r?\n\r?\n", message, maxsplit=1)[0]


def put_in(message: bytes, lines: tuple[str, ...]) -> bytes | None:
    """The message with these header lines, exactly as long as before; None where there is no place for them."""
    head, empty, body = message.partition(b"\r\n\r\n")
    if not empty or not lines:
        return None
    first, *rest = head.split(b"\r\n")
    kept = [line for line in rest if line.partition(b":")[0].strip() not in _SOFTWARE]
    added = [line.encode("ascii") for line in lines]
    for shortened in range(len(_SHORTENED) + 1):
        write_short = _SHORTENED[:shortened]
        whole = b"\r\n".join([first, *(_written(line, write_short) for line in [*kept, *added])])
        left = len(head) - len(whole)
        if left >= 0:
            # Spaces after a value mean nothing (RFC 3261 section 7.3.1).
            return whole + b" " * left + empty + body
    return None


def _written(line: bytes, write_short: tuple[bytes, ...]) -> bytes:
    name, colon, value = line.partition(b":")
    if not colon or name.strip() not in write_short:
        return line
    return _LONG[name.strip().decode().lower()].encode() + colon + value
