"""The messages of RFC 4475 and RFC 5118 at the listening port: none crashes, hangs or leaks."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.foreign.caller import caller
from tests.foreign.process import BotProcess

pytestmark = pytest.mark.timeout(120)
FOLDER = Path(__file__).parent / "torture"
MESSAGES = sorted(path for path in FOLDER.glob("rfc*/*") if path.is_file())


def wire(path: Path) -> bytes:
    """The bytes to send. RFC 5118's archive has bare LF, and two messages without their blank line."""
    data = path.read_bytes()
    if path.parent.name == "rfc5118":
        data = data.replace(b"\n", b"\r\n")
        if b"\r\n\r\n" not in data:
            data += b"\r\n"
    return data


def at_home(message: bytes) -> bytes:
    """The same with the RFC's example network (192.0.2.0/24) on loopback: where sound can go there, calls begin."""
    return message.replace(b"192.0.2.", b"127.0.0.")


def test_all_messages_are_there() -> None:
    assert len([path for path in MESSAGES if path.parent.name == "rfc4475"]) == 49
    assert len([path for path in MESSAGES if path.parent.name == "rfc5118"]) == 12


@pytest.mark.parametrize("path", MESSAGES, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_a_torture_message_does_no_harm(bot: BotProcess, path: Path) -> None:
    with caller(bot.address) as stranger:
        for message in {wire(path), at_home(wire(path))}:
            stranger.send(message)
            assert stranger.options() == 200
    assert bot.process.poll() is None


def test_after_all_of_them_calls_go_on_and_nothing_is_left(bot: BotProcess) -> None:
    """Whatever one of the messages began is given up by then."""
    bot.wait_idle(45)
    with caller(bot.address) as customer:
        assert customer.call() == 200
        assert customer.hang_up() == 200
        customer.to_tag = ""
    bot.wait_idle()
    attempts = bot.ask("attempts")
    assert attempts
    assert all(attempt["disposition"] for attempt in attempts)
    assert not re.search("critical|Traceback", bot.log.read_text())
