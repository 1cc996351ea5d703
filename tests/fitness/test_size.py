"""A file has at most 400 lines, a function 60; there is no list of exceptions."""

from __future__ import annotations

import ast

from tests.fitness.tree import name, python, tree

FILE_LINES, FUNCTION_LINES = 400, 60


def functions(module: ast.AST) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    return [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def test_files_are_short() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in python()}
    assert len(lines) > 100
    assert not [f"{name(path)}: {count} lines" for path, count in lines.items() if count > FILE_LINES]


def test_functions_are_short() -> None:
    found = []
    for path in python():
        for node in functions(tree(path)):
            count = (node.end_lineno or node.lineno) - node.lineno + 1
            if count > FUNCTION_LINES:
                found.append(f"{name(path, node.lineno)}: {node.name} has {count} lines")
    assert not found


def test_the_measure_counts_a_nested_and_an_asynchronous_function() -> None:
    source = "async def outer():\n" + "    def inner():\n        pass\n" * 31
    assert [node.name for node in functions(ast.parse(source))].count("inner") == 31
    assert max((n.end_lineno or 0) - n.lineno + 1 for n in functions(ast.parse(source))) == 63
