"""What a call does with the voice: comparisons on record, warnings for who hangs up, enrolment, adaptation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import pytest

from storage.memory import MemoryStore
from tests.unit.flow.helpers import ACCOUNT, NOW, book
from tests.unit.voiceprint.helpers import voice, voiceprint
from voicebot.call.checker import Checker
from voicebot.call.enrolling import Enroller
from voicebot.call.journal import Journal
from voicebot.call.kit import Kit
from voicebot.call.observer import CallObserver
from voicebot.call.reporter import Reporter
from voicebot.call.voice_watch import VoiceWatch
from voicebot.flow.engine import start
from voicebot.flow.outcomes import outcome
from voicebot.flow.state import FlowState, with_facts
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.flow import RunCheck
from voicebot.model.outcome import Disposition, WarningCode
from voicebot.model.records import AttemptStart, CheckRecord, Consent
from voicebot.model.voice import Embedding, VoiceComparison, VoiceDecision, Voiceprint, VoiceState
from voicebot.settings import Settings, VoiceprintSettings
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.decision import Policy
from voicebot.voiceprint.tracker import VoiceTracker

CAL = Calibration("test", "model-1", a=40.0, b=0.0, c=0.0, d=-20.0)


@dataclass
class Encoder:
    """Always this speaker's next take."""

    speaker: int = 1
    model_id: str = "model-1"
    take: int = 0

    def embed(self, speech: AudioFrame) -> Embedding:
        self.take += 1
        return voice(self.speaker, self.take, 0.3)


@dataclass
class Told:
    """What the reporter would have written."""

    comparisons: list[VoiceComparison] = field(default_factory=list)
    checks: list[CheckRecord] = field(default_factory=list)
    decisions: list[VoiceDecision] = field(default_factory=list)
    voiceprints: list[Voiceprint] = field(default_factory=list)

    def comparison(self, value: VoiceComparison) -> None:
        self.comparisons.append(value)

    def check(self, value: CheckRecord) -> None:
        self.checks.append(value)

    def voice(self, value: VoiceDecision) -> None:
        self.decisions.append(value)

    def voiceprint(self, value: Voiceprint) -> None:
        self.voiceprints.append(value)


class Scene:
    """A call's voice side, without a line. `speaks` adds speech of the encoder's speaker."""

    def __init__(
        self, known: Voiceprint | None, speaker: int = 1, *, expired: bool = False, **settings: object
    ) -> None:
        self.told = Told()
        self.pool = ThreadPoolExecutor(1)
        tracker = VoiceTracker(known, CAL, Policy(), expired=expired)
        self.watch = VoiceWatch(tracker, Encoder(speaker), self.pool, self.told.comparison)
        whole = Settings(voiceprint=VoiceprintSettings(**settings))  # type: ignore[arg-type]
        blank = dict.fromkeys(Kit.__dataclass_fields__)
        self.kit = Kit(**{**blank, "settings": whole, "book": book(), "calibration": CAL})  # type: ignore[arg-type]
        reporter = cast(Reporter, self.told)
        self.enroller = Enroller(self.kit, ACCOUNT, self.watch, reporter)
        self.checker = Checker(
            self.kit, reporter, ACCOUNT, self.watch, self.enroller, True, None, lambda: NOW, "day/attempt-1.wav"
        )
        self.t = 0.0

    async def speaks(self, seconds: float) -> None:
        for loud, length in ((20.0, 1.0), (2000.0, seconds)):
            for _ in range(round(length / 0.032)):
                samples = np.random.default_rng(round(self.t * 1000)).normal(size=256) * loud
                frame = AudioFrame(samples.astype(np.int16).tobytes(), 8000, self.t)
                self.watch.on_chunks(frame, (SpeechChunk(self.t, self.t + 0.032, 0.95 if loud > 100 else 0.02),))
                self.t += 0.032
            await self.watch.settle()


def reached(flow: str = "reminder", ended: Disposition | None = None) -> FlowState:
    return with_facts(replace(start(book(), flow), ended=ended), {"reached": True})


async def test_every_window_compared_is_told_with_its_offset() -> None:
    scene = Scene(voiceprint(1))
    await scene.speaks(6.1)
    told = scene.told.comparisons
    assert [round(c.t, 1) for c in told] == [3.0, 5.0, 7.0]
    assert told[-1].decision.state is VoiceState.MATCH
    assert all(c.last_score is not None for c in told)
    assert scene.watch.comparisons == tuple(told)


@pytest.mark.parametrize(("known", "expired"), [(None, False), (voiceprint(1, "other"), False), (voiceprint(1), True)])
async def test_where_nothing_is_compared_nothing_is_told(known: Voiceprint | None, expired: bool) -> None:
    scene = Scene(known, expired=expired)
    await scene.speaks(4.1)
    assert scene.told.comparisons == []


async def test_another_voice_that_hangs_up_before_the_gate_still_warns() -> None:
    scene = Scene(voiceprint(1), speaker=2)
    await scene.speaks(4.1)
    state = await scene.checker.at_the_end(reached())
    [warning] = outcome(book(), state, hung_up_by="caller").warnings
    assert warning.code is WarningCode.W_V3
    assert warning.evidence["recording"] == "day/attempt-1.wav"
    assert len(warning.evidence["comparisons"]) == 2  # type: ignore[arg-type]
    assert outcome(book(), state, hung_up_by="caller").disposition is Disposition.HUNG_UP


@pytest.mark.parametrize(
    "state",
    [start(book(), "reminder"), reached(ended=Disposition.WRONG_PARTY), reached(ended=Disposition.VOICE_MISMATCH)],
    ids=["never said to be the customer", "the wrong person, as it turned out", "warned already"],
)
async def test_no_warning_at_the_end(state: FlowState) -> None:
    scene = Scene(voiceprint(1), speaker=2)
    await scene.speaks(4.1)
    assert (await scene.checker.at_the_end(state)).facts.get("warnings") is None


async def test_the_own_voice_that_hangs_up_warns_nobody() -> None:
    scene = Scene(voiceprint(1))
    await scene.speaks(4.1)
    assert (await scene.checker.at_the_end(reached())).facts.get("warnings") is None


ENROL = RunCheck("verification.enrol", ("enrol_voiceprint",))


async def test_twenty_seconds_of_a_call_make_a_voiceprint_and_ten_do_not() -> None:
    scene = Scene(None)
    for _ in range(3):
        await scene.speaks(4.0)
    done = await scene.checker.run(reached("verification"), ENROL, 20.0)
    assert done.result == "need_more_speech"
    assert scene.told.voiceprints == []
    assert scene.told.checks[-1].detail["missing"] == "12.0 s of 20 s"
    for _ in range(3):
        await scene.speaks(4.0)
    done = await scene.checker.run(reached("verification"), ENROL, 40.0)
    assert done.result == "passed"
    [made] = scene.told.voiceprints
    assert made.net_speech_s >= 20
    assert made.model_id == "model-1"


async def test_a_call_replaces_no_voiceprint_but_an_expired_one() -> None:
    for expired, wanted in ((False, 0), (True, 1)):
        scene = Scene(voiceprint(1), expired=expired)
        for _ in range(6):
            await scene.speaks(4.0)
        await scene.checker.run(reached("verification"), ENROL, 40.0)
        assert len(scene.told.voiceprints) == wanted


async def test_a_call_beyond_doubt_adds_to_the_voiceprint_and_says_so() -> None:
    scene = Scene(voiceprint(1))
    await scene.speaks(8.1)
    await scene.enroller.adapt(voiceprint(1), "reminder.goodbye", 30.0)
    [grown] = scene.told.voiceprints
    assert (len(grown.embeddings), grown.added) == (2, 1)
    [check] = scene.told.checks
    assert (check.name, check.result, check.detail["vectors"]) == ("voiceprint_adapted", "added", 2)


async def test_another_voice_adds_nothing() -> None:
    scene = Scene(voiceprint(1), speaker=2)
    await scene.speaks(8.1)
    await scene.enroller.adapt(voiceprint(1), "x", 30.0)
    assert scene.told.voiceprints == []
    assert scene.told.checks == []


@pytest.mark.parametrize("before", [True, False], ids=["agreed in an earlier call", "asked in this one"])
async def test_the_voiceprint_of_a_call_is_stored_with_the_consent_it_rests_on(before: bool) -> None:
    """No consent, no voiceprint: also where the refusal came after the enrolment was accepted."""
    store = MemoryStore(clock=lambda: NOW)
    store.put_accounts([ACCOUNT])
    customer = ACCOUNT.customer.id
    store.add_consent(None, Consent(customer, "marketing", "import", "v", True, NOW.isoformat()))
    attempt = store.open_attempt(
        AttemptStart(ACCOUNT.id, customer, "verification", "s1", "outbound", "hash", "baresip", NOW.isoformat())
    )
    scene = Scene(None)
    journal = Journal(scene.pool)
    reporter = Reporter(attempt, store, journal, cast(CallObserver, None), lambda: None)
    enroller = Enroller(replace(scene.kit, script_version="s1"), ACCOUNT, scene.watch, reporter)
    if before:
        store.add_consent(None, Consent(customer, "voiceprint", "written", "form 7", True, NOW.isoformat()))
    else:
        enroller.facts({}, "consent_voiceprint.ask", 3.0, NOW)
        enroller.facts({"consent_voiceprint": True}, "verification.purpose", 5.0, NOW)
    for _ in range(6):
        await scene.speaks(4.0)
    assert (await enroller.enrol()).ok
    await journal.flush()
    kept = store.voiceprint(customer)
    assert kept is not None
    assert kept.consent_id == "C-2"
    given = store.consent(customer, "voiceprint")
    assert given is not None
    assert given.evidence == ({} if before else {"step": "consent_voiceprint.ask", "t": 5.0})
    await enroller.adapt(replace(kept, consent_id=None), "x", 60.0)
    enroller.facts({"consent_voiceprint": False}, "verification.ask", 70.0, NOW)
    await enroller.enrol()
    await journal.flush()
    assert store.voiceprint(customer) is None


@pytest.mark.parametrize(("known", "embedded"), [(None, 0), (voiceprint(1), 1)])
async def test_a_step_waits_for_the_voice_only_where_there_is_one_to_compare(
    known: Voiceprint | None, embedded: int
) -> None:
    scene = Scene(known)
    encoder = cast(Encoder, scene.watch._encoder)
    for _ in range(60):
        frame = AudioFrame(b"\x00\x10" * 256, 8000, scene.t)
        scene.watch.on_chunks(frame, (SpeechChunk(scene.t, scene.t + 0.032, 0.95),))
        scene.t += 0.032
    await scene.watch.now()
    assert encoder.take == embedded
