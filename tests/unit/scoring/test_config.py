"""Thresholds: all in one file, checked, and part of every result's version."""

from __future__ import annotations

from pathlib import Path

import pytest

from voicebot.errors import SettingsError
from voicebot.scoring.config import ScoringSettings, as_toml, load
from voicebot.scoring.contact_anomaly import ContactCounts, contact_anomaly


def test_what_is_printed_can_be_read_again(tmp_path: Path) -> None:
    file = tmp_path / "scoring.toml"
    file.write_text(as_toml(ScoringSettings()))
    assert load(file) == ScoringSettings()


def test_a_file_of_the_working_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load() == ScoringSettings()
    (tmp_path / "scoring.toml").write_text("[contact]\nn1 = 30\n")
    assert load().contact.n1 == 30


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[contact]\nn3 = 1", "contact.n3: Extra inputs"),
        ("[contact]\nn1 = 5", "n2 must be less than n1"),
        ("[contact]\nw_hang = 0.5", "sum to 1.2, not to 1"),
        ("[contact.feedback]\nbusy = 0.1", "exactly the types"),
        ("[contact]\ntheta_a = 1.5", "less than or equal to 1"),
        ("[contact]\ntheta_a = nan", "finite"),
        ("[early_warning]\nyellow = 70", "yellow < orange < red"),
        ("[early_warning]\ncontract_overdue = [[2, 6], [1, 12]]", "must rise"),
        ("[early_warning]\ncontract_overdue = [[1, 6], [2, 3]]", "must not fall"),
        ("[pre_loan]\ncoefficients = [1.0]", "five"),
        ("[collector]\nshare_work = 0.8", "exceed 1"),
        ("[saturation\n", "not TOML"),
    ],
)
def test_wrong_thresholds_are_refused(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "scoring.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file)
    assert said in str(caught.value)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "none.toml")


def test_another_threshold_is_another_version_and_another_result() -> None:
    counts, default = ContactCounts(6, 0, {"invalid": 6}), ScoringSettings().contact
    strict = default.model_copy(update={"theta_a": 0.6})
    one, two = contact_anomaly(counts, default), contact_anomaly(counts, strict)
    assert (one.values["class"], two.values["class"]) == ("abnormal", "normal")
    assert one.version != two.version
    assert one.version.split("+")[0] == two.version.split("+")[0]
