"""Email by SMTP (RFC 5321), in a worker thread. What the server says decides whether a message may have left."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate

from voicebot.errors import MessageError, SettingsError
from voicebot.messaging.loopback import on_this_machine
from voicebot.settings import EmailSettings

HINT = "look at [email] in the settings and at the mail server's log"


class SmtpSender:
    """The port EmailSender: one connection a message. Raises SettingsError where a password or text would cross a
    network in the clear."""

    def __init__(self, settings: EmailSettings) -> None:
        self._settings = settings
        host, _, port = settings.server.rpartition(":")
        self._host, self._port = host, int(port)
        if settings.security == "none" and not on_this_machine(host):
            raise SettingsError(
                f"email.security = none, but {host} is another machine", hint="set email.security = starttls or tls"
            )

    async def send(self, address: str, subject: str, text: str, message_id: str) -> str:
        """See EmailSender."""
        message = self._message(address, subject, text, message_id)
        return await asyncio.to_thread(self._send, address, message)

    def _message(self, address: str, subject: str, text: str, message_id: str) -> EmailMessage:
        sender = self._settings.sender
        message = EmailMessage()
        try:
            message["From"], message["To"], message["Subject"] = sender, address, subject
        except ValueError:  # a line break in an address or a subject would be another header
            raise MessageError("an email's address or subject holds what no header can hold") from None
        message["Date"] = formatdate(localtime=False)
        message["Message-ID"] = f"<{message_id}@{sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no automatic answers
        message.set_content(text)
        return message

    def _send(self, address: str, message: EmailMessage) -> str:
        with self._connected() as server:
            _accepted(server.mail(self._settings.sender))
            _accepted(server.rcpt(address))
            return _data(server, message.as_bytes(policy=message.policy.clone(linesep="\r\n")))

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        """A session, encrypted and logged in as the settings say. Nothing has left while this fails."""
        try:
            server = self._open()
        except (OSError, smtplib.SMTPException) as error:
            certain = isinstance(error, smtplib.SMTPNotSupportedError | smtplib.SMTPAuthenticationError | ssl.SSLError)
            raise MessageError(f"the mail server: {_said(error)}", hint=HINT, again=not certain) from None
        try:
            yield server
        except UnicodeEncodeError:
            raise MessageError(
                "the mail server takes no such address", hint="write the domain in its ASCII form"
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise MessageError(f"the mail server: {_said(error)}", hint=HINT, again=True) from None
        finally:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()

    def _open(self) -> smtplib.SMTP:
        settings = self._settings
        context = ssl.create_default_context(cafile=str(settings.ca_file) if settings.ca_file else None)
        where = (self._host, self._port)
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=settings.timeout_s, context=context)
        else:
            server = smtplib.SMTP(*where, timeout=settings.timeout_s)
        try:
            if settings.security == "starttls":
                server.starttls(context=context)
            if settings.user:
                server.login(settings.user, settings.password)
            server.ehlo_or_helo_if_needed()
        except BaseException:
            server.close()
            raise
        return server


def _accepted(answer: tuple[int, bytes]) -> None:
    """Raises MessageError where the server refuses sender or receiver: nothing has left."""
    code, _ = answer
    if code >= 400:
        raise MessageError(f"the mail server refused: {code}", hint=HINT, again=code < 500)


def _data(server: smtplib.SMTP, message: bytes) -> str:
    """The text. Where the connection breaks after it began, the server may have it."""
    try:
        code, text = server.data(message)
    except smtplib.SMTPDataError as error:  # refused before the text
        raise MessageError(f"the mail server refused: {error.smtp_code}", again=error.smtp_code < 500) from None
    except (OSError, smtplib.SMTPException) as error:
        raise MessageError(f"the mail server did not answer: {_said(error)}", hint=HINT, unknown=True) from None
    if code >= 400:
        raise MessageError(f"the mail server refused the text: {code}", hint=HINT, again=code < 500)
    return f"{code} {text.decode(errors='replace')}"[:200]


def _said(error: Exception) -> str:
    """What went wrong, without an address: a server's refusal may repeat one."""
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
