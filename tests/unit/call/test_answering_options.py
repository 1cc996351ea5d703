"""The settings of [answering] reach the parts they are for."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from voicebot.call.answering_options import amd_options, beep_options, machine_options
from voicebot.call.machine import MachineOptions
from voicebot.call.talk import _answered
from voicebot.settings import AnsweringSettings, Settings
from voicebot.turn.amd import AmdOptions
from voicebot.turn.beep import BeepOptions


def test_the_defaults_are_those_that_were_measured() -> None:
    settings = AnsweringSettings()
    assert amd_options(settings) == AmdOptions()
    assert beep_options(settings) == BeepOptions()
    assert machine_options(settings) == MachineOptions()


@pytest.mark.parametrize("name", [n for n in AnsweringSettings.model_fields if n != "enabled"])
def test_every_setting_changes_something(name: str) -> None:
    value = getattr(AnsweringSettings(), name)
    other = tuple(v + 1 for v in value) if isinstance(value, tuple) else value + 1
    settings = AnsweringSettings.model_validate({name: other})
    made = (amd_options(settings), beep_options(settings), machine_options(settings))
    assert made != (AmdOptions(), BeepOptions(), MachineOptions())


def test_off_means_that_nobody_looks() -> None:
    settings = Settings.model_validate({"answering": {"enabled": False}})
    assert _answered(SimpleNamespace(settings=settings), None, None) is None
