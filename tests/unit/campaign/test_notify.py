"""Emails and SMS of campaigns: asked, written, sent once, and what may have left goes to a person."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tests.unit.campaign.desk import HOUR, Bank, open_bank
from voicebot.campaign.dialer_job import work
from voicebot.campaign.notify import Allowed, Notifier
from voicebot.campaign.notify_texts import MessageBook, Texts
from voicebot.campaign.retry import Policy, RetryRules
from voicebot.errors import FlowError, MessageError, PromptError
from voicebot.flow.private_words import load_private_words
from voicebot.model.campaign import GateDecision, JobState, Method
from voicebot.settings import PROJECT, BankSettings

TEMPLATES = PROJECT / "scripts_templates"
YES = GateDecision(True, "allowed", "", "none", "v", datetime.now(UTC))


class Sender:
    """Both ports: keeps what it is given; `error` is raised."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, ...]] = []
        self.error: MessageError | None = None

    async def send(self, *words: str) -> str:
        self.sent.append(words)
        if self.error is not None:
            raise self.error
        return "250 queued"


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    with open_bank(tmp_path) as found:
        yield found


class Office:
    """The notifier of a bank. `allowed`: what the gate says."""

    def __init__(self, bank: Bank) -> None:
        self.bank, self.email, self.sms = bank, Sender(), Sender()
        self.allowed = Allowed(YES, detail=False)
        book = MessageBook(TEMPLATES, "en", BankSettings())
        self.notifier = Notifier(
            bank.campaigns,
            bank.pool,
            bank.store.account,
            lambda _: self.allowed,
            book.texts,
            email=self.email,
            sms=self.sms,
            clock=bank.clock,
        )

    async def work(self, method: Method, **more: object):
        return await work(self.bank.desk(send=self.notifier.send), self.bank.leased(method=method, **more))

    def rows(self):
        return self.bank.store.db.rows("SELECT * FROM messages")


async def test_an_sms_is_sent_once_and_kept_without_the_number(bank: Bank) -> None:
    office = Office(bank)
    done = await office.work(Method.SMS)
    assert (done.state, done.reason) == (JobState.DONE, "sent")
    ((number, text, message_id),) = office.sms.sent
    assert number == "15550101001"
    assert text.startswith("Harbour Bank has a message for Joe Miller. Please call 1 800 555 0100.")
    assert message_id == f"spring.{done.job.id}"
    (row,) = office.rows()
    assert (row["method"], row["state"], row["answer"], row["text"]) == ("sms", "sent", "250 queued", text)
    assert number not in str(row)


async def test_an_email_has_a_subject(bank: Bank) -> None:
    with bank.store.db.write():
        bank.store.db.run("UPDATE customers SET email = 'joe@example.com' WHERE id = 'C-1001'")
    office = Office(bank)
    assert (await office.work(Method.EMAIL)).state is JobState.DONE
    ((address, subject, text, _),) = office.email.sent
    assert (address, subject) == ("joe@example.com", "A message from Harbour Bank")
    assert text.startswith("Dear Joe Miller")
    assert "joe@" not in str(office.rows())


async def test_who_has_no_address_gets_nothing(bank: Bank) -> None:
    office = Office(bank)
    done = await office.work(Method.EMAIL)
    assert (done.state, done.reason) == (JobState.FAILED, "no email address")
    assert office.rows() == []


async def test_the_gate_is_asked_first(bank: Bank) -> None:
    office = Office(bank)
    later = bank.clock() + HOUR
    office.allowed = Allowed(GateDecision(False, "hours", "night", "us", "v", bank.clock(), later), detail=False)
    done = await office.work(Method.SMS)
    assert (done.state, done.reason, done.again) == (JobState.PENDING, "hours", later)
    assert office.sms.sent == []


async def test_what_may_have_left_is_not_sent_again(bank: Bank) -> None:
    office = Office(bank)
    office.sms.error = MessageError("no answer", unknown=True)
    done = await office.work(Method.SMS)
    assert (done.state, done.reason) == (JobState.FAILED, "unknown")
    assert [row["state"] for row in office.rows()] == ["sending"]
    (task,) = bank.campaigns.tasks()
    assert (task.kind, task.account_id) == ("review", "A-1001")


async def test_a_crash_between_sending_and_storing_is_a_persons(bank: Bank) -> None:
    job = bank.leased(method=Method.SMS)
    bank.campaigns.open_message(job.id, Method.SMS, "15550101001", "text")
    with bank.store.db.write():
        bank.store.db.run("UPDATE jobs SET leased_by = 'somebody who is gone'")
    bank.campaigns.release_leases(bank.clock(), Policy(RetryRules()))
    assert bank.job().state in (JobState.FAILED, JobState.HUMAN)
    assert [task.kind for task in bank.campaigns.tasks()] == ["review"]


async def test_what_did_not_leave_is_tried_few_times(bank: Bank) -> None:
    office, bank.now = Office(bank), datetime.now(UTC)
    office.sms.error = MessageError("busy", again=True)
    done = await office.work(Method.SMS)
    gaps = []
    while done.state is JobState.PENDING:
        gaps.append(done.again - bank.now)
        bank.now = done.again
        (job,) = bank.campaigns.lease(1, bank.now)
        done = await work(bank.desk(send=office.notifier.send), job)
    assert gaps == [timedelta(minutes=10), timedelta(minutes=20)]
    assert (done.state, done.reason) == (JobState.FAILED, "failure 3")
    assert {row["state"] for row in office.rows()} == {"failed"}


async def test_what_is_refused_is_not_tried_again(bank: Bank) -> None:
    office = Office(bank)
    office.sms.error = MessageError("no such number")
    assert (await office.work(Method.SMS)).state is JobState.FAILED


def test_ways_that_are_not_set_are_not_taken(bank: Bank) -> None:
    office = Office(bank)
    assert office.notifier.methods == {Method.EMAIL, Method.SMS}
    nothing = Notifier(
        *(bank.campaigns, bank.pool, bank.store.account, lambda _: office.allowed, MessageBook),  # type: ignore[arg-type]
        email=None,
        sms=office.sms,
    )
    assert nothing.methods == {Method.SMS}


# --- the words

TODAY = date(2026, 11, 22)


def texts() -> Texts:
    return Texts(TEMPLATES, "en", BankSettings())


@pytest.mark.parametrize("method", [Method.SMS, Method.EMAIL])
@pytest.mark.parametrize("name", ["reminder", "invitation", "anything"])
def test_without_leave_no_message_hints_at_a_loan(bank: Bank, method: Method, name: str) -> None:
    words = load_private_words(TEMPLATES / "en")
    for account in bank.store.accounts():
        said = texts().write(name, method, account, TODAY, detail=False)
        assert not list(words.find(said.text))
        assert not list(words.find(said.subject))
        assert not any(str(value) in said.text for value in (account.loan.due, account.loan.outstanding))


def test_with_leave_a_reminder_names_the_instalment_in_figures(bank: Bank) -> None:
    account = bank.store.account("A-1001")
    said = texts().write("reminder", Method.SMS, account, TODAY, detail=True)
    assert "$450.00" in said.text
    assert "is due on" in said.text
    late = texts().write("reminder", Method.EMAIL, account, account.loan.due_on + timedelta(days=1), detail=True)
    assert "was due on" in late.text
    assert "\n\n" in late.text
    assert late.subject.startswith("Your instalment")
    # Where there is no detailed text of a name, the limited one is sent.
    assert "$" not in texts().write("anything", Method.SMS, account, TODAY, detail=True).text


def folder(tmp_path: Path, limited: str) -> Path:
    (tmp_path / "en").mkdir(parents=True)
    (tmp_path / "en" / "spoken.yaml").write_bytes((TEMPLATES / "en" / "spoken.yaml").read_bytes())
    (tmp_path / "en" / "messages.j2").write_text(limited)
    return tmp_path


@pytest.mark.parametrize(
    "line",
    ["{{ loan.due | money }}", "{{ offer.limit | money }}", "{% if loan is defined %}x{% endif %}", "{{ asked }}"],
)
def test_the_limited_text_cannot_name_the_loan(bank: Bank, tmp_path: Path, line: str) -> None:
    where = folder(
        tmp_path / "t" if (tmp_path / "t").mkdir() is None else tmp_path, f"{{% block sms %}}{line}{{% endblock %}}"
    )
    with pytest.raises(PromptError):
        Texts(where, "en", BankSettings()).write("x", Method.SMS, bank.store.account("A-1001"), TODAY, detail=False)


def test_a_template_that_does_more_than_text_is_refused(tmp_path: Path) -> None:
    where = folder(tmp_path, "{% block sms %}{% for i in customer %}{{ i }}{% endfor %}{% endblock %}")
    with pytest.raises(FlowError, match=r"messages\.j2:1"):
        Texts(where, "en", BankSettings())


def test_an_sms_has_an_end(bank: Bank, tmp_path: Path) -> None:
    where = folder(
        tmp_path / "t" if (tmp_path / "t").mkdir() is None else tmp_path,
        "{% block sms %}" + "x" * 613 + "{% endblock %}",
    )
    with pytest.raises(PromptError, match="613"):
        Texts(where, "en", BankSettings()).write("x", Method.SMS, bank.store.account("A-1001"), TODAY, detail=False)


def test_a_language_without_messages_gets_the_default_ones() -> None:
    book = MessageBook(TEMPLATES, "en", BankSettings())
    assert book.texts("xx") is book.texts("en")
    assert book.texts("../../etc") is book.texts("en")


def test_figures_are_written_for_the_eye() -> None:
    written = texts()._environment.filters
    assert written["number"](Decimal("2450.5")) == "2,450.5"
    assert written["percent"](Decimal("4.5")) == "4.5%"
    assert written["day"](TODAY) == "November 22, 2026"
    assert written["time"](datetime(2026, 11, 22, 15, 30, tzinfo=UTC)).replace("\u202f", " ") == "3:30 PM"
    assert written["digits"]("1 800") == "1 800"
    for name in ("number", "money", "day", "time"):
        with pytest.raises(PromptError):
            written[name]("text")
