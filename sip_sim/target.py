"""The bot that customers call: a SIP address, over UDP. Any bot: it is asked only what SIP asks of everybody."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from typing import Final

from aiosipua.auth import SipDigestAuth

from sip_sim.errors import PhoneError

_URI: Final = re.compile(r"sip:(?:([^@:;]+)@)?([A-Za-z0-9.-]+)(?::(\d{1,5}))?(?:;transport=(\w+))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """`uri`: what is called; `host`, `port`: where the INVITE is sent; `auth`: for a bot that asks who is calling (401,
    407); `asks`: whether it is asked with OPTIONS first, until it is there."""

    uri: str
    host: str
    port: int
    auth: SipDigestAuth | None = None
    asks: bool = True

    def address(self) -> tuple[str, int]:
        """IPv4 address and port; a name is looked up (which blocks). Raises PhoneError."""
        try:
            found = socket.getaddrinfo(self.host, self.port, socket.AF_INET, socket.SOCK_DGRAM)
        except OSError:
            raise PhoneError(f"--target: {self.host} has no IPv4 address", hint="give sip:127.0.0.1:5060") from None
        return str(found[0][4][0]), self.port


def read_target(text: str, user: str = "", password: str = "", *, asks: bool = True) -> Target:
    """`sip:HOST`, `sip:HOST:PORT`, `sip:USER@HOST:PORT`. Raises PhoneError."""
    match = _URI.fullmatch(text)
    if match is None or int(match[3] or 5060) > 65535:
        raise PhoneError(
            f"--target {text!r} is not a SIP address", hint="give sip:127.0.0.1:5060 or sip:NAME@HOST:PORT"
        )
    if (match[4] or "udp").lower() != "udp":
        raise PhoneError(f"--target: the phones speak UDP only, not {match[4]}", hint="give the bot's UDP port")
    if not user and password:
        raise PhoneError("--password without --user", hint="give the name that the bot knows the caller by")
    auth = SipDigestAuth(user, password) if user else None
    return Target(text, match[2], int(match[3] or 5060), auth, asks)
