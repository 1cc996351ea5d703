"""Every row of docs/rules.md names a place and tests that exist."""

from __future__ import annotations

import re

import pytest

from tests.fitness.tree import ROOT, text
from voicebot.campaign.retention import RECORDS

PAGE = ROOT / "docs/rules.md"
NAMED = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
ROWS = [
    line for line in text(PAGE).splitlines() if line.startswith("| ") and not line.startswith(("| rule |", "| ---"))
]


def test_there_is_a_row_for_every_rule_of_the_list() -> None:
    assert len(ROWS) >= 23


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:40])
def test_every_row_is_shown_by_tests_that_exist_or_says_that_it_is_open(row: str) -> None:
    named = NAMED.findall(row)
    assert named or "**open**" in row
    for path, test in named:
        assert re.search(rf"^(async )?def {test}\(", text(ROOT / path), re.MULTILINE), f"{path}::{test}"


def test_every_kind_of_record_is_in_the_page_of_retention() -> None:
    page = text(ROOT / "docs/retention.md")
    assert not [record for record in RECORDS if f"| `{record}` |" not in page]
