"""Email against a real SMTP server (aiosmtpd): what it takes, what it refuses, and what may have left."""

from __future__ import annotations

import email
import socket
import ssl
import threading
from collections.abc import Iterator
from email.policy import default
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

from voicebot.errors import MessageError, SettingsError
from voicebot.messaging.email_smtp import SmtpSender
from voicebot.settings import EmailSettings

CERTIFICATE = Path(__file__).parents[2] / "data" / "loopback_key_and_cert.pem"
TRUSTED = Path(__file__).parents[2] / "data" / "loopback_cert.pem"


class Mailbox:
    """What the server got; `answers`: what it says to RCPT and to the text."""

    def __init__(self) -> None:
        self.got: list[email.message.EmailMessage] = []
        self.receivers: list[str] = []
        self.rcpt, self.data = "250 OK", "250 queued as 7"
        self.encrypted: list[bool] = []

    async def handle_RCPT(self, server, session, envelope, address, options):  # noqa: N802 - the library's name
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server, session, envelope):  # noqa: N802
        self.receivers += envelope.rcpt_tos
        self.encrypted.append(session.ssl is not None)
        self.got.append(email.message_from_bytes(envelope.content, policy=default))
        return self.data


def auth(server, session, envelope, mechanism, data):
    good = isinstance(data, LoginPassword) and data.login == b"bot" and data.password == b"right"
    return AuthResult(success=good, handled=False)


@pytest.fixture
def box() -> Mailbox:
    return Mailbox()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def plain(box: Mailbox) -> Iterator[EmailSettings]:
    controller = Controller(box, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield EmailSettings(
        server=f"127.0.0.1:{controller.port}", security="none", sender="loans@bank.example", timeout_s=2
    )
    controller.stop()


@pytest.fixture
def starttls(box: Mailbox) -> Iterator[EmailSettings]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    controller = Controller(
        box,
        hostname="127.0.0.1",
        port=free_port(),
        tls_context=context,
        require_starttls=True,
        authenticator=auth,
        auth_required=True,
    )
    controller.start()
    yield EmailSettings(
        server=f"127.0.0.1:{controller.port}", ca_file=TRUSTED, user="bot", password="right", timeout_s=2
    )
    controller.stop()


async def test_a_message_arrives_as_it_was_written(plain, box):
    answer = await SmtpSender(plain).send("ada@example.com", "Grüße", "Dear Ada,\n.\nüber 5 €", "spring.7")
    assert answer == "250 queued as 7"
    (got,) = box.got
    assert box.receivers == ["ada@example.com"]
    assert got["From"] == "loans@bank.example"
    assert got["Subject"] == "Grüße"
    assert got["Message-ID"] == "<spring.7@bank.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["Date"]
    assert got.get_content().replace("\r\n", "\n") == "Dear Ada,\n.\nüber 5 €\n"


async def test_starttls_and_login(starttls, box):
    await SmtpSender(starttls).send("ada@example.com", "s", "t", "id")
    assert box.encrypted == [True]


async def test_a_wrong_password_is_told_and_nothing_leaves(starttls, box):
    wrong = starttls.model_copy(update={"password": "wrong"})
    with pytest.raises(MessageError) as caught:
        await SmtpSender(wrong).send("ada@example.com", "s", "t", "id")
    assert (caught.value.unknown, caught.value.again) == (False, False), caught.value
    assert box.got == []


async def test_a_server_that_is_not_the_one_is_not_trusted(starttls, box):
    stranger = starttls.model_copy(update={"ca_file": Path(TRUSTED).with_name("another_cert.pem")})
    with pytest.raises(MessageError):
        await SmtpSender(stranger).send("ada@example.com", "s", "t", "id")
    assert box.got == []


async def test_no_encryption_no_message(plain, box):
    with pytest.raises(MessageError, match="SMTPNotSupported"):
        await SmtpSender(plain.model_copy(update={"security": "starttls"})).send("a@example.com", "s", "t", "id")
    assert box.got == []


@pytest.mark.parametrize(("answer", "again"), [("550 no such user", False), ("450 try later", True)])
async def test_a_refused_address(plain, box, answer, again):
    box.rcpt = answer
    with pytest.raises(MessageError) as caught:
        await SmtpSender(plain).send("ada@example.com", "s", "t", "id")
    assert (caught.value.unknown, caught.value.again) == (False, again)
    assert "ada" not in str(caught.value)


@pytest.mark.parametrize(("answer", "again"), [("554 spam", False), ("452 full", True)])
async def test_a_refused_text(plain, box, answer, again):
    box.data = answer
    with pytest.raises(MessageError) as caught:
        await SmtpSender(plain).send("ada@example.com", "s", "t", "id")
    assert (caught.value.unknown, caught.value.again) == (False, again)


async def test_nobody_listens():
    settings = EmailSettings(server=f"127.0.0.1:{free_port()}", security="none", timeout_s=1)
    with pytest.raises(MessageError) as caught:
        await SmtpSender(settings).send("ada@example.com", "s", "t", "id")
    assert (caught.value.unknown, caught.value.again) == (False, True)


async def test_a_server_that_goes_away_after_the_text_may_have_it():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=gone_after_the_text, args=(listening,))
        thread.start()
        port = listening.getsockname()[1]
        with pytest.raises(MessageError) as caught:
            await SmtpSender(EmailSettings(server=f"127.0.0.1:{port}", security="none", timeout_s=2)).send(
                "ada@example.com", "s", "t", "id"
            )
        thread.join(5)
    assert caught.value.unknown


def gone_after_the_text(listening: socket.socket) -> None:
    connection, _ = listening.accept()
    with connection, connection.makefile("rwb", buffering=0) as lines:
        lines.write(b"220 here\r\n")
        while (line := lines.readline()) and not line.upper().startswith(b"DATA"):
            lines.write(b"250 OK\r\n")
        lines.write(b"354 go on\r\n")
        while (line := lines.readline()) and line != b".\r\n":
            pass


async def test_a_line_break_in_an_address_makes_no_header(plain, box):
    with pytest.raises(MessageError):
        await SmtpSender(plain).send("ada@example.com\r\nBcc: eve@example.com", "s", "t", "id")
    with pytest.raises(MessageError):
        await SmtpSender(plain).send("ada@example.com", "s\r\nBcc: eve@example.com", "t", "id")
    assert box.got == []


async def test_an_address_that_smtp_cannot_say(plain, box):
    with pytest.raises(MessageError):
        await SmtpSender(plain).send("ädä@example.com", "s", "t", "id")
    assert box.got == []


def test_a_text_never_crosses_a_network_in_the_clear():
    with pytest.raises(SettingsError, match="another machine"):
        SmtpSender(EmailSettings(server="mail.example.com:25", security="none"))
    SmtpSender(EmailSettings(server="mail.example.com:587"))
