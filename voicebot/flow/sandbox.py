"""The sandbox prompts are rendered in: an allow-list of what a template may be made of, then Jinja's own sandbox.

A prompt needs text, values, filters and if/else; loops, calls, macros, imports and arithmetic are refused when the file
is read, with their line, so nothing a template holds can run long or reach an object's insides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, nodes
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from voicebot.flow.findings import Finding, Where, finding
from voicebot.flow.spoken import Spoken

#: What a template is made of.
_ALLOWED = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.Block,
    nodes.If,
    nodes.Name,
    nodes.Const,
    nodes.Getattr,
    nodes.Filter,
    nodes.Keyword,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
)
_TESTS = frozenset({"defined", "undefined", "none"})
_COMPARISONS = frozenset({"eq", "ne", "gt", "gteq", "lt", "lteq"})
MAX_TEMPLATE = 64_000

#: What a template may name: fields of each, empty for a plain value. The first group is always there; the second only
#: after the right party is verified (the gate).
OPEN: Mapping[str, frozenset[str]] = {
    "bank": frozenset({"name", "robot", "callback_number"}),
    "customer": frozenset({"name"}),
    "callback": frozenset({"date", "time", "at"}),
    "challenge": frozenset({"digits"}),
    "no_call": frozenset({"windows"}),
    "asked": frozenset(),
    "tone": frozenset(),
    "direction": frozenset(),
    "today": frozenset(),
    "recording": frozenset(),
}
PRIVATE: Mapping[str, frozenset[str]] = {
    "loan": frozenset({"product", "principal", "outstanding", "due", "due_on", "currency", "purpose", "disbursed_on"}),
    "offer": frozenset({"product", "limit", "currency", "rate_percent"}),
    "notice": frozenset({"debt"}),
    "said": frozenset(
        {"purpose", "promise_amount", "promise_date", "appointment_date", "appointment_time", "appointment_at"}
    ),
}


class PromptEnvironment(ImmutableSandboxedEnvironment):
    """Jinja without globals, without calls, and with attributes only of plain tables."""

    def __init__(self, spoken: Spoken) -> None:
        super().__init__(undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True)
        self.globals.clear()
        self.filters = dict(spoken.filters())
        self.tests = {name: test for name, test in self.tests.items() if name in _TESTS}

    def getattr(self, obj: Any, attribute: str) -> Any:
        """A field of a plain table; anything else is undefined."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return self.undefined(obj=obj, name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """As getattr: `loan["due"]` is `loan.due`."""
        return self.getattr(obj, str(argument))

    def call(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing may be called."""
        del args, kwargs
        raise SecurityError("a prompt cannot call anything")


def parse(environment: PromptEnvironment, source: str, label: str) -> tuple[nodes.Template | None, list[Finding]]:
    """Parse a template and hold it against the allow-list; every breach with its line."""
    if len(source) > MAX_TEMPLATE:
        return None, [finding(Where(label, 1), f"is longer than {MAX_TEMPLATE} characters")]
    try:
        tree = environment.parse(source)
    except TemplateSyntaxError as error:
        return None, [finding(Where(label, error.lineno), f"not a template: {error.message}")]
    except RecursionError:
        return None, [finding(Where(label, 1), "not a template: nested too deeply")]
    breaches = [finding(Where(label, node.lineno or 1), message) for node, message in _breaches(tree)]
    return tree, breaches


def _breaches(tree: nodes.Template) -> Iterator[tuple[nodes.Node, str]]:
    for node in tree.body:
        if isinstance(node, nodes.Block) or _is_blank(node):
            continue
        yield node, "text outside of a block is never said: put it in {% block NAME %}…{% endblock %}"
    for block in tree.find_all(nodes.Block):
        if any(True for _ in block.find_all(nodes.Block)):
            yield block, f"the block `{block.name}` holds another block"
    for node in _all(tree):
        if not isinstance(node, _ALLOWED):
            yield node, f"a prompt cannot use {type(node).__name__.lower()}: text, values, filters and if/else only"
        elif isinstance(node, nodes.Filter) and node.name not in _filters(node):
            yield node, f"there is no filter `{node.name}`"
        elif isinstance(node, nodes.Test) and node.name not in _TESTS:
            yield node, f"there is no test `{node.name}`"
        elif isinstance(node, nodes.Operand) and node.op not in _COMPARISONS:
            yield node, f"a prompt cannot compare with `{node.op}`"
        elif isinstance(node, nodes.Name | nodes.Getattr) and (message := _unknown(node)):
            yield node, message


def _all(node: nodes.Node) -> Iterator[nodes.Node]:
    """The node and everything below it."""
    yield node
    for child in node.iter_child_nodes():
        yield from _all(child)


def _filters(node: nodes.Node) -> Mapping[str, object]:
    environment = node.environment
    return environment.filters if environment is not None else {}


def _is_blank(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Output) and all(
        isinstance(part, nodes.TemplateData) and not part.data.strip() for part in node.nodes
    )


def _unknown(node: nodes.Name | nodes.Getattr) -> str:
    """Why a name or a field is not one a prompt can know; "" where it is."""
    if isinstance(node, nodes.Name):
        return "" if node.name in OPEN or node.name in PRIVATE else f"`{node.name}` is nothing a prompt knows"
    if not isinstance(node.node, nodes.Name):
        return "a prompt can name `table.field` and nothing deeper"
    table = node.node.name
    fields = OPEN.get(table) or PRIVATE.get(table)
    if fields is None or node.attr in fields:
        return "" if fields else f"`{table}` has no fields"
    return f"`{table}` has no field `{node.attr}`; it has: {', '.join(sorted(fields))}"
