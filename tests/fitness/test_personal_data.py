"""No log message holds personal data: no f-string, and nothing named like a transcript, name or number."""

from __future__ import annotations

import ast

import pytest

from tests.fitness.tree import name, python, tree

LEVELS = frozenset(("debug", "info", "warning", "error", "exception", "critical", "log"))
LOGGERS = frozenset(("log", "logger", "logging", "_log", "_logger", "LOG"))
#: Words of a name that say what is in it: personal.
PERSONAL = frozenset(
    (
        *("text", "transcript", "utterance", "reply", "words", "said", "heard", "hypotheses", "alternatives"),
        *("number", "phone", "caller", "remote", "uri", "user", "customer", "callee"),
        *("dob", "birth", "password", "token", "secret", "slots", "amount"),
    )
)
#: Attributes that are a person's name where they stand alone: `customer.name`, `person.name`.
NAMED = frozenset(("customer", "person", "account", "persona"))


def log_calls(module: ast.AST) -> list[ast.Call]:
    """Calls of a logger."""
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            owner = node.func.value
            last = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            if last in LOGGERS:
                found.append(node)
    return found


def personal(expression: ast.expr) -> list[str]:
    """What is personal in an argument of a log call, by its names."""
    found = []
    for node in ast.walk(expression):
        if isinstance(node, ast.JoinedStr):
            found.append("an f-string")
        elif isinstance(node, ast.Attribute | ast.Name):
            last = node.attr if isinstance(node, ast.Attribute) else node.id
            parts = set(last.lower().split("_"))
            if parts & PERSONAL and not parts & {"id", "count", "hash"}:
                found.append(last)
            if isinstance(node, ast.Attribute) and last == "name" and ast.unparse(node.value).split(".")[-1] in NAMED:
                found.append(ast.unparse(node))
    return found


def problems(module: ast.AST) -> list[tuple[int, str]]:
    """Lines and what is wrong there. Personal data may go into `extra`, under keys that start with "pii."."""
    found = []
    for call in log_calls(module):
        for argument in call.args:
            found += [(call.lineno, what) for what in personal(argument)]
        for keyword in call.keywords:
            if keyword.arg == "extra" and isinstance(keyword.value, ast.Dict):
                for key, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                    marked = isinstance(key, ast.Constant) and str(key.value).startswith("pii.")
                    found += [] if marked else [(call.lineno, what) for what in personal(value)]
    return found


def test_no_log_message_holds_personal_data() -> None:
    paths = python("voicebot", "storage")
    assert sum(len(log_calls(tree(path))) for path in paths) > 5
    assert not [f"{name(path, line)}: {what}" for path in paths for line, what in problems(tree(path))]


def test_no_library_prints() -> None:
    printing = [
        name(path, node.lineno)
        for path in python("voicebot", "storage", "sip_sim")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert not printing


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('log.info("call %d", attempt_id)', []),
        ('log.info(f"call {attempt_id}")', ["an f-string"]),
        ('self._log.warning("heard %s", utterance.text)', ["text", "utterance"]),
        ('logger.error("%s", leg.remote)', ["remote"]),
        ('logger.error("%s", account.customer.name)', ["account.customer.name"]),
        ('logger.error("%s", customer_id)', []),
        ('logger.info("x", extra={"pii.text": reply_text})', []),
        ('logger.info("x", extra={"text": reply_text})', ["reply_text"]),
        ('math.log("text")', []),
    ],
)
def test_the_search_finds_what_it_should(source: str, found: list[str]) -> None:
    assert sorted(what for _, what in problems(ast.parse(source)) if what != "customer") == sorted(found)
