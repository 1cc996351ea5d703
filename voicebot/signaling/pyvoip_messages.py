"""SIP messages as text, for what pyVoIP 1.6.8 writes wrongly or not at all. Pure: text in, text out.

Requests of ours are pyVoIP's text, "Name: value" lines, one Via. Sections named are RFC 3261's.
"""

from __future__ import annotations

import re
import uuid

#: Compact header names (section 7.3.3) that matter to a call.
_COMPACT = {
    "v": "Via",
    "f": "From",
    "t": "To",
    "i": "Call-ID",
    "m": "Contact",
    "l": "Content-Length",
    "c": "Content-Type",
    "k": "Supported",
    "s": "Subject",
}
_NAMES = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}


def canonical(data: bytes) -> bytes:
    """A message as pyVoIP's parser wants it: long header names in their usual case, "Name: value" with one space,
    folded lines joined (section 7.3.1), one blank line, no more body than Content-Length. ValueError where it is no
    message."""
    head, found, body = data.partition(b"\r\n\r\n")
    if not found:
        raise ValueError("no end of headers")
    lines = re.sub(r"\r\n[ \t]+", " ", head.decode("utf-8")).split("\r\n")
    named = [lines[0]]
    length = len(body)
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon:
            raise ValueError("a header without a colon")
        key = name.strip().lower()
        full = _COMPACT.get(key) or _NAMES.get(key) or "-".join(part.capitalize() for part in key.split("-"))
        if full == "Content-Type" and value.strip().lower().startswith("application/sdp"):
            value = "application/sdp"
        named.append(f"{full}: {value.strip()}")
        if full == "Content-Length":
            length = int(value)
    sdp = b"\r\n".join(line for line in body[:length].replace(b"\r\n", b"\n").split(b"\n") if line)
    return "\r\n".join(named).encode() + b"\r\n\r\n" + sdp


def headers(text: str, name: str) -> list[str]:
    """All values of a header, in order."""
    head = text.partition("\r\n\r\n")[0].split("\r\n")[1:]
    return [line.partition(":")[2].strip() for line in head if line.partition(":")[0].lower() == name.lower()]


def listed(text: str, name: str) -> list[str]:
    """The values of a header of addresses, one each, also where a line has several."""
    return [one.strip() for value in headers(text, name) for one in re.split(r",(?=\s*<)", value)]


def with_headers(text: str, name: str, values: list[str]) -> str:
    """The message with these values of a header in place of those it has."""
    head, _, body = text.partition("\r\n\r\n")
    start, *lines = head.split("\r\n")
    at = [i for i, line in enumerate(lines) if line.partition(":")[0].lower() == name.lower()]
    place = at[0] if at else len(lines)
    kept = [line for i, line in enumerate(lines) if i not in at]
    kept[place:place] = [f"{name}: {value}" for value in values]
    return "\r\n".join([start, *kept]) + "\r\n\r\n" + body


def with_start(text: str, start: str) -> str:
    """The message with another first line."""
    return start + "\r\n" + text.partition("\r\n")[2]


def new_branch() -> str:
    """A branch that no other transaction has (section 8.1.1.7)."""
    return "z9hG4bK" + uuid.uuid4().hex


def branch(text: str) -> str:
    """The branch of the topmost Via; "" where there is none."""
    vias = headers(text, "Via")
    found = re.search(r";branch=([^;,\s]+)", vias[0]) if vias else None
    return found[1] if found else ""


def with_branch(text: str) -> str:
    """Our request as a new transaction."""
    via = headers(text, "Via")[0].partition(";")[0]
    return with_headers(text, "Via", [f"{via};branch={new_branch()};rport"])


def with_credentials(text: str, name: str, value: str) -> str:
    """The request once more with credentials: a new transaction, the next CSeq (section 22.2)."""
    number, _, method = headers(text, "CSeq")[0].partition(" ")
    again = with_headers(with_branch(text), "CSeq", [f"{int(number) + 1} {method}"])
    return with_headers(again, name, [value])


def cancel(invite: str) -> str:
    """CANCEL of our INVITE: its transaction, its CSeq number (section 9.1)."""
    return _same_transaction(invite, "CANCEL", headers(invite, "To")[0])


def acknowledge_refusal(invite: str, to: str) -> str:
    """ACK to a 3xx-6xx answer: the INVITE's transaction, the answer's To (section 17.1.1.3)."""
    return _same_transaction(invite, "ACK", to)


def _same_transaction(invite: str, method: str, to: str) -> str:
    lines = [f"{method} {invite.split(' ')[1]} SIP/2.0", f"Via: {headers(invite, 'Via')[0]}", "Max-Forwards: 70"]
    lines += [f"From: {headers(invite, 'From')[0]}", f"To: {to}", f"Call-ID: {headers(invite, 'Call-ID')[0]}"]
    lines += [f"CSeq: {headers(invite, 'CSeq')[0].split()[0]} {method}", "Content-Length: 0"]
    return "\r\n".join(lines) + "\r\n\r\n"


def reply(request: str, status: int, reason: str, tag: str = "", more: dict[str, str] | None = None) -> str:
    """An answer without a body (section 8.2.6). `tag`: ours, where the request's To has none yet."""
    to = headers(request, "To")[0]
    lines = [f"SIP/2.0 {status} {reason}", *(f"Via: {via}" for via in headers(request, "Via"))]
    lines += [
        f"From: {headers(request, 'From')[0]}",
        f"To: {to}" if ";tag=" in to or not tag else f"To: {to};tag={tag}",
    ]
    lines += [f"{name}: {headers(request, name)[0]}" for name in ("Call-ID", "CSeq")]
    lines += [f"{name}: {value}" for name, value in (more or {}).items()]
    return "\r\n".join([*lines, "Content-Length: 0"]) + "\r\n\r\n"


def uri_of(address: str) -> str:
    """The URI of a From, To or Contact value: '"Joe" <sip:a@b;c>;tag=1' -> "sip:a@b;c"."""
    found = re.search(r"<([^>]*)>", address) or re.match(r"([^;\s]*)", address)
    return found[1] if found else ""
