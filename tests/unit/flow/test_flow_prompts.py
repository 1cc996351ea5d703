"""Prompts: the sandbox against hostile templates, the gate, and what the synthesizer gets."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.flow.helpers import ACCOUNT, NOW, TEMPLATES, prompts
from voicebot.errors import FlowError, PromptError
from voicebot.flow.prompts import PromptContext, Prompts, clean
from voicebot.flow.sandbox import PRIVATE
from voicebot.model.flow import Say
from voicebot.settings import BankSettings

OPEN = PromptContext(BankSettings(), ACCOUNT, NOW.date())
BEHIND = replace(OPEN, bank=BankSettings(debt_notice="A notice."), verified=True)

HOSTILE = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ customer.__class__ }}",
    "{{ customer['__class__'] }}",
    "{{ customer.name.__class__.__base__ }}",
    "{{ loan.__init__.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "{{ joiner.__init__.__globals__ }}",
    "{{ namespace.__init__ }}",
    "{{ config.items() }}",
    "{{ request.application.__globals__ }}",
    "{{ customer|attr('__class__') }}",
    "{{ ['id']|map('system')|list }}",
    "{{ customer.name.format(customer) }}",
    "{{ '{0.__class__}'.format(1) }}",
    "{{ '%s' % customer }}",
    "{{ 'a' * 1000000000 }}",
    "{{ 2 ** 1000000000 }}",
    "{{ 9999999 - -9 }}",
    "{% for i in range(1000000000) %}x{% endfor %}",
    "{% for i in 'ab' %}{{ i }}{% endfor %}",
    "{% set x = 1 %}",
    "{% macro m() %}x{% endmacro %}",
    "{% import 'os' as os %}",
    "{% include '/etc/passwd' %}",
    "{% extends '/etc/passwd' %}",
    "{% filter upper %}x{% endfilter %}",
    "{% with a = 1 %}{% endwith %}",
    "{% call foo() %}{% endcall %}",
    "{{ range(10) }}",
    "{{ today.today() }}",
    "{{ loan.due.amount }}",
    "{{ loan.due_on.strftime('%s') }}",
    "{{ asked if asked is callable }}",
    "{{ asked in [1, 2] }}",
    "{{ 'x' ~ 'y' }}",
    "{{ [1, 2] }}",
    "{{ {'a': 1} }}",
    "{{ bank.password }}",
    "{{ customer.birth_date }}",
    "{{ customer.id_last4 }}",
    "{{ customer.number }}",
    "{{ nothing }}",
    "{{ asked.real }}",
    "{{ customer.name | pprint }}",
    "{{ customer.name | safe }}",
    "{{ unfinished",
    "{% if asked %}",
    "{% block inner %}x{% endblock %}",
    "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
]


def language(folder: Path, template: str, name: str = "x") -> Path:
    """A templates folder with one language and one template."""
    (folder / "en").mkdir(parents=True)
    shutil.copy(TEMPLATES / "en" / "spoken.yaml", folder / "en")
    (folder / "en" / f"{name}.j2").write_text(template, encoding="utf-8")
    return folder


def block(folder: Path, body: str) -> Prompts:
    """Prompts with one block `p`."""
    return Prompts(language(folder, "\n{% block p %}" + body + "{% endblock %}\n"), "en")


@pytest.mark.parametrize("body", HOSTILE, ids=[str(n) for n in range(len(HOSTILE))])
def test_hostile_templates_are_refused_when_they_are_read(tmp_path: Path, body: str) -> None:
    with pytest.raises(FlowError, match=rf"{tmp_path.name}/en/x\.j2:[123]: "):
        block(tmp_path, body)


@pytest.mark.parametrize(
    "body", ["{{ customer.name }}", "{{ ''.__class__ }}", "{{ 7 * 7 }}", "{% raw %}{{ x }}{% endraw %}"]
)
def test_what_a_customer_is_called_is_never_a_template(tmp_path: Path, body: str) -> None:
    named = replace(ACCOUNT, customer=replace(ACCOUNT.customer, name=f"A {body} Z"))
    made = block(tmp_path, "Hello {{ customer.name }}")
    text = made.render("x", Say("s", "p"), replace(OPEN, account=named))
    assert text.startswith("Hello A")
    assert "49" not in text
    assert "str" not in text.replace("strftime", "")


@pytest.mark.parametrize("field", sorted(f"{table}.{field}" for table, fields in PRIVATE.items() for field in fields))
def test_the_gate_holds_for_every_private_field(tmp_path: Path, field: str) -> None:
    made = block(tmp_path, f"Now {{{{ {field} }}}}")
    facts = dict.fromkeys(PRIVATE["said"], "x")
    for context in (OPEN, replace(OPEN, facts=facts), replace(BEHIND, account=None)):
        with pytest.raises(PromptError, match=r"x\.j2:2: the prompt `p` cannot be rendered"):
            made.render("x", Say("s", "p"), context)
    assert made.render("x", Say("s", "p"), replace(BEHIND, facts=facts)).startswith("Now ")


def test_the_gate_cannot_be_asked_around(tmp_path: Path) -> None:
    made = block(tmp_path, "{% if loan is defined %}debt{% else %}nothing{% endif %}")
    assert made.render("x", Say("s", "p"), OPEN) == "nothing"
    assert made.blocks("x")["p"].private


def test_a_prompt_too_long_or_empty(tmp_path: Path) -> None:
    long = block(tmp_path / "a", "word " * 200)
    empty = block(tmp_path / "b", "{% if asked > 5 %}x{% endif %}")
    for made in (long, empty):
        with pytest.raises(PromptError, match=r"characters \(1 to 600\)"):
            made.render("x", Say("s", "p"), OPEN)


def test_a_missing_prompt_and_a_missing_language(tmp_path: Path) -> None:
    with pytest.raises(PromptError, match="there is no prompt `nope`"):
        prompts().render("reminder", Say("s", "nope"), OPEN)
    with pytest.raises(PromptError, match="there is no prompt `nope`"):
        prompts().render("reminder", Say("s", "closing.nope"), OPEN)
    with pytest.raises(FlowError, match="no templates for the language `xx`"):
        Prompts(TEMPLATES, "xx")
    with pytest.raises(FlowError, match="text outside of a block"):
        Prompts(language(tmp_path, "lost words\n"), "en")


def test_the_templates_see_why_they_are_asked_again() -> None:
    def words(asked: int, tone: str | None) -> str:
        return prompts().render("reminder", Say("s", "right_party.ask", asked, tone), OPEN)

    assert words(1, None) == "Am I speaking with Joe Miller?"
    assert words(2, "no_input").startswith("Hello, can you hear me?")
    assert words(2, "no_match").startswith("Sorry, I did not catch that.")


def test_a_prompt_of_the_flow_needs_no_flow_in_its_name() -> None:
    say = Say("s", "voicemail")
    text = prompts().render("announcements", say, OPEN)
    assert text == prompts().render("reminder", replace(say, prompt="announcements.voicemail"), OPEN)
    assert "eight zero zero" in text


def test_what_is_known_before_the_call_is_spoken_into_the_cache() -> None:
    names = ["right_party.ask", "reminder.read_back", "reminder.ask_pay", "closing.goodbye"]
    early = prompts().static_texts(names, OPEN)
    assert any("Am I speaking" in text for text in early)
    assert any("can you hear me" in text for text in early)
    assert not any("instalment" in text for text in early)
    known = prompts().static_texts(names, BEHIND)
    assert any("instalment" in text for text in known)
    assert not any("So you will pay" in text for text in known)


@pytest.mark.parametrize(
    ("raw", "spoken"),
    [
        ("  a \n\t b  ", "a b"),
        ("a <speak>b</speak> c", "a b c"),
        ("a , b .", "a, b."),
        ("x\x00\x1b[31m\u202ey", "x 31m y"),
        ("snake_case *bold* `code` #1", "snake case bold code 1"),
        ("Zoë O’Neil, 50% € ♥ {x} @", "Zoë O’Neil, 50% € x"),
        ("e\u0301", "é"),
        ("你好，王。", "你好，王。"),
        ("", ""),
    ],
)
def test_text_is_cleaned_for_the_synthesizer(raw: str, spoken: str) -> None:
    assert clean(raw) == spoken
