"""What every call needs, made once per process by app.py."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from voicebot.call.observer import CallObserver
from voicebot.call.workers import Workers
from voicebot.flow.book import FlowBook
from voicebot.flow.prompts import Prompts
from voicebot.model.audio import AudioFrame
from voicebot.model.ports import Recognizer, SpeakerEncoder, Store, VoiceActivity
from voicebot.nlu.language import Language
from voicebot.settings import Settings
from voicebot.voiceprint.calibration import Calibration


class PromptVoice(Protocol):
    """Text to sound at MEDIA_RATE, cached by content. Blocking."""

    def get(self, text: str) -> AudioFrame:
        """The prompt's sound. Raises EngineError."""
        ...


@dataclass(frozen=True, slots=True)
class Kit:
    """Engines, store, flows and settings, joined."""

    settings: Settings
    store: Store
    workers: Workers
    book: FlowBook
    prompts: Prompts
    language: Language
    recognizer: Recognizer
    activity: VoiceActivity
    voice: PromptVoice
    encoder: SpeakerEncoder | None
    calibration: Calibration | None
    observer: CallObserver
    script_version: str
