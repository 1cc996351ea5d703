"""What every call needs, made once per process by app.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from voicebot.call.observer import CallObserver
from voicebot.call.workers import Workers
from voicebot.flow.book import FlowBook
from voicebot.flow.checks import EmotionUse
from voicebot.flow.prompts import Prompts
from voicebot.model.audio import AudioFrame
from voicebot.model.ports import Recognizer, SpeakerEncoder, Store, VoiceActivity
from voicebot.nlu.language import Language
from voicebot.settings import Settings
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.synthetic import Detector


class PromptVoice(Protocol):
    """Text to sound at MEDIA_RATE, cached by content. Blocking."""

    def get(self, text: str) -> AudioFrame:
        """The prompt's sound. Raises EngineError."""
        ...


class DialGate(Protocol):
    """The rules of calling, asked before every dial. Blocking."""

    def admitted(
        self,
        account_id: str,
        flow: str,
        open_attempt: Callable[[], int],
        *,
        campaign_id: str | None = None,
        job_id: int | None = None,
        by_person: bool = False,
    ) -> int:
        """Where every rule allows it: what `open_attempt` returns, called before anybody else is decided about. Raises
        DialForbidden where one says no, CampaignError where there are no rules, StorageError. `by_person`: somebody of
        the bank wants this call now, so that the case is a person's does not keep it back; everything else does."""
        ...


@dataclass(frozen=True, slots=True)
class Kit:
    """Engines, store, flows and settings, joined. `emotion`: what customers must be told of it (scoring.toml);
    `detector`: of synthetic voices."""

    settings: Settings
    store: Store
    gate: DialGate
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
    emotion: EmotionUse = EmotionUse.OFF
    detector: Detector | None = None
