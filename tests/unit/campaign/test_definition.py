"""Campaign files: what is wrong is named with its line, all at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.campaign.gate_facts import PROFILES, ROOT
from voicebot.campaign.definition import load_definition
from voicebot.errors import CampaignError

HEAD = "campaign: test\ntitle: Test\nkind: {kind}\nprofile: us\nflow: reminder\n"


def wrong(tmp_path: Path, text: str, **given: object) -> list[str]:
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(CampaignError) as caught:
        load_definition(path, **given)  # type: ignore[arg-type]
    assert "docs/campaigns.md" in caught.value.hint
    return [line.removeprefix(f"{tmp_path}/") for line in caught.value.message.splitlines()]


@pytest.mark.parametrize("path", sorted((ROOT / "campaigns").glob("*.yaml")), ids=lambda p: p.stem)
def test_the_examples_are_good(path):
    flows = {p.stem for p in (ROOT / "callflows").glob("*.yaml")}
    source = load_definition(path, profiles=PROFILES, flows=flows)
    assert len(source.sha) == 64


def test_every_mistake_at_once(tmp_path):
    text = """campaign: Not A Name
title: x
kind: reminding
profile: us
flow: reminder
when: always
due: {from: "20:00", until: "09:00"}
rules:
  - {name: a, amount: {from: 10, below: 5}}
  - {name: b, amount: {}}
reminder:
  steps:
    - {days_before: soon, methods: [pigeon]}
"""
    lines = wrong(tmp_path, text)
    places = {int(line.split(":")[1]) for line in lines}
    assert places >= {1, 3, 6, 7, 9, 10, 13}
    assert len([line for line in lines if line.startswith("c.yaml:13")]) == 2


def test_rules_that_overlap_without_a_winner(tmp_path):
    text = (
        HEAD.format(kind="reminder")
        + """rules:
  - {name: small, amount: {below: 500}}
  - {name: middle, amount: {from: 400, below: 1000}}
  - {name: large, amount: {from: 1000}}
  - {name: partner, channel_class: partner}
  - {name: decided, channel_class: partner, priority: 1}
"""
    )
    lines = wrong(tmp_path, text)
    assert [line.split(": ")[0] for line in lines] == ["c.yaml:8", "c.yaml:10", "c.yaml:10", "c.yaml:10"]
    assert "`small` and `middle` overlap" in lines[0]


def test_rules_that_cannot_meet_do_not_overlap(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text(
        HEAD.format(kind="reminder")
        + """rules:
  - {name: a, amount: {below: 500}, language: [en]}
  - {name: b, amount: {below: 500}, language: [es, fr]}
  - {name: c, amount: {from: 500}, language: [en]}
  - {name: d, amount: {from: 500}, language: [en], since: 2026-11-01}
"""
    )
    assert len(load_definition(path).definition.rules) == 4


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        (HEAD.format(kind="verification"), 3, "which share is drawn"),
        (HEAD.format(kind="verification") + "verification: {ratio: 0}\n", 6, "greater than 0"),
        (HEAD.format(kind="verification") + "verification: {ratio: 1.1}\n", 6, "less than or equal to 1"),
        (HEAD.format(kind="invitation"), 3, "needs `rules`"),
        (HEAD.format(kind="reminder") + "follow_up: {days: 7}\n", 6, "belongs to campaigns of kind follow_up"),
        (HEAD.format(kind="reminder") + "zone: Mars/Base\n", 6, "no IANA time zone"),
        (HEAD.format(kind="reminder") + "rules:\n  - {name: a, on: false}\n", 6, "nobody would be contacted"),
        (HEAD.format(kind="reminder") + "reminder: {steps: []}\n", 0, ""),
        (HEAD.format(kind="reminder") + "reminder: {batch: {days: [32]}}\n", 6, "less than or equal to 31"),
        (HEAD.format(kind="reminder") + "flow: again\n", 6, "written twice"),
        ("- a list\n", 1, "must be a table"),
        ("campaign: *x\n", 1, "not allowed"),
    ],
)
def test_one_mistake(tmp_path, text, line, words):
    if line == 0:
        path = tmp_path / "c.yaml"
        path.write_text(text)
        assert load_definition(path).definition.reminder is not None
        return
    assert any(found.startswith(f"c.yaml:{line}:") and words in found for found in wrong(tmp_path, text))


def test_names_that_are_not_there(tmp_path):
    text = HEAD.format(kind="reminder") + "groups:\n  - {name: g, language: en, flow: nope}\n"
    lines = wrong(tmp_path, text, profiles={"cn"}, flows={"verification"})
    assert [line.split(":")[1] for line in lines] == ["4", "5", "7"]
    assert "there are: cn" in lines[0]


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(CampaignError, match="cannot be read"):
        load_definition(tmp_path / "none.yaml")
