"""`python -m tests.support.voicebot_without_models ...`: the program, ready in a moment; it hears nothing and beeps."""

from __future__ import annotations

from tests.support.bots import Silent
from voicebot import app
from voicebot.cli import main

if __name__ == "__main__":
    app.choose_recognizer = app.choose_synthesizer = lambda *_: Silent()  # type: ignore[assignment,misc]
    app.choose_activity = Silent  # type: ignore[assignment,misc]
    main()
