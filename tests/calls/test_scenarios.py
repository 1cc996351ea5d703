"""Every scenario ends as its file says: on the customer's side (what was heard, SIP) and in the bank's database."""

import pytest

from tests.calls.conftest import scenario_names


@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", scenario_names())
def test_scenario(all_calls, name):
    row = next(r for r in all_calls.rows if r.listed.scenario == name)
    assert row.wrong() == [], f"recording and SIP messages: {all_calls.simulator}"


@pytest.mark.timeout(900)
def test_every_attempt_has_one_outcome(all_calls):
    assert all(row.stored is not None and row.stored.disposition is not None for row in all_calls.rows)
