"""Who may look: a bearer token on every route but the health check, and headers that keep what is shown in the page.

The token comes in the Authorization header, or once as `?token=`, which is answered by a cookie and a redirect to the
address without it. The cookie holds a value derived from the token, never the token: cookies do not respect ports.
"""

from __future__ import annotations

import hashlib
import hmac

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from voicebot.errors import SettingsError

COOKIE = "voicebot_console"
OPEN_ROUTES = frozenset({"/healthz"})
MIN_TOKEN = 16
HOURS_8 = 8 * 3600

#: No script, style, sound or connection but our own; never in a frame; nothing kept, nothing told to the next page.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; media-src 'self'; connect-src 'self'; "
        "img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
    "Server": "voicebot",
}


def same(given: str, wanted: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(), wanted.encode())


def cookie_value(token: str) -> str:
    """What the cookie holds for this token: its keyed digest, 64 hexadecimal digits."""
    return hmac.new(token.encode(), b"voicebot console cookie", hashlib.sha256).hexdigest()


def require_token(token: str) -> Middleware:
    """The middleware. Raises SettingsError for a token of fewer than 16 characters."""
    if len(token) < MIN_TOKEN:
        raise SettingsError(
            f"web.token: fewer than {MIN_TOKEN} characters", hint="leave it empty: one is made at start"
        )
    in_cookie = cookie_value(token)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in OPEN_ROUTES:
            return await handler(request)
        scheme, _, bearer = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer" and same(bearer.strip(), token):
            return await handler(request)
        if "token" in request.query and same(request.query["token"], token):
            raise _welcome(request, in_cookie)
        if same(request.cookies.get(COOKIE, ""), in_cookie):
            return await handler(request)
        raise web.HTTPUnauthorized(
            headers={"WWW-Authenticate": 'Bearer realm="voicebot console"'},
            text="401: open the address that `voicebot serve` printed (it ends in ?token=...), "
            "or send the header Authorization: Bearer TOKEN\n",
        )

    return middleware


def _welcome(request: web.Request, value: str) -> web.HTTPSeeOther:
    rest = request.rel_url.without_query_params("token")
    # One slash only: "//host/" as a Location would lead to another host.
    answer = web.HTTPSeeOther("/" + str(rest).lstrip("/\\"))
    answer.set_cookie(COOKIE, value, httponly=True, samesite="Strict", secure=request.secure, max_age=HOURS_8, path="/")
    return answer


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Signal `on_response_prepare`: every answer carries HEADERS, streams, files and errors too."""
    del request
    response.headers.update(HEADERS)
