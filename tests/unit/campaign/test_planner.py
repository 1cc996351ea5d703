"""Who is contacted on a day, when, by which rule, and who is not (documents V and Q)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from tests.unit.campaign.candidates import OFFER, candidate, definition
from voicebot.campaign.planner import Assignee, plan
from voicebot.errors import CampaignError
from voicebot.model.campaign import Method

DAY = date(2026, 11, 25)


def told(made):
    return [(j.account_id, j.method.value, j.key, j.flow, j.rule) for j in made.jobs]


# --- reminders (Q3)


@pytest.mark.parametrize(
    ("due", "expected"),
    [
        ("2026-11-28", [("sms", "T-3 2026-11-28")]),
        ("2026-11-27", []),
        ("2026-11-26", [("phone", "T-1 2026-11-26")]),
        ("2026-11-25", [("sms", "T-0 2026-11-25"), ("phone", "T-0 2026-11-25")]),
        ("2026-11-24", []),
    ],
)
def test_three_days_before_one_day_before_and_on_the_day(tmp_path, due, expected):
    made = plan(definition(tmp_path, "kind: reminder\n"), [candidate(due=[due])], DAY)
    assert [(j.method.value, j.key) for j in made.jobs] == expected
    assert made.skipped == ({} if expected else {"not_due": 1})


def test_on_the_15th_and_20th_all_that_is_unpaid_this_month(tmp_path):
    accounts = [
        candidate(1, due=["2026-10-03"], email="a@b.example"),
        candidate(2, due=["2026-11-30"], email="a@b.example"),
        candidate(3, due=["2026-12-01"], email="a@b.example"),
        candidate(4, due=["2026-11-15"]),
        candidate(5),
    ]
    reminder = definition(tmp_path, "kind: reminder\nsms: short\nemail: letter\n")
    made = plan(reminder, accounts, date(2026, 11, 15))
    assert told(made) == [
        ("A-0001", "phone", "batch 2026-11-15", "reminder", "batch"),
        ("A-0001", "email", "batch 2026-11-15", "letter", "batch"),
        ("A-0001", "sms", "batch 2026-11-15", "short", "batch"),
        ("A-0002", "phone", "batch 2026-11-15", "reminder", "batch"),
        ("A-0002", "email", "batch 2026-11-15", "letter", "batch"),
        ("A-0002", "sms", "batch 2026-11-15", "short", "batch"),
        ("A-0004", "phone", "batch 2026-11-15", "reminder", "batch"),
        ("A-0004", "sms", "batch 2026-11-15", "short", "batch"),
    ]
    assert made.skipped == {"not_due": 1, "no_email": 1, "nothing_unpaid": 1}
    assert made.examples["no_email"] == ("A-0004",)
    assert len(plan(reminder, accounts, date(2026, 11, 20)).jobs) == 8
    assert not plan(reminder, accounts, date(2026, 11, 16)).jobs


@pytest.mark.parametrize(
    ("day", "planned"), [("2026-11-30", 1), ("2026-02-28", 1), ("2028-02-28", 0), ("2028-02-29", 1), ("2026-12-30", 0)]
)
def test_a_31st_is_the_last_day_of_a_shorter_month(tmp_path, day, planned):
    monthly = definition(tmp_path, "kind: reminder\nreminder: {steps: [], batch: {days: [31], methods: phone}}\n")
    assert len(plan(monthly, [candidate(due=["2026-01-02"])], date.fromisoformat(day)).jobs) == planned


def test_bands_of_amounts_look_at_what_is_open_of_the_instalment(tmp_path):
    text = """kind: reminder
reminder: {steps: [{days_before: 0, methods: phone}]}
rules:
  - {name: small, amount: {below: 100}}
  - {name: large, amount: {from: 100, below: 200}}
"""
    reminder = definition(tmp_path, text)
    whole = candidate(1, due=["2026-11-25", "2026-12-25"])
    part = candidate(2, due=["2026-11-25"])
    paid = part.unpaid[0].__class__(1, DAY, Decimal(100), Decimal("0.01"))
    part = part.__class__(part.account, unpaid=(paid,))
    two = candidate(3, due=["2026-11-25", "2026-11-25"])
    made = plan(reminder, [whole, part, two], DAY)
    assert [(j.account_id, j.rule) for j in made.jobs] == [("A-0001", "large"), ("A-0002", "small")]
    assert made.skipped == {"no_rule": 1}


def test_another_script_for_another_group(tmp_path):
    text = """kind: reminder
reminder: {steps: [{days_before: -12, methods: [phone, sms]}]}
groups:
  - {name: risky, days_past_due: {from: 10}, risk_level: high, flow: hard, sms: short}
  - {name: spanish, language: es, flow: spanish}
  - {name: risky-spanish, days_past_due: {from: 10}, risk_level: high, language: es, flow: both}
"""
    accounts = [
        candidate(1, due=["2026-11-13"], risk_level="high"),
        candidate(2, due=["2026-11-13"], language="es"),
        candidate(3, due=["2026-11-13"], language="es", risk_level="high"),
        candidate(4, due=["2026-11-13"], risk_level="low"),
    ]
    made = plan(definition(tmp_path, text), accounts, DAY)
    calls = {j.account_id: j.flow for j in made.jobs if j.method is Method.PHONE}
    assert calls == {"A-0001": "hard", "A-0002": "spanish", "A-0003": "both", "A-0004": "reminder"}
    assert [j.flow for j in made.jobs if j.method is Method.SMS] == ["short", "reminder", "reminder", "reminder"]


def test_the_hours_of_a_contact_are_the_callees(tmp_path):
    reminder = definition(tmp_path, 'kind: reminder\ndue: {from: "09:00", until: "20:00"}\n')
    made = plan(reminder, [candidate(due=["2026-11-26"], timezone="Asia/Shanghai")], DAY)
    assert made.jobs[0].not_before == datetime(2026, 11, 25, 1, tzinfo=UTC)
    assert made.jobs[0].not_after == datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_who_has_no_zone_is_left_out_or_in_the_campaigns(tmp_path):
    nowhere = [candidate(1, due=["2026-11-26"], timezone="UTC"), candidate(2, due=["2026-11-26"], timezone="Moon/Sea")]
    assert plan(definition(tmp_path, "kind: reminder\n"), nowhere, DAY).skipped == {"no_zone": 2}
    paris = plan(definition(tmp_path, "kind: reminder\nzone: Europe/Paris\n"), nowhere, DAY)
    assert [j.not_before.hour for j in paris.jobs] == [8, 8]


def test_planning_again_plans_the_same(tmp_path):
    reminder = definition(tmp_path, "kind: reminder\n")
    accounts = [candidate(n, due=["2026-11-25"]) for n in range(5)]
    assert plan(reminder, accounts, DAY) == plan(reminder, iter(accounts), DAY)


# --- follow-up (Q2)

FOLLOW_UP = """kind: follow_up
rules:
  - {name: all, loan_age_days: {from: 0}}
"""


@pytest.mark.parametrize(
    ("disbursed", "planned"),
    [("2026-11-17", False), ("2026-11-18", True), ("2026-11-24", True), ("2026-11-25", False), ("2026-11-26", False)],
)
def test_loans_of_the_seven_days_before(tmp_path, disbursed, planned):
    loan = candidate(disbursed_on=date.fromisoformat(disbursed))
    made = plan(definition(tmp_path, FOLLOW_UP), [loan], DAY)
    assert bool(made.jobs) is planned
    assert not planned or made.jobs[0].key == "follow-up 2026-11-25"


def test_once_followed_up_is_enough(tmp_path):
    loan = candidate(disbursed_on=date(2026, 11, 20), followed_up=True)
    assert plan(definition(tmp_path, FOLLOW_UP), [loan], DAY).skipped == {"followed_up": 1}


def test_which_rule_wins(tmp_path):
    text = """kind: follow_up
rules:
  - {name: product, product_class: retail}
  - {name: product-old, product_class: retail, priority: -1, since: 2026-11-01}
  - {name: product-branch, product_class: retail, branch: North}
  - {name: important, branch: North, agent: S-1, priority: 3}
  - {name: newer, branch: North, agent: S-1, priority: 3, since: 2026-01-01}
  - {name: off, product_class: retail, branch: North, agent: S-1, on: false}
"""
    lately = date(2026, 11, 20)
    made = plan(
        definition(tmp_path, text),
        [
            candidate(1, disbursed_on=lately, product_class="retail"),
            candidate(2, disbursed_on=lately, product_class="retail", branch="North"),
            candidate(3, disbursed_on=lately, product_class="retail", branch="North", agent_id="S-1"),
            candidate(4, disbursed_on=lately, product_class="other"),
        ],
        DAY,
    )
    assert [j.rule for j in made.jobs] == ["product", "product-branch", "newer"]
    assert made.skipped == {"no_rule": 1}


def test_cases_go_to_who_has_the_fewest_in_turn(tmp_path):
    text = "kind: follow_up\nrules:\n  - {name: all, loan_age_days: {from: 0}, supervisor: S}\n"
    team = {"S": (Assignee("S", 2), Assignee("A", 1), Assignee("B", 0))}
    loans = [candidate(n, disbursed_on=date(2026, 11, 20)) for n in range(6)]
    made = plan(definition(tmp_path, text), loans, DAY, teams=team)
    assert [j.assignee_id for j in made.jobs] == ["B", "A", "B", "A", "B", "S"]
    with pytest.raises(CampaignError, match="nobody of the team of S"):
        plan(definition(tmp_path, text), loans, DAY)


# --- invitation (V2b), verification (V2a)


def test_invitations_go_to_customers_with_an_offer_who_fulfil_a_rule(tmp_path):
    text = "kind: invitation\nrules:\n  - {name: good, days_past_due: {below: 1}, risk_level: low, flow: invitation}\n"
    made = plan(
        definition(tmp_path, text),
        [
            candidate(1, offer=OFFER, risk_level="low"),
            candidate(2, offer=OFFER, risk_level="low", due=["2026-11-24"]),
            candidate(3, offer=OFFER, risk_level="low", due=["2026-12-24"]),
            candidate(4, risk_level="low"),
            candidate(5, offer=OFFER),
        ],
        DAY,
    )
    assert told(made) == [
        ("A-0001", "phone", "invitation", "invitation", "good"),
        ("A-0003", "phone", "invitation", "invitation", "good"),
    ]
    assert made.skipped == {"no_rule": 2, "no_offer": 1}


def test_one_in_ten_of_the_eligible_is_drawn_by_strata(tmp_path):
    text = """kind: verification
verification: {ratio: 0.1, strata: branch, voiceprint: needed, eligible: {product_class: retail}}
"""
    accounts = [
        candidate(
            n,
            product_class="retail" if n < 120 else "other",
            branch="North" if n < 50 else None,
            has_voiceprint=n < 100,
        )
        for n in range(150)
    ]
    made = plan(definition(tmp_path, text), accounts, DAY, seed=5)
    assert made.draw is not None
    assert (made.draw.population, made.draw.drawn) == (100, 10)
    assert made.draw.strata == {"North": (50, 5), "?": (50, 5)}
    assert made.skipped == {"not_eligible": 30, "no_voiceprint": 20, "not_drawn": 90}
    assert {j.key for j in made.jobs} == {"draw 2026-11-25"}
    assert plan(definition(tmp_path, text), reversed(accounts), DAY, seed=5).jobs == made.jobs
    with pytest.raises(CampaignError, match="seed"):
        plan(definition(tmp_path, text), accounts, DAY)


def test_a_campaign_of_each_day_or_month():
    # The name is part of the id of what is stored; a plain one is the same campaign every day.
    from voicebot.campaign.definition import Definition

    base = {"title": "T", "kind": "reminder", "profile": "none", "flow": "reminder"}
    ids = [Definition.model_validate({"campaign": c, **base}).id_on(DAY) for c in ("a", "a-{day}", "a-{month}-b")]
    assert ids == ["a", "a-2026-11-25", "a-2026-11-b"]
