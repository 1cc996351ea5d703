"""Labelled texts: what becomes of the sources' rows, and what is refused."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from voicebot.errors import ScoringError
from voicebot.scoring.emotion.data import CLASSES, MAX_TOKENS, Example, data_hash, load_sources, read, tokens

LABELS = "[labels]\n" + "\n".join(f'{name} = ["{name}"]' for name in CLASSES)
SOURCE = """
[[source]]
name = "talk"
files = ["talk/all.tsv"]
text = "words"
label = "mood"
classes = { ok = "calm", good = "positive", fear = "anxious", sad = "sad", mad = "angry", bad = "abusive" }
licence = "CC0"
cite = "nobody"
"""
MOODS = ("ok", "good", "fear", "sad", "mad", "bad")
ROWS = [f"{mood}\tD{i}\tthis is {mood} {word}" for mood in MOODS for i, word in enumerate(("one", "two"))]


def sources(tmp_path: Path, more: str = "", source: str = SOURCE) -> Path:
    file = tmp_path / "sources.toml"
    file.write_text(LABELS + source + more)
    return file


def talk(tmp_path: Path, rows: list[str], header: str = "mood\tdialogue\twords") -> None:
    (tmp_path / "talk").mkdir(exist_ok=True)
    (tmp_path / "talk/all.tsv").write_text("\n".join([header, *rows]) + "\n")


def found(tmp_path: Path, more: str = "") -> list[Example]:
    return read(tmp_path, load_sources(sources(tmp_path, more)))


def test_tokens_are_what_a_recogniser_could_have_written() -> None:
    said = "I WON'T pay [NAME] $450.00, OK?! \U0001f620 <span class='e'>x</span>"
    assert tokens(said) == ("i", "will", "not", "pay", "0", "0", "ok", "x")
    assert tokens("?!") == ()
    assert len(tokens("word " * 1000)) == MAX_TOKENS


def test_rows_get_our_classes_and_unmapped_ones_are_left_out(tmp_path: Path) -> None:
    talk(tmp_path, [*ROWS, "puzzled\tD9\tnobody knows", "ok\tD9\t?!"])
    examples = found(tmp_path)
    assert len(examples) == len(ROWS)
    assert {e.label for e in examples} == set(CLASSES)
    assert {e.source for e in examples} == {"talk"}


def test_a_text_that_is_there_twice_counts_once_and_not_at_all_where_labels_disagree(tmp_path: Path) -> None:
    twice, both = "ok\tD1\tThis is OK, one!", ["mad\tD1\tsame words", "sad\tD2\tsame words", "mad\tD3\tsame words"]
    talk(tmp_path, [*ROWS, twice, *both])
    assert len(found(tmp_path)) == len(ROWS)


def test_rows_of_a_dialogue_share_a_group(tmp_path: Path) -> None:
    talk(tmp_path, ROWS)
    assert {e.group for e in found(tmp_path, 'group = ["dialogue"]')} == {"talk:D0", "talk:D1"}
    assert len({e.group for e in found(tmp_path)}) == len(ROWS)


def test_a_row_that_quotes_another_belongs_to_its_dialogue(tmp_path: Path) -> None:
    quoting = [f"{mood}\thello\t_\tbeginning {mood}" for mood in MOODS]
    quoting += ["ok\tand then\tbeginning ok\tsecond", "mad\tand so\tsecond\tthird"]
    talk(tmp_path, quoting, "mood\tagent\tbefore\twords")
    groups = {e.tokens: e.group for e in found(tmp_path, 'follows = [["before"], ["words"]]\nwhere = {}')}
    assert groups["beginning", "ok"] == groups["second",] == groups["third",]


def test_a_source_gives_at_most_so_many_of_a_class_and_the_same_ones_every_time(tmp_path: Path) -> None:
    talk(tmp_path, [*ROWS, *(f"ok\tD\tcalm number {'x' * n}" for n in range(1, 30))])
    first = found(tmp_path, "at_most = { calm = 5 }")
    assert sum(e.label == "calm" for e in first) == 5
    assert data_hash(first) == data_hash(reversed(found(tmp_path, "at_most = { calm = 5 }")))
    assert data_hash(first) != data_hash(first[1:])


def test_json_lines_and_packed_files_are_read_and_rows_chosen(tmp_path: Path) -> None:
    talk(tmp_path, ROWS)
    (tmp_path / "more").mkdir()
    rows = [{"text": "a calm question", "tags": ["a", "b"]}, {"text": "left out", "tags": ["c"]}]
    (tmp_path / "more/all.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, rows)).encode()))
    more = """
[[source]]
name = "more"
files = ["more/all.jsonl.gz"]
text = "text"
class = "calm"
where = { tags = ["a,b"] }
licence = "CC0"
cite = "nobody"
"""
    examples = found(tmp_path, more)
    assert [e.tokens for e in examples if e.source == "more"] == [("a", "calm", "question")]


def test_missing_files_columns_and_classes_are_named(tmp_path: Path) -> None:
    with pytest.raises(ScoringError, match=r"1 file\(s\) are not there: .*talk/all\.tsv"):
        found(tmp_path)
    talk(tmp_path, ROWS, "mood\tdialogue\ttext")
    with pytest.raises(ScoringError, match=r"all\.tsv:1: no column words"):
        found(tmp_path)
    talk(tmp_path, [row for row in ROWS if not row.startswith("bad")])
    with pytest.raises(ScoringError, match="no example of abusive"):
        found(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[labels", "not TOML"),
        (LABELS + SOURCE.replace("licence", "license"), r"source\.0\.license"),
        (LABELS + SOURCE.replace('label = "mood"', ""), "needs either `label` with `classes`, or `class`"),
        (LABELS.replace('sad = ["sad"]', "") + SOURCE, "labels: sad has no words"),
        (LABELS + SOURCE.replace('"calm"', '"bored"'), r"source\.0\.classes\.ok"),
    ],
)
def test_a_wrong_file_of_sources_is_refused(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(text)
    with pytest.raises(ScoringError, match=message):
        load_sources(file)


def test_the_shipped_sources_may_be_given_away() -> None:
    shared_alike = ("SA", "Sharing")
    for source in load_sources().source:
        assert source.cite
        assert not any(word in source.licence for word in shared_alike), source.name
