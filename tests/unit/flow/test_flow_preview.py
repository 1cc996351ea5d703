"""`voicebot preview`: the rehearsal, every prompt, the typed call, the spoken file."""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.unit.flow.helpers import ACCOUNT, FLOWS, TEMPLATES, book, prompts
from voicebot.commands.portfolio import portfolio
from voicebot.commands.preview import preview
from voicebot.errors import FlowError, StorageError
from voicebot.flow.prompts import PromptContext
from voicebot.flow.rehearse import every_prompt, rehearse, used_flows
from voicebot.model.audio import AudioFrame
from voicebot.settings import BankSettings, PathSettings, Settings

CONTEXT = PromptContext(BankSettings(), ACCOUNT, ACCOUNT.loan.disbursed_on)
CUSTOMERS = """id,name,number,birth_date,id_last4,language,timezone
C-1,Joe Miller,15550101001,1990-05-02,0042,en,America/New_York
"""
LOANS = """account_id,customer_id,product,principal,outstanding,due,due_on,currency,purpose,disbursed_on
A-1001,C-1,Online loan,12000,8400,450,2026-11-27,USD,vehicle,2026-05-01
"""


@pytest.mark.parametrize(
    ("flow", "last"),
    [
        ("verification", "RPC_VERIFIED"),
        ("invitation", "INVITATION_ACCEPTED"),
        ("reminder", "PROMISE_TO_PAY"),
        ("inbound", "RPC_VERIFIED"),
    ],
)
def test_the_happy_path_of_every_script(flow: str, last: str) -> None:
    lines = rehearse(book(), prompts(), flow, CONTEXT)
    assert (lines[-1].who, lines[-1].text) == ("end", last)
    said = [line for line in lines if line.who == "bot"]
    assert said[0].prompt == "greeting.hello"
    private = re.compile("loan|instalment|percent")
    first_private = next(n for n, line in enumerate(said) if private.search(line.text))
    assert all(line.verified for line in said[first_private:])


@pytest.mark.parametrize(
    ("path", "last"),
    [
        ({"ask": ["wrong_person"], "confirm": ["deny"]}, "WRONG_PARTY"),
        ({"ask_pay": ["no_match", "hardship"]}, "HARDSHIP"),
        ({"reminder.ask_pay": ["stop_calling"]}, "DO_NOT_CALL"),
        ({"gate": ["voice_mismatch"]}, "VOICE_MISMATCH"),
        ({"ask_pay": ["human"], "human": ["failed"]}, "CALLBACK"),
        ({"ask_pay": ["no_input", "no_input"], "silent": ["affirm"]}, "CALLBACK"),
    ],
)
def test_another_path(path: dict[str, list[str]], last: str) -> None:
    assert rehearse(book(), prompts(), "reminder", CONTEXT, path)[-1].text == last


def test_an_answer_the_step_does_not_know() -> None:
    with pytest.raises(FlowError, match=r"reminder\.yaml:\d+: the step `reminder\.ask_pay` has no `maybe`"):
        rehearse(book(), prompts(), "reminder", CONTEXT, {"ask_pay": ["maybe"]})


def test_every_prompt_is_shown_and_marked() -> None:
    lines = list(every_prompt(book(), prompts(), "reminder", CONTEXT))
    shown = {line.prompt for line in lines}
    assert {"greeting.hello", "identity.more_speech", "reminder.ask_pay", "everywhere.stop"} <= shown
    marked = {line.prompt for line in lines if line.verified}
    assert "reminder.ask_pay" in marked
    assert not marked & {"greeting.hello", "identity.mismatch", "everywhere.stop", "reminder.voice_lost"}
    assert used_flows(book(), "inbound")[0] == "inbound"
    assert {"verification", "identity", "everywhere"} <= set(used_flows(book(), "inbound"))


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """The command, with one account in a store of its own."""
    database, customers, loans = (tmp_path / name for name in ("voicebot.db", "customers.csv", "loans.csv"))
    customers.write_text(CUSTOMERS, encoding="utf-8")
    loans.write_text(LOANS, encoding="utf-8")
    paths = PathSettings(database=database, flows=FLOWS, templates=TEMPLATES, prompt_cache=tmp_path / "prompts")
    settings = Settings(paths=paths)
    imported = CliRunner().invoke(portfolio, ["import", str(customers), str(loans)], obj=settings)
    assert imported.exit_code == 0, imported.output

    def invoke(*arguments: str, typed: str = "") -> Result:
        return CliRunner().invoke(preview, list(arguments), obj=settings, input=typed)

    return invoke


def test_the_command_prints_the_path(run: Callable[..., Result]) -> None:
    result = run("reminder", "--account", "A-1001", "--path", "ask_pay=deny")
    assert result.exit_code == 0, result.output
    assert "Joe Miller" in result.output
    assert "four hundred fifty dollars" in result.output
    assert "reminder.ask_plan" in result.output
    assert result.output.rstrip().endswith("PROMISE_TO_PAY")


def test_the_command_in_json(run: Callable[..., Result]) -> None:
    result = run("reminder", "--account", "A-1001", "--all", "--json")
    rows = [json.loads(line) for line in result.output.splitlines()]
    assert {"who", "step", "text", "verified", "prompt"} == set(rows[0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nope", "--account", "A-1001"], "no flow `nope`"),
        (["reminder", "--account", "A-1001", "--path", "x"], "is not STEP=ANSWER"),
        (["reminder"], "Missing option '--account'"),
    ],
)
def test_wrong_arguments(run: Callable[..., Result], arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.output


def test_an_unknown_account(run: Callable[..., Result]) -> None:
    assert isinstance(run("reminder", "--account", "A-9").exception, StorageError)


def test_a_typed_call(run: Callable[..., Result]) -> None:
    typed = "yes speaking\nsecond of may nineteen ninety\nI can pay four hundred dollars next friday\nyes\n"
    result = run("reminder", "--account", "A-1001", "--chat", typed=typed)
    assert result.exit_code == 0, result.output
    assert "PROMISE_TO_PAY" in result.output
    assert "amount=Decimal('400')" in result.output


def test_a_typed_call_with_keys_silence_and_a_hang_up(run: Callable[..., Result]) -> None:
    typed = "\nyes\nsecond of may nineteen ninety\n#0042\n/hangup\n"
    result = run("reminder", "--account", "A-1001", "--chat", "--voice", "none", typed=typed)
    assert "can you hear me" in result.output
    assert "four hundred fifty dollars" in result.output
    assert "HUNG_UP" in result.output


def test_a_typed_call_by_another_voice(run: Callable[..., Result]) -> None:
    typed = "yes\nsecond of may nineteen ninety\n"
    result = run("reminder", "--account", "A-1001", "--chat", "--voice", "mismatch", typed=typed)
    assert "VOICE_MISMATCH" in result.output
    assert "W-V3" in result.output
    assert "dollars" not in result.output


class Beep:
    """A synthesizer: 10 ms of sound a letter."""

    name = "beep"

    def synthesize(self, text: str) -> AudioFrame:
        """See Synthesizer."""
        return AudioFrame(b"\x01\x10" * (80 * len(text)), 8000)


def test_the_command_speaks(run: Callable[..., Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voicebot.engines.choose.choose_synthesizer", lambda *_: Beep())
    out = tmp_path / "out.wav"
    result = run("reminder", "--account", "A-1001", "--wav", str(out))
    assert result.exit_code == 0, result.output
    with wave.open(str(out), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (8000, 1, 2)
        assert file.getnframes() / 8000 > 5
