"""Sound of a stranger in the middle of a call: none of it reaches the recogniser, the voice check or the recording.

Without the check (`telephony.rtp_source = "any"`) the same packets are heard, which shows that the test can fail.
"""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.foreign.caller import Caller, caller, rtp
from tests.foreign.process import BotProcess, bot_process
from tests.foreign.sound import packets, seconds_of, tracks

pytestmark = pytest.mark.timeout(60)

CALLER_HZ, STRANGER_HZ = 450, 1000
SSRC = 4242
#: The bot records (and listens) after its notice; by then the caller speaks.
NOTICE_S, STRANGER_S, CALL_S = 3.6, 1.2, 6.0


def speak(customer: Caller, started: float) -> None:
    """The customer's own sound, at its pace."""
    for i, payload in enumerate(packets(CALLER_HZ, CALL_S)):
        customer.media.sendto(rtp(i, payload, ssrc=SSRC), customer.bot_media)
        time.sleep(max(0.0, started + (i + 1) * 0.02 - time.monotonic()))


def inject(target: tuple[str, int], host: str, started: float, ssrc: int, ahead: int) -> None:
    """A stranger's packets, numbered as the customer's next ones."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        begun = time.monotonic()
        first = int((begun - started) / 0.02) + ahead
        for i, payload in enumerate(packets(STRANGER_HZ, STRANGER_S)):
            sock.sendto(rtp(first + i, payload, ssrc=ssrc), target)
            time.sleep(max(0.0, begun + (i + 1) * 0.02 - time.monotonic()))


@dataclass(frozen=True)
class Case:
    """What the stranger does."""

    host: str = "127.0.0.2"
    ssrc: int = SSRC
    ahead: int = 4
    silent: bool = False
    """The customer sends nothing meanwhile."""


CASES = {
    "another port, the caller's SSRC": Case("127.0.0.1"),
    "another address, the caller's SSRC": Case(),
    "another SSRC": Case(ssrc=77),
    "far ahead": Case(ahead=3000),
    "into silence": Case(ssrc=77, silent=True),
}


def one_call(bot: BotProcess, case: Case, number: str) -> None:
    """A customer who speaks and a stranger who speaks into it."""
    with caller(bot.address, number) as customer:
        assert customer.call() == 200
        started = time.monotonic()
        speaking = threading.Thread(target=speak, args=(customer, started))
        if not case.silent:
            speaking.start()
        time.sleep(NOTICE_S)
        inject(customer.bot_media, case.host, started, case.ssrc, case.ahead)
        time.sleep(max(0.0, started + CALL_S - time.monotonic()))
        if not case.silent:
            speaking.join()


def heard(folder: Path, rtp_source: str) -> dict[str, tuple[float, float]]:
    """For each case, in a call of its own at the same time: seconds heard of (caller, stranger)."""
    numbers = {name: f"1555010100{i}" for i, name in enumerate(CASES, 1)}
    with bot_process(folder, rtp_source=rtp_source) as bot, ThreadPoolExecutor() as pool:
        calls = [pool.submit(one_call, bot, case, numbers[name]) for name, case in CASES.items()]
        for call in calls:
            call.result()
        bot.wait_idle()
        recordings = {row["account"]: bot.settings.paths.recordings / row["recording"] for row in bot.ask("attempts")}
    sounds = {name: tracks(recordings[f"A-{numbers[name][-4:]}"])[0] for name in CASES}
    return {name: (seconds_of(CALLER_HZ, sound), seconds_of(STRANGER_HZ, sound)) for name, sound in sounds.items()}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    return heard(tmp_path_factory.mktemp("port"), "port")


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[float, float]]:
    return heard(tmp_path_factory.mktemp("any"), "any")


@pytest.mark.parametrize("name", CASES)
def test_a_stranger_is_not_heard(locked: dict[str, tuple[float, float]], name: str) -> None:
    customer, stranger = locked[name]
    assert stranger == 0
    if not CASES[name].silent:
        assert customer > 0.9 * (CALL_S - NOTICE_S)


@pytest.mark.parametrize("name", ["another address, the caller's SSRC", "into silence"])
def test_without_the_check_it_is(open_to_all: dict[str, tuple[float, float]], name: str) -> None:
    assert open_to_all[name][1] > 0.5 * STRANGER_S


def test_a_payload_type_that_was_not_agreed_is_not_heard(bot: BotProcess) -> None:
    """From the right address: 96 was never offered, 8 was."""
    with caller(bot.address) as customer:
        assert customer.call() == 200
        customer.speak(packets(CALLER_HZ, NOTICE_S))
        customer.speak(packets(STRANGER_HZ, STRANGER_S), kind=96)
        customer.speak(packets(CALLER_HZ, STRANGER_S))
    bot.wait_idle()
    (attempt,) = bot.ask("attempts")
    sound, _ = tracks(bot.settings.paths.recordings / attempt["recording"])
    assert seconds_of(STRANGER_HZ, sound) == 0
    assert seconds_of(CALLER_HZ, sound) > 0.5
