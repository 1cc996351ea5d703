"""Rules of calling as files: what is wrong is named with its line, all of it, and then nobody is called."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from dateutil.easter import easter as known_easter

from tests.unit.campaign.gate_facts import PROFILES, ROOT, US
from voicebot.campaign.holidays import easter, falls_on
from voicebot.campaign.profiles import Profile, load_profile, load_profiles
from voicebot.errors import CampaignError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "calling_rules", tmp_path / "calling_rules"))


def test_the_four_that_are_shipped():
    assert sorted(PROFILES) == ["cn", "eu", "none", "us"]
    assert not PROFILES["none"].caps
    assert not PROFILES["none"].hours


def test_a_profile_survives_json():
    again = Profile.model_validate_json(US.as_json())
    assert again == US
    assert again.digest == US.digest


def test_every_mistake_is_named_with_its_line(folder):
    (folder / "cn.yaml").write_text(
        """profile: cn
version: "2"
title: China
zones: [Asia/Shanghai, Asia/Peking]
unknown_zone: guess
hours:
  - {from: "8", until: "22:00"}
  - {from: "09:00", until: "09:00"}
  - {from: "08:00", until: "20:00", weekdays: mon-frei}
caps:
  - {rule: Per-day, max: 0, within: 2w, per: family}
  - {rule: long, max: 3, within: 90d, per: person}
colour: red
"""
    )
    with pytest.raises(CampaignError) as caught:
        load_profiles(folder)
    lines = caught.value.message.splitlines()
    assert {line.split(":")[1] for line in lines} >= {"5", "7", "8", "9", "11", "12", "13"}
    assert all(line.startswith(f"{folder}/cn.yaml:") for line in lines)
    assert any("no time of day" in line for line in lines)
    assert any("unknown key `colour`" in line for line in lines)


def test_what_one_value_does_not_tell(folder):
    (folder / "mars.yaml").write_text(
        """profile: venus
version: "1"
title: Mars
zones: [Mars/Base]
holidays: mars
caps:
  - {rule: a, max: 1, within: 24h, per: person}
  - {rule: a, max: 2, within: 7d, per: person}
known_regions: [N]
regions:
  S: {holidays: none_there}
"""
    )
    with pytest.raises(CampaignError) as caught:
        load_profiles(folder)
    said = caught.value.message
    for line, words in [
        (1, "must be in its own file"),
        (4, "no IANA time zone"),
        (5, "no list holidays/mars.yaml"),
        (8, "there twice"),
        (11, "not one of known_regions"),
        (11, "no list holidays/none_there.yaml"),
    ]:
        assert any(f"mars.yaml:{line}:" in text and words in text for text in said.splitlines()), (line, words)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("holidays: us\ndays:\n  - {on: 02-30}\n", "no day"),
        ("holidays: us\ndays:\n  - {on: 5 mon of 01}\n", "no day"),
        ("holidays: us\ndays:\n  - {on: 2026-02-20..2026-02-10}\n", "ends before"),
        ("holidays: us\ndays: [{on: eastern}]\n", "no day"),
    ],
)
def test_a_wrong_list_of_holidays(folder, text, words):
    (folder / "holidays/us.yaml").write_text(text)
    with pytest.raises(CampaignError, match=words):
        load_profiles(folder)


def test_an_unknown_profile_and_an_empty_folder(tmp_path):
    with pytest.raises(CampaignError, match="named `uk`"):
        load_profile(ROOT / "calling_rules", "uk")
    with pytest.raises(CampaignError, match=r"no rules of calling \(\*\.yaml\)"):
        load_profiles(tmp_path)


def test_another_rule_is_another_digest(folder):
    path = folder / "us.yaml"
    path.write_text(path.read_text().replace("max: 7", "max: 6"))
    holidays = folder / "holidays/eu.yaml"
    holidays.write_text(holidays.read_text().replace('"05-01"', '"05-02"'))
    changed = load_profiles(folder)
    assert changed["us"].digest != US.digest
    assert changed["eu"].digest != PROFILES["eu"].digest
    assert changed["cn"].digest == PROFILES["cn"].digest


@pytest.mark.parametrize("year", range(1990, 2100))
def test_easter(year):
    assert easter(year) == known_easter(year)


@pytest.mark.parametrize(
    ("rule", "day"),
    [
        ("12-25", "2026-12-25"),
        ("4 thu of 11", "2026-11-26"),
        ("1 mon of 09", "2026-09-07"),
        ("last mon of 05", "2026-05-25"),
        ("easter+1", "2026-04-06"),
        ("easter-2", "2026-04-03"),
        ("02-29", "2028-02-29"),
        ("2026-12-30..2027-01-02", "2027-01-01"),
    ],
)
def test_a_holiday_falls_on_its_day_and_not_the_next(rule, day):
    assert falls_on(rule, date.fromisoformat(day))
    assert not falls_on(rule, date.fromisoformat(day) + timedelta(days=2))
