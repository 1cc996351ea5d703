"""Whom the customers call."""

import socket

import pytest

from sip_sim.errors import PhoneError
from sip_sim.target import read_target


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("sip:127.0.0.1", "127.0.0.1", 5060),
        ("sip:localhost:5080", "localhost", 5080),
        ("sip:+15550100@bot.example.com:5062;transport=udp", "bot.example.com", 5062),
    ],
)
def test_an_address_a_name_a_number(text: str, host: str, port: int) -> None:
    target = read_target(text)
    assert (target.uri, target.host, target.port, target.auth, target.asks) == (text, host, port, None, True)


def test_a_name_is_looked_up(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_target("sip:localhost:5080").address() == ("127.0.0.1", 5080)

    def nowhere(*_: object) -> None:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    with pytest.raises(PhoneError, match="no IPv4 address"):
        read_target("sip:no-such-host.invalid").address()


def test_credentials() -> None:
    target = read_target("sip:127.0.0.1", "joe", "secret", asks=False)
    assert target.auth is not None
    assert (target.auth.username, target.auth.password, target.asks) == ("joe", "secret", False)
    with pytest.raises(PhoneError, match="--password without --user"):
        read_target("sip:127.0.0.1", "", "secret")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense", "is not a SIP address"),
        ("sips:127.0.0.1", "is not a SIP address"),
        ("sip:127.0.0.1:66666", "is not a SIP address"),
        ("sip:127.0.0.1;transport=tcp", "UDP only, not tcp"),
    ],
)
def test_what_is_no_target(text: str, problem: str) -> None:
    with pytest.raises(PhoneError, match=problem) as caught:
        read_target(text)
    assert caught.value.hint
