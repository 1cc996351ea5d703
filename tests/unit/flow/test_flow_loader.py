"""Broken flow files: every problem is listed, each with its file and line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.flow.helpers import FLOWS
from voicebot.errors import FlowError
from voicebot.flow.fields import Fields
from voicebot.flow.loader import DEFAULT_KEYS, FLOW_KEYS, STEP_KEYS, load_flows, read_flows
from voicebot.flow.yaml_source import Text, read_yaml

GOOD = """flow: x
version: 1
first: hello
defaults: {give_up: bye}
steps:
  hello: {say: hello, listen: affirm_deny, next: {affirm: bye, deny: bye}}
  bye:   {say: bye, end: RPC_VERIFIED}
"""


def problems(folder: Path, text: str, name: str = "x.yaml") -> list[str]:
    """What loading says about one file: "line: message"."""
    (folder / name).write_text(text, encoding="utf-8")
    _, found = read_flows(folder)
    assert all(f.file == f"{folder.name}/{name}" for f in found)
    return [f"{f.line}: {f.message}" for f in found]


def test_the_flows_that_ship_are_good() -> None:
    book = load_flows(FLOWS)
    assert book.scripts == ("follow_up", "inbound", "invitation", "reminder", "verification")
    assert len(book.digest) == 12


def test_a_good_flow(tmp_path: Path) -> None:
    assert problems(tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "wanted"),
    [
        ("first: hello", "frist: hello", 3, "unknown key `frist` in a flow"),
        ("say: hello, listen", "sya: hello, listen", 6, "unknown key `sya` in the step `hello`"),
        ("give_up: bye", "give_upp: bye", 4, "unknown key `give_upp` in defaults"),
        ("version: 1", "flow: x", 2, "written twice (first on line 1)"),
        ("  bye:   {", "  hello: {", 7, "`hello` is written twice"),
        ("affirm: bye", "affirm: by", 6, "there is no step `by`"),
        ("first: hello", "first: helo", 1, "there is no step `helo`"),
        ("give_up: bye", "give_up: by", 1, "there is no step `by`"),
        ("{give_up: bye}", "{tries: 3}", 6, "has no `give_up`"),
        ("end: RPC_VERIFIED", "end: RPC_OK", 7, "is none of: NO_ANSWER"),
        ("end: RPC_VERIFIED", "end:", 7, "ends the call without a disposition"),
        ("end: RPC_VERIFIED", "set: {a: b}", 7, "has no way out"),
        ("end: RPC_VERIFIED", "end: HUNG_UP, goto: hello", 7, "2 ways out (end, goto)"),
        ("end: RPC_VERIFIED", "goto: hello, next: {a: hello}", 7, "`next` needs listen"),
        ("end: RPC_VERIFIED", "call: nowhere", 7, "calls `nowhere`, which is no flow"),
        ("end: RPC_VERIFIED", "return: done", 7, "it is not a sub-flow"),
        ("end: RPC_VERIFIED", "transfer: agent", 7, "no branch for `accepted`"),
        ("give_up: bye}", "give_up: bye, tries: many}", 4, "`tries` must be a number"),
        ("give_up: bye}", "give_up: bye, tries: 99}", 4, "between 1 and 9"),
        ("give_up: bye}", "give_up: bye, no_input_s: 0}", 4, "between 1 and 60"),
        ("give_up: bye}", "give_up: bye, barge_in: maybe}", 4, "must be true or false"),
        ("version: 1", "version: 1\nvoiceprint: {alpha: 0.5}", 3, "`alpha` must be between 0.0001 and 0.1"),
        ("version: 1", "version: 1\nvoiceprint: {beta: low}", 3, "`beta` must be a number"),
        ("version: 1", "version: 1\nvoiceprint: {challenge: often}", 3, "none of: never, risk, always"),
        ("version: 1", "version: 1\nvoiceprint: {limit: 3}", 3, "unknown key `limit` in voiceprint"),
        ("version: 1", "version: 1\nvoiceprint: strict", 3, "`voiceprint` must be a table"),
        ("flow: x", "flow: y", 1, "must be the file's name: `x`"),
        ("version: 1\n", "", 1, "`version` is missing"),
        ("say: hello, listen", "say: Hello, listen", 6, "`Hello` is not a name"),
        ("say: hello, listen", "say: [], listen", 6, "must be a name or a list"),
        ("listen: affirm_deny, next: {affirm: bye, deny: bye}", "listen: affirm_deny", 6, "`next` is missing"),
        ("listen: affirm_deny,", "listen: affirm_deny, store: {dat: x},", 6, "stores `dat`"),
        ("{affirm: bye, deny: bye}", "[affirm]", 6, "`next` must be a table"),
        ("{say: bye, end: RPC_VERIFIED}", "bye", 7, "must be a table"),
        ("{say: bye, end: RPC_VERIFIED}", "{say: bye, end: HUNG_UP, store: {date: x}}", 7, "`store` needs `listen`"),
        ("version: 1", "version: &a 1", 2, "anchors"),
        ("version: 1", "version: *a", 2, "anchors"),
        ("version: 1", "version: !!python/object/apply:os.system [ls]", 2, "the tag"),
        ("version: 1", "version: [1", 3, "not YAML"),
        ("version: 1", "\tversion: 1", 2, "not YAML"),
        ("steps:", "---\nsteps:", 5, "one document a file"),
        ("version: 1", "version: " + "[" * 20 + "]" * 20, 2, "nested deeper"),
    ],
)
def test_problems(tmp_path: Path, old: str, new: str, line: int, wanted: str) -> None:
    assert old in GOOD
    found = problems(tmp_path, GOOD.replace(old, new, 1))
    assert any(text.startswith(f"{line}: ") and wanted in text for text in found), found


def test_all_problems_are_listed_at_once(tmp_path: Path) -> None:
    broken = GOOD.replace("affirm: bye", "affirm: by").replace("RPC_VERIFIED", "OK").replace("version", "vresion")
    (tmp_path / "x.yaml").write_text(broken, encoding="utf-8")
    (tmp_path / "y.yaml").write_text("- a\n- b\n", encoding="utf-8")
    with pytest.raises(FlowError) as raised:
        load_flows(tmp_path)
    lines = raised.value.message.splitlines()
    assert len(lines) == 5
    assert all(line.startswith((f"{tmp_path.name}/x.yaml:", f"{tmp_path.name}/y.yaml:1:")) for line in lines)
    assert raised.value.hint


def test_a_folder_without_flows(tmp_path: Path) -> None:
    (tmp_path / "intents.yaml").write_text("a: b", encoding="utf-8")
    with pytest.raises(FlowError, match="no call flow"):
        load_flows(tmp_path)


def test_two_files_with_one_flow(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for path in (tmp_path / "x.yaml", tmp_path / "sub/x.yaml"):
        path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(FlowError, match="already in"):
        load_flows(tmp_path)


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"flow: \x00", b"", b"a" * 300_000])
def test_bytes_that_are_no_flow(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "x.yaml").write_bytes(raw)
    with pytest.raises(FlowError, match=r"x\.yaml:1:"):
        load_flows(tmp_path)


def test_scalars_stay_as_they_are_written(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: yes\nb: 12:30\nc: 007\nd: ~\n", encoding="utf-8")
    table, found = read_yaml(tmp_path / "a.yaml", "a.yaml")
    assert table is not None
    assert not found
    assert [v.value for v in table.values.values() if isinstance(v, Text)] == ["yes", "12:30", "007", "~"]
    assert Fields(table, ("a",), found, "x").at("c").line == 3
    assert len(found) == 3


def test_the_schema_for_editors_knows_the_same_keys() -> None:
    schema = json.loads((FLOWS / "schema.json").read_text(encoding="utf-8"))
    assert tuple(schema["properties"]) == FLOW_KEYS
    assert tuple(schema["properties"]["defaults"]["properties"]) == DEFAULT_KEYS
    assert tuple(schema["$defs"]["step"]["properties"]) == STEP_KEYS
