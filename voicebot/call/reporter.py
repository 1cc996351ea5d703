"""Tells the store and the observer what happens in one call."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from voicebot.call.card_guard import CardGuard
from voicebot.call.journal import Journal
from voicebot.call.observer import CallObserver
from voicebot.model.outcome import AnsweredBy
from voicebot.model.ports import Store
from voicebot.model.records import AttemptProgress, CheckRecord, Consent, Turn
from voicebot.model.speech import Digits, Utterance
from voicebot.model.voice import VoiceComparison, VoiceDecision, Voiceprint, VoiceSketch

#: The purpose of the consent that a voiceprint rests on.
VOICEPRINT = "voiceprint"
_log = logging.getLogger(__name__)


class Reporter:
    """One per call."""

    def __init__(
        self,
        attempt_id: int,
        store: Store,
        journal: Journal,
        observer: CallObserver,
        on_notice: Callable[[], None],
        guard: CardGuard | None = None,
    ) -> None:
        """`guard`: takes card numbers out of all that is told of an answer."""
        self.attempt_id = attempt_id
        self.store = store
        self.journal = journal
        self._observer = observer
        self._on_notice = on_notice
        self._guard = guard
        self._step = ""
        self._human = False

    def step(self, name: str) -> None:
        """The flow is at this step. Raises StorageError where an earlier write failed."""
        self.journal.check()
        if name != self._step:
            self._step = name
            self.journal.post(self.store.progress, self.attempt_id, AttemptProgress(last_step=name))

    def said(self, text: str, t: float) -> None:
        """A prompt begins."""
        self._observer.bot_says(self.attempt_id, text, t)

    def notice_given(self) -> None:
        """A prompt that cannot be interrupted was said to its end: from the first one on the caller is recorded."""
        self._on_notice()

    def answered_by(self, who: AnsweredBy, cause: str) -> None:
        """Who answered is known (better than before): the last word counts."""
        self._human = True
        facts = AttemptProgress(answered_by=who, answered_by_cause=cause)
        self.journal.post(self.store.progress, self.attempt_id, facts)

    def heard(self, answer: Utterance | Digits) -> None:
        """An answer came."""
        if not self._human:
            self._human = True
            facts = AttemptProgress(answered_by=AnsweredBy.HUMAN, answered_by_cause="an answer was heard")
            self.journal.post(self.store.progress, self.attempt_id, facts)
        text = answer.text if isinstance(answer, Utterance) else f"[keys {answer.keys}]"
        if self._guard is not None:
            typed = isinstance(answer, Digits)
            said = answer.keys if isinstance(answer, Digits) else answer.text
            self._guard.look(said, answer.t0, answer.t1, typed=typed)
            text = self._guard.kept(text, answer.t0)
        self._observer.caller_says(self.attempt_id, text, answer.t0)

    def turn(self, turn: Turn) -> None:
        """A turn is over."""
        kept = turn if self._guard is None else self._guard.turn(turn)
        self.journal.post(self.store.add_turn, self.attempt_id, kept)

    def check(self, check: CheckRecord) -> None:
        """A check was made."""
        self.journal.post(self.store.add_check, self.attempt_id, check)

    def voice(self, decision: VoiceDecision) -> None:
        """The voice was checked."""
        self._observer.voice_decided(self.attempt_id, decision)
        self.journal.post(self.store.set_voice, self.attempt_id, decision)

    def comparison(self, comparison: VoiceComparison) -> None:
        """A window of the caller's speech was compared with the voiceprint."""
        self.journal.post(self.store.add_comparison, self.attempt_id, comparison)

    def consent(self, consent: Consent) -> None:
        """The customer agreed or refused."""
        self.journal.post(self.store.add_consent, self.attempt_id, consent)

    def voiceprint(self, voiceprint: Voiceprint) -> None:
        """A voiceprint was made from this call: stored with the consent it rests on, and not without one."""
        self.journal.post(self._save, voiceprint)

    def sketch(self, sketch: VoiceSketch, days: int, most: int) -> None:
        """What a recording of this call would be recognised by; the store keeps it where there is a voiceprint."""
        self.journal.post(self.store.save_sketch, sketch, days, most)

    def _save(self, voiceprint: Voiceprint) -> None:
        """On the storage thread, after the answer to the question of consent was written there."""
        consent = self.store.consent_id(voiceprint.customer_id, VOICEPRINT)
        if consent is None:
            _log.warning("a voiceprint was not stored: there is no consent to it any more")
            return
        self.store.save_voiceprint(replace(voiceprint, consent_id=consent))
