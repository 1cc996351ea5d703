"""The settings' section [answering] as the options of the parts that find out who answered, and deal with it."""

from __future__ import annotations

from voicebot.call.machine import MachineOptions
from voicebot.settings import AnsweringSettings
from voicebot.turn.amd import AmdOptions
from voicebot.turn.beep import BeepOptions


def amd_options(settings: AnsweringSettings) -> AmdOptions:
    """For voicebot.turn.amd."""
    return AmdOptions(
        machine_points=settings.machine_points,
        person_points=settings.person_points,
        early_s=settings.early_s,
        short_s=settings.short_s,
        waits_s=settings.waits_s,
        long_s=settings.long_s,
        very_long_s=settings.very_long_s,
        greeting_s=settings.greeting_s,
        beep_after_s=settings.beep_after_s,
        silent_s=settings.silent_s,
        words_until_s=settings.words_until_s,
        beep_until_s=settings.beep_until_s,
    )


def beep_options(settings: AnsweringSettings) -> BeepOptions:
    """For voicebot.turn.beep."""
    low_hz, high_hz = settings.beep_hz
    min_s, max_s = settings.beep_s
    return BeepOptions(low_hz=low_hz, high_hz=high_hz, min_s=min_s, max_s=max_s)


def machine_options(settings: AnsweringSettings) -> MachineOptions:
    """For voicebot.call.machine."""
    return MachineOptions(
        beep_wait_s=settings.beep_wait_s,
        silence_s=settings.silence_s,
        after_beep_s=settings.after_beep_s,
        person_wait_s=settings.person_wait_s,
        answers=settings.screening_answers,
    )
