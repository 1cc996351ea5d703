"""Nothing personal without the token; the token stays out of addresses and cookies."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient
from yarl import URL

from voicebot.errors import SettingsError
from voicebot.settings import WebSettings
from voicebot.web.access import COOKIE, cookie_value, require_token
from voicebot.web.live import LiveFeed
from voicebot.web.server import new_token

from .conftest import MATCH, TOKEN

CLOSED = (
    "/",
    "/attempts/1",
    "/recordings/1.wav",
    "/api/attempts",
    "/api/attempts/1",
    "/api/live",
    "/api/carriers",
    "/static/live.js",
    "/no-such-page",
)


@pytest.mark.parametrize("path", CLOSED)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Cookie": f"{COOKIE}={TOKEN}"},
        {"Cookie": f"{COOKIE}="},
    ],
)
async def test_every_route_but_the_health_check_is_closed(
    client: TestClient, path: str, headers: dict[str, str]
) -> None:
    answer = await client.get(path, headers=headers)
    assert answer.status == 401
    assert "Miller" not in await answer.text()


async def test_every_route_of_the_application_is_tried_above(client: TestClient) -> None:
    routes = {str(route.resource.canonical) for route in client.app.router.routes() if route.resource}
    assert routes == {
        "/healthz",
        "/",
        "/attempts/{attempt_id}",
        "/recordings/{attempt_id}.wav",
        "/api/attempts",
        "/api/attempts/{attempt_id}",
        "/api/live",
        "/api/carriers",
        "/static",
    }


async def test_health_needs_no_token_and_counts_running_calls(client: TestClient, live: LiveFeed) -> None:
    live.attempt_started(7, "A-1", "reminder", "outbound")
    live.voice_decided(7, MATCH)
    answer = await client.get("/healthz")
    assert (answer.status, await answer.json()) == (200, {"status": "ok", "calls": 1, "trunks": []})


async def test_the_token_in_the_address_becomes_a_cookie(client: TestClient) -> None:
    answer = await client.get("/attempts/1", params={"token": TOKEN, "x": "1"}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/attempts/1?x=1")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert TOKEN not in cookie
    followed = await client.get("/attempts/1", headers={"Cookie": f"{COOKIE}={cookie_value(TOKEN)}"})
    assert followed.status == 200


async def test_a_wrong_token_in_the_address_gets_no_cookie(client: TestClient) -> None:
    answer = await client.get("/", params={"token": TOKEN + "x"}, allow_redirects=False)
    assert answer.status == 401
    assert "Set-Cookie" not in answer.headers


async def test_the_redirect_never_leads_to_another_host(client: TestClient) -> None:
    address = URL(f"{client.make_url('/')}/evil.example/?token={TOKEN}", encoded=True)
    answer = await client.session.get(address, allow_redirects=False)
    assert answer.status in (303, 401, 404)
    assert not answer.headers.get("Location", "/").startswith(("//", "/\\", "http"))


@pytest.mark.parametrize(
    "path", ["/", "/healthz", "/api/attempts", "/recordings/1.wav", "/static/style.css", "/nothing"]
)
async def test_every_answer_has_the_headers(staff: TestClient, path: str) -> None:
    headers = (await staff.get(path)).headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert "http" not in policy
    assert "aiohttp" not in headers["Server"]


async def test_the_headers_are_on_a_refusal_too(client: TestClient) -> None:
    assert (await client.get("/")).headers["Cache-Control"] == "no-store"


async def test_nothing_can_be_written(staff: TestClient) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await staff.request(method, "/api/attempts/1")).status == 405


def test_a_short_token_is_refused() -> None:
    with pytest.raises(SettingsError, match="16"):
        require_token("short")


def test_a_made_token_is_long_and_new_each_time() -> None:
    assert len(new_token()) >= 40
    assert new_token() != new_token()


def test_the_console_listens_on_this_machine_only_by_default() -> None:
    assert WebSettings().address == "127.0.0.1"
    with pytest.raises(ValueError, match="token"):
        WebSettings(token="short")
