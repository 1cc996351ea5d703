"""Errors of the simulator; each says what to do next."""

from __future__ import annotations


class SimError(Exception):
    """Base of the simulator's errors; `hint` tells a person what to do next."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  what to do: {self.hint}" if self.hint else self.message


class ScenarioError(SimError):
    """A scenario file is wrong; every problem is listed with file:line."""


class VoiceError(SimError):
    """A voice or recording cannot be had."""


class EarsError(SimError):
    """The simulator's recogniser cannot be loaded."""


class PhoneError(SimError):
    """A phone cannot do what was asked (no socket, no common codec, no answer from the far end)."""
