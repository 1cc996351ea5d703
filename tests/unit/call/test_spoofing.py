"""A call is recognised when it is played again: from one call's sketch in the store to the next call's warning."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from storage.memory import MemoryStore
from tests.unit.call.test_voice_in_the_call import CAL, Encoder, Scene, reached
from tests.unit.flow.helpers import ACCOUNT, NOW
from tests.unit.voiceprint.helpers import voiceprint
from tests.unit.voiceprint.test_replayed import RATE, spoken
from voicebot.call.journal import Journal
from voicebot.call.kit import Kit
from voicebot.call.observer import CallObserver
from voicebot.call.reporter import Reporter
from voicebot.call.spoofing import keep_sketch, spoof_watch
from voicebot.call.voice_watch import VoiceWatch
from voicebot.call.workers import Workers
from voicebot.flow.checks import run_checks
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.outcome import WarningCode
from voicebot.model.voice import VoiceReason, VoiceSketch, VoiceState
from voicebot.settings import Settings
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.tracker import VoiceTracker

CUSTOMER = ACCOUNT.customer.id


class Calls:
    """Calls of one customer, one after the other."""

    def __init__(self, **settings: object) -> None:
        self.store = MemoryStore(clock=lambda: NOW)
        self.store.put_accounts([ACCOUNT])
        self.store.save_voiceprint(replace(voiceprint(1), customer_id=CUSTOMER))
        self.scene = Scene(voiceprint(1), **settings)
        self.kit: Kit = replace(self.scene.kit, store=self.store, workers=cast(Workers, self))
        self.storage = self.scene.pool  # the pool that a kit's workers have for the store

    async def call(self, *seeds: int, speaker: int = 1) -> VoiceWatch:
        """Speak these sounds; afterwards the call is kept."""
        tracker = VoiceTracker(voiceprint(1), CAL, Policy(), spoof=await spoof_watch(self.kit, ACCOUNT))
        watch = VoiceWatch(tracker, Encoder(speaker), self.scene.pool)
        t = 0.0
        for seed in seeds:
            noise = np.random.default_rng(seed).normal(size=RATE) * 20
            sound = np.concatenate((noise, spoken(seed, 3.0) * 9000, np.zeros(RATE)))
            for at in range(0, len(sound) - 255, 256):
                frame = AudioFrame(sound[at : at + 256].astype(np.int16).tobytes(), RATE, t)
                speech = SpeechChunk(t, t + 0.032, 0.95 if RATE <= at < 4 * RATE else 0.02)
                watch.on_chunks(frame, (speech,))
                t += 0.032
            await watch.settle()
        journal = Journal(self.scene.pool)
        reporter = Reporter(1, self.store, journal, cast(CallObserver, None), lambda: None)
        keep_sketch(self.kit, ACCOUNT, watch, reporter)
        await journal.flush()
        return watch


async def test_a_call_played_again_raises_the_warning_with_its_evidence_and_asks_for_the_digits() -> None:
    calls = Calls()
    first = await calls.call(1, 2, 3)
    assert (first.decision().state, first.decision().reason) == (VoiceState.MATCH, None)
    again = await calls.call(2, 3)
    decision = again.decision()
    assert (decision.state, decision.reason) == (VoiceState.MATCH, VoiceReason.SPOOF_RISK)
    given = calls.scene.checker._given(reached("verification"), decision, None, None)
    [result] = run_checks(("voiceprint_matches",), replace(given, comparisons=again.comparisons))
    [warning] = result.warnings
    assert warning.code is WarningCode.W_V5
    [sign] = cast(list[dict[str, object]], warning.evidence["spoof"])
    assert (sign["sign"], sign["limit"], sign["risk"]) == ("replay", 0.12, True)
    assert cast(float, sign["value"]) > 0.12
    assert result.detail["spoof"] == [sign]


async def test_the_same_person_with_other_words_is_asked_nothing() -> None:
    calls = Calls()
    await calls.call(1, 2, 3)
    assert (await calls.call(4, 5, 6)).decision().reason is None


@pytest.mark.parametrize(("replay", "kept", "signs"), [("note", 1, 1), ("off", 0, 0)])
async def test_what_is_only_noted_raises_nothing(replay: str, kept: int, signs: int) -> None:
    calls = Calls(replay=replay, synthetic="off")
    await calls.call(1, 2, 3)
    assert len(calls.store.sketches(CUSTOMER, 90)) == kept
    decision = (await calls.call(1, 2, 3)).decision()
    assert (decision.state, decision.reason, len(decision.spoof)) == (VoiceState.MATCH, None, signs)


async def test_a_call_of_another_voice_is_not_kept() -> None:
    calls = Calls()
    await calls.call(1, 2, 3, speaker=2)
    assert calls.store.sketches(CUSTOMER, 90) == ()


async def test_a_spoilt_sketch_costs_the_signal_and_not_the_call() -> None:
    calls = Calls()
    calls.store.save_sketch(VoiceSketch(CUSTOMER, NOW.isoformat(timespec="microseconds"), b"spoilt"), 90, 10)
    assert (await calls.call(1, 2)).decision().state is VoiceState.MATCH


def test_the_default_asks_for_a_recording_and_only_notes_a_machine() -> None:
    assert (Settings().voiceprint.replay, Settings().voiceprint.synthetic) == ("risk", "note")
