"""A small trunk: REGISTER with digest (RFC 7616, SHA-256 as RFC 8760), and a challenge to INVITE where wanted."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Final, Literal

from aiosipua.header_codec import parse_auth
from aiosipua.message import SipRequest, SipResponse

Algorithm = Literal["MD5", "SHA-256"]
_LONGEST: Final = 3600
_SHORTEST: Final = 1


def digest_response(
    algorithm: str,
    user: str,
    realm: str,
    password: str,
    method: str,
    uri: str,
    nonce: str,
    nc: str,
    cnonce: str,
    qop: str,
) -> str:
    """The expected `response` parameter (RFC 7616 section 3.4.1); without qop the older form of RFC 2617."""

    def hashed(text: str) -> str:
        data = text.encode("utf-8")
        if algorithm.upper() == "SHA-256":
            return hashlib.sha256(data).hexdigest()
        return hashlib.md5(data, usedforsecurity=False).hexdigest()

    first, second = hashed(f"{user}:{realm}:{password}"), hashed(f"{method}:{uri}")
    middle = f"{nonce}:{nc}:{cnonce}:{qop}" if qop else nonce
    return hashed(f"{first}:{middle}:{second}")


@dataclass(slots=True)
class Registrar:
    """Accounts of the trunk and who is registered where. `algorithm` is what challenges ask for."""

    accounts: dict[str, str]
    realm: str = "sip-sim"
    algorithm: Algorithm = "SHA-256"
    challenges_invite: bool = False
    bindings: dict[str, str] = field(default_factory=dict)
    refused: int = 0
    _nonces: set[str] = field(default_factory=set)

    def register(self, request: SipRequest, addr: tuple[str, int]) -> SipResponse:
        """The answer to one REGISTER: 401 with a challenge, or 200 with the binding (RFC 3261 section 10.3)."""
        challenge = self.check(request)
        if challenge is not None:
            response = _answer(request, 401, "Unauthorized")
            response.headers.set_single("WWW-Authenticate", challenge[1])
            return response
        response = _answer(request, 200, "OK")
        user = (request.to_addr.uri.user or "") if request.to_addr else ""
        contact = request.get_header("Contact") or f"<sip:{user}@{addr[0]}:{addr[1]}>"
        expires = _expires(request, contact)
        if expires == 0:
            self.bindings.pop(user, None)
        else:
            bare = contact.split(";expires=")[0]
            self.bindings[user] = bare
            response.headers.set_single("Contact", f"{bare};expires={expires}")
        response.headers.set_single("Expires", str(expires))
        return response

    def check(self, request: SipRequest) -> tuple[str, str] | None:
        """None where the request carries right credentials, else the header that challenges it."""
        name = "Authorization" if request.method.upper() == "REGISTER" else "Proxy-Authorization"
        given = request.get_header(name)
        if given and self._proves(given, request.method):
            return None
        self.refused += int(bool(given))
        nonce = secrets.token_hex(16)
        self._nonces.add(nonce)
        value = f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={self.algorithm}, qop="auth"'
        return ("WWW-Authenticate" if name == "Authorization" else "Proxy-Authenticate", value)

    def _proves(self, header: str, method: str) -> bool:
        got = {key: (value or "") for key, value in parse_auth(header, credentials=True).params.items()}
        user, nonce = got.get("username", ""), got.get("nonce", "")
        password = self.accounts.get(user)
        if password is None or nonce not in self._nonces or got.get("algorithm", "MD5") != self.algorithm:
            return False
        expected = digest_response(
            self.algorithm,
            user,
            self.realm,
            password,
            method,
            got.get("uri", ""),
            nonce,
            got.get("nc", ""),
            got.get("cnonce", ""),
            got.get("qop", ""),
        )
        return hmac.compare_digest(expected, got.get("response", ""))


def _expires(request: SipRequest, contact: str) -> int:
    raw = contact.rpartition(";expires=")[2] if ";expires=" in contact else request.get_header("Expires") or ""
    digits = raw.split(";")[0].strip()
    if not digits.isdigit():
        return _LONGEST
    return 0 if int(digits) == 0 else max(_SHORTEST, min(_LONGEST, int(digits)))


def _answer(request: SipRequest, status: int, reason: str) -> SipResponse:
    response = SipResponse(status_code=status, reason_phrase=reason)
    for via in request.headers.get("via"):
        response.headers.append("Via", via)
    for name in ("From", "Call-ID", "CSeq"):
        response.headers.set_single(name, request.get_header(name) or "")
    to = request.get_header("To") or ""
    response.headers.set_single("To", to if ";tag=" in to else f"{to};tag={secrets.token_hex(6)}")
    response.headers.set_single("User-Agent", "sip-sim")
    return response
