"""Every scenario ends as its file says: on the customer's side (what was heard, SIP) and in the bank's database.

A test's id is its scenario's folder and name. With `-n 2` two folders are called at the same time (see conftest.py).
"""

import pytest

from tests.support.scenario_calls import called, evidence, folders, names

pytestmark = [pytest.mark.timeout(900), pytest.mark.scenario]

SCENARIOS = [
    pytest.param(folder, name, id=f"{folder}/{name}") for folder, path in folders().items() for name in names(path)
]


@pytest.mark.parametrize(("folder", "name"), SCENARIOS)
def test_scenario(folder: str, name: str) -> None:
    result = called(folder)
    row = next(row for row in result.rows if row.listed.scenario == name)
    assert row.wrong() == [], evidence(row, result, folder)


@pytest.mark.parametrize("folder", folders())
def test_every_attempt_has_one_outcome(folder: str) -> None:
    rows = called(folder).rows
    assert rows
    assert all(row.stored is not None and row.stored.disposition is not None for row in rows)


def test_at_least_forty_are_shipped_sorted_by_what_they_show() -> None:
    shown = {folder: names(path) for folder, path in folders().items() if folder not in {"tour", "tests"}}
    every = [name for inside in shown.values() for name in inside]
    assert len(set(every)) == len(every) >= 40
