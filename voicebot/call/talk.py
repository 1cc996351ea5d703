"""An answered call: puts line, listener, voice check and conversation together and runs them until the leg ends."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from voicebot.call.announcement import Announcer
from voicebot.call.answered import Answered
from voicebot.call.answering_options import amd_options, beep_options, machine_options
from voicebot.call.card_guard import CardGuard
from voicebot.call.checker import Checker
from voicebot.call.conversation import CallParts, Conversation, Keeper
from voicebot.call.emotion_notice import EmotionNotice, stored_answer
from voicebot.call.enrolling import Enroller
from voicebot.call.journal import Journal
from voicebot.call.kit import Kit
from voicebot.call.line import Line
from voicebot.call.listener import Listener
from voicebot.call.machine import MachineOptions, MachineParts, OutboundCall
from voicebot.call.prompter import Prompter
from voicebot.call.recording import RecordingRefusal
from voicebot.call.reporter import VOICEPRINT, Reporter
from voicebot.call.spoofing import keep_sketch, spoof_watch
from voicebot.call.transfer import Handover
from voicebot.call.understanding import Understanding
from voicebot.call.voice_watch import VoiceWatch
from voicebot.call.workers import run
from voicebot.media.echo import EchoCanceller
from voicebot.media.recorder import Recorder
from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.outcome import Outcome
from voicebot.model.portfolio import Account
from voicebot.model.ports import CallLeg, Signaling
from voicebot.voiceprint.ageing import expired
from voicebot.voiceprint.decision import policy_from
from voicebot.voiceprint.tracker import VoiceTracker

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Scene:
    """Which call it is. `direction`: "outbound" | "inbound"; `recording`: path below the recordings folder."""

    attempt_id: int
    account: Account | None
    flow: str
    direction: str
    recording: str | None


async def talk(kit: Kit, journal: Journal, signaling: Signaling, leg: CallLeg, scene: Scene) -> Outcome:
    """Run a flow on an answered leg; the leg is ended when this returns."""
    account, direction = scene.account, scene.direction
    recorder = _recorder(kit, scene)
    echo = EchoCanceller() if kit.settings.turn.cancel_echo else None
    line = Line(leg, recorder, echo, kit.settings.telephony.max_hold_s)
    reporter = _reporter(kit, journal, scene, recorder)
    answered = _answered(kit, line, reporter) if direction == "outbound" else None
    consent = await _consent(kit, account)
    voice = await _voice_watch(kit, account, reporter, opted_out=consent is False)
    enroller = Enroller(kit, account, voice, reporter) if voice is not None and account is not None else None
    zone = ZoneInfo(account.customer.timezone if account is not None else "UTC")
    understanding = Understanding(kit.language, datetime.now(zone).date())
    prompter = Prompter(kit, account, understanding.today, direction, recording=recorder is not None)
    announcer = Announcer(line, prompter, reporter)
    parts = CallParts(
        leg=leg,
        line=line,
        listener=_listener(kit, line, understanding, voice, leg, answered),
        voice=voice,
        policy=lambda wanted: policy_from(kit.settings.voiceprint, alpha=wanted.alpha, beta=wanted.beta),
        understanding=understanding,
        prompter=prompter,
        checker=await _checker(kit, scene, reporter, voice, enroller, consent, lambda: datetime.now(zone)),
        keepers=_keepers(kit, account, enroller, reporter, recorder),
        reporter=reporter,
        handover=Handover(leg, announcer, prompter, signaling, kit.settings.agent),
        max_call_s=kit.settings.telephony.max_call_s,
        answered=answered,
    )
    clock = asyncio.create_task(line.run())
    try:
        options = machine_options(kit.settings.answering)
        outcome, person = await _run(
            lambda: Conversation(kit.book, scene.flow, direction, parts), parts, recorder, options
        )
    except BaseException:  # ours: a defect, a full disk, or the process is to end
        await asyncio.shield(announcer.apologise(leg))
        raise
    finally:
        await leg.hang_up()
        with contextlib.suppress(Exception):
            await clock
    if voice is not None and person:  # a mailbox may well have its owner's voice
        reporter.voice(await voice.settle())
        if account is not None:
            keep_sketch(kit, account, voice, reporter)
        if enroller is not None and consent is True and outcome.right_party and kit.settings.voiceprint.adapt:
            await _adapt(kit, enroller, account, outcome, line.t)
    return outcome


def _recorder(kit: Kit, scene: Scene) -> Recorder | None:
    if not scene.recording:
        return None
    return Recorder(kit.settings.paths.recordings / scene.recording, kit.settings.bank.robot)


def _reporter(kit: Kit, journal: Journal, scene: Scene, recorder: Recorder | None) -> Reporter:
    on_notice = recorder.open_caller if recorder is not None else lambda: None
    guard = CardGuard(kit.language.words, recorder.silence_caller if recorder is not None else lambda _t0, _t1: None)
    return Reporter(scene.attempt_id, kit.store, journal, kit.observer, on_notice, guard)


def _keepers(
    kit: Kit, account: Account | None, enroller: Enroller | None, reporter: Reporter, recorder: Recorder | None
) -> list[Keeper]:
    """Who stores answers while the call goes on."""
    keepers: list[Keeper] = [RecordingRefusal(kit, account, reporter, recorder).facts]
    keepers += [enroller.facts] if enroller is not None else []
    keepers += [EmotionNotice(kit, account, reporter).facts] if account is not None else []
    return keepers


async def _adapt(kit: Kit, enroller: Enroller, account: Account | None, outcome: Outcome, t: float) -> None:
    """Read anew what is stored: the customer may have refused in this very call, or have been enrolled in it."""
    assert account is not None
    stored = await run(kit.workers.storage, kit.store.voiceprint, account.customer.id)
    if stored is not None:
        await enroller.adapt(stored, outcome.last_step or "", t)


def _answered(kit: Kit, line: Line, reporter: Reporter) -> Answered | None:
    settings = kit.settings.answering
    if not settings.enabled:
        return None
    return Answered(
        line,
        kit.recognizer,
        kit.workers.asr,
        kit.language.answering,
        reporter.answered_by,
        amd_options(settings),
        beep_options(settings),
    )


async def _run(
    begin: Callable[[], Conversation], parts: CallParts, recorder: Recorder | None, options: MachineOptions
) -> tuple[Outcome, bool]:
    """The outcome, and whether a person was on the line."""
    if parts.answered is None:
        return await begin().run(), True

    async def restart() -> None:
        if recorder is not None:
            recorder.close_caller()
        if parts.voice is not None:
            await parts.voice.restart()

    machine = MachineParts(parts.leg, parts.line, parts.prompter, parts.reporter, parts.answered, restart)
    call = OutboundCall(machine, begin, options)
    outcome = await call.run()
    return outcome, call.person


def _listener(
    kit: Kit,
    line: Line,
    understanding: Understanding,
    voice: VoiceWatch | None,
    leg: CallLeg,
    answered: Answered | None,
) -> Listener:
    def tell(frame: AudioFrame, chunks: tuple[SpeechChunk, ...], raw: tuple[SpeechChunk, ...]) -> None:
        if answered is not None:
            answered.on_chunks(frame, chunks)
        if voice is not None:
            voice.on_chunks(frame, raw)

    listener = Listener(
        line,
        kit.recognizer,
        kit.activity.start(),
        understanding,
        kit.settings.turn,
        kit.workers.asr,
        tell,
        answered.words if answered is not None else lambda _: None,
    )
    if answered is not None:
        answered.listener_hears = lambda: listener.hears
    if voice is not None:
        line.add_spoken_listener(voice.tracker.bot_spoke)
    leg.on_dtmf(listener.on_key)
    return listener


async def _consent(kit: Kit, account: Account | None) -> bool | None:
    if account is None:
        return None
    consent = await run(kit.workers.storage, kit.store.consent, account.customer.id, VOICEPRINT)
    return consent.granted if consent is not None else None


async def _checker(
    kit: Kit,
    scene: Scene,
    reporter: Reporter,
    voice: VoiceWatch | None,
    enroller: Enroller | None,
    consent: bool | None,
    now: Callable[[], datetime],
) -> Checker:
    account = scene.account
    last_flow = await run(kit.workers.storage, kit.store.last_flow, account.id) if account is not None else None
    emotion = await stored_answer(kit, account)
    return Checker(
        kit, reporter, account, voice, enroller, consent, last_flow, now, recording=scene.recording, emotion=emotion
    )


async def _voice_watch(kit: Kit, account: Account | None, reporter: Reporter, *, opted_out: bool) -> VoiceWatch | None:
    if kit.encoder is None or kit.calibration is None or account is None:
        return None
    settings = kit.settings.voiceprint
    voiceprint = await run(kit.workers.storage, kit.store.voiceprint, account.customer.id)
    tracker = VoiceTracker(
        voiceprint,
        kit.calibration,
        policy_from(settings),
        opted_out=opted_out,
        expired=voiceprint is not None and expired(voiceprint, datetime.now(UTC), settings.expires_after_d),
        spoof=await spoof_watch(kit, account),
    )
    return VoiceWatch(tracker, kit.encoder, kit.workers.voice, reporter.comparison)
