"""Digest credentials (RFC 7616, RFC 8760, RFC 2617 where a challenge has no qop): pyVoIP knows MD5 and 401 only."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass

from voicebot.signaling.pyvoip_messages import headers, with_credentials

_PARAMETER = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')
#: What a challenge comes in, and where its answer goes, by status (RFC 3261 section 22).
_HEADERS = {401: ("WWW-Authenticate", "Authorization"), 407: ("Proxy-Authenticate", "Proxy-Authorization")}
_HASHES = {"MD5": "md5", "SHA-256": "sha256"}


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the trunk. The password is in no text but the hash."""

    user: str
    password: str

    def answer(self, request: str, response: str, status: int) -> str | None:
        """`request` again with credentials for the challenge in `response`; None where there is no challenge, its
        algorithm is none of ours, or the request had credentials already (they are wrong then)."""
        if status not in _HEADERS:
            return None
        asked, given = _HEADERS[status]
        if not self.password or headers(request, given):
            return None
        method, uri = request.split(" ")[:2]
        for challenge in (parameters(value) for value in headers(response, asked)):
            value = credentials(self, challenge, method, uri, secrets.token_hex(8))
            if value:
                return with_credentials(request, given, value)
        return None


def parameters(challenge: str) -> dict[str, str]:
    """'Digest realm="a", qop="auth"' -> its parameters, names in lower case."""
    return {name.lower(): quoted or plain for name, quoted, plain in _PARAMETER.findall(challenge)}


def credentials(login: Login, challenge: dict[str, str], method: str, uri: str, cnonce: str) -> str | None:
    """The header's value (RFC 7616 section 3.4); None for an algorithm we don't have."""
    algorithm = challenge.get("algorithm", "MD5")
    name = _HASHES.get(algorithm.upper())
    if name is None or "nonce" not in challenge:
        return None

    def hashed(text: str) -> str:
        return hashlib.new(name, text.encode(), usedforsecurity=False).hexdigest()

    realm, nonce = challenge.get("realm", ""), challenge["nonce"]
    qop = "auth" if "auth" in re.split(r"[\s,]+", challenge.get("qop", "")) else ""
    middle = f"{nonce}:00000001:{cnonce}:{qop}" if qop else nonce
    response = hashed(f"{hashed(f'{login.user}:{realm}:{login.password}')}:{middle}:{hashed(f'{method}:{uri}')}")
    parts = [f'username="{login.user}"', f'realm="{realm}"', f'nonce="{nonce}"', f'uri="{uri}"']
    parts += [f'response="{response}"', f"algorithm={algorithm}"]
    parts += [f'cnonce="{cnonce}"', f"qop={qop}", "nc=00000001"] if qop else []
    parts += [f'opaque="{challenge["opaque"]}"'] if "opaque" in challenge else []
    return "Digest " + ", ".join(parts)
