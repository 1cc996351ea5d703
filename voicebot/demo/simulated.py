"""Settings for callers who are no people: the simulator's customers speak with synthetic voices, from a cache."""

from __future__ import annotations

from voicebot.settings import Settings


def signs_noted(settings: Settings) -> Settings:
    """Signs of a recording or a machine are looked for and recorded, and never act: here every caller is both."""
    voiceprint = settings.voiceprint
    noted = {name: "note" for name in ("replay", "synthetic") if getattr(voiceprint, name) == "risk"}
    return settings.model_copy(update={"voiceprint": voiceprint.model_copy(update=noted)})
