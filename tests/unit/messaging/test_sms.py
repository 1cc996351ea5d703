"""SMS against a real HTTP gateway on this machine."""

from __future__ import annotations

import pytest

from tests.support.sms_gateway import sms_gateway
from voicebot.demo.simulator import free_port
from voicebot.errors import MessageError, SettingsError
from voicebot.messaging.loopback import on_this_machine
from voicebot.messaging.sms_http import HttpSmsSender
from voicebot.settings import SmsSettings


async def test_a_message_arrives_with_its_id():
    async with sms_gateway() as gateway:
        sender = HttpSmsSender(SmsSettings(url=gateway.url, token="secret-token", sender="HARBOUR"))
        assert (await sender.send("15550101001", "Please call", "spring.7")).startswith("202 ")
    assert gateway.got == [{"to": "15550101001", "from": "HARBOUR", "text": "Please call", "id": "spring.7"}]
    assert gateway.headers[0]["Idempotency-Key"] == "spring.7"
    assert gateway.headers[0]["Authorization"] == "Bearer secret-token"


@pytest.mark.parametrize(
    ("answer", "unknown", "again"),
    [
        *((400, False, False), (401, False, False), (302, False, False)),
        *((429, False, True), (503, False, True), (500, True, False), (502, True, False)),
        *(("hangs", True, False), ("breaks", True, False)),
    ],
)
async def test_what_an_answer_means(answer, unknown, again):
    async with sms_gateway() as gateway:
        gateway.answers = [answer]
        with pytest.raises(MessageError) as caught:
            await HttpSmsSender(SmsSettings(url=gateway.url, timeout_s=0.5)).send("15550101001", "t", "id")
    assert (caught.value.unknown, caught.value.again) == (unknown, again)
    assert "1555" not in str(caught.value)
    assert len(gateway.got) == 1


async def test_nobody_listens():
    with pytest.raises(MessageError) as caught:
        await HttpSmsSender(SmsSettings(url=f"http://127.0.0.1:{free_port()}/")).send("1", "t", "id")
    assert (caught.value.unknown, caught.value.again) == (False, True)


def test_a_text_never_crosses_a_network_in_the_clear():
    with pytest.raises(SettingsError, match="another machine"):
        HttpSmsSender(SmsSettings(url="http://sms.example.com/messages"))
    HttpSmsSender(SmsSettings(url="https://sms.example.com/messages"))


@pytest.mark.parametrize(
    ("host", "here"),
    [("127.0.0.2", True), ("[::1]", True), ("localhost", True), ("10.0.0.1", False), ("x.example", False)],
)
def test_what_this_machine_is(host, here):
    assert on_this_machine(host) is here
