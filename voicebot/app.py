"""The composition root: the only file that names concrete engines, drivers and stores."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType
from typing import Self

from storage.campaign import SqliteCampaignStore, campaign_store
from storage.db import Reader, SqliteStore, open_reader, open_store
from storage.records import CallFilter, CallRecord, CallSummary
from storage.repositories_thresholds import thresholds
from voicebot.call.kit import Kit
from voicebot.call.line import keep_steady
from voicebot.call.observer import CallObserver, NoObserver
from voicebot.call.supervisor import Supervisor
from voicebot.call.workers import make_workers
from voicebot.campaign.dialer import Dialer
from voicebot.campaign.dialer_job import Desk, Done
from voicebot.campaign.dialer_state import clear_state, state_file, write_state
from voicebot.campaign.gatekeeper import Gatekeeper, gatekeeper
from voicebot.campaign.notify import Allowed, Notifier
from voicebot.campaign.notify_texts import MessageBook
from voicebot.campaign.pacing import own_lines
from voicebot.campaign.retry import Policy, retry_rules
from voicebot.engines.choose import (
    choose_activity,
    choose_encoder,
    choose_recognizer,
    choose_synthesizer,
    encoder_choice,
    recognizer_choice,
    synthesizer_choice,
)
from voicebot.engines.prompt_cache import PromptCache
from voicebot.errors import SettingsError
from voicebot.flow.book import FlowBook
from voicebot.flow.checks import EmotionUse
from voicebot.flow.loader import load_flows
from voicebot.flow.prompts import Prompts
from voicebot.messaging.email_smtp import SmtpSender
from voicebot.messaging.sms_http import HttpSmsSender
from voicebot.model.campaign import Job, Method
from voicebot.model.outcome import Disposition
from voicebot.model.ports import Signaling, SpeakerEncoder
from voicebot.model.trunk import Traffic, TrunkState, WatchesTraffic, WatchesTrunks
from voicebot.nlu.language import load_language
from voicebot.scoring.config_cases import EmotionSettings
from voicebot.settings import Settings
from voicebot.voiceprint.calibration import Calibration, check_model
from voicebot.voiceprint.calibration import load as load_calibration
from voicebot.voiceprint.synthetic import Detector, load_detector
from voicebot.web.app import make_app, no_traffic
from voicebot.web.live import LiveFeed
from voicebot.web.server import ConsoleServer

logger = logging.getLogger(__name__)

#: How long running calls may go on after the process was asked to stop.
DRAIN_S = 5.0


class Application:
    """Everything of one process, from settings to a SIP agent that takes calls.

    `async with Application(settings) as app: await app.supervisor.dial("A-1001", "verification")`
    """

    def __init__(self, settings: Settings, observer: CallObserver | None = None) -> None:
        self._settings = settings
        self._observer = observer or NoObserver()
        self._workers = make_workers(settings.asr.workers)
        self._store: SqliteStore | None = None
        self._signaling: Signaling | None = None
        self._dialer: Dialer | None = None
        self._gate: Gatekeeper
        self._notifier: Notifier
        self.kit: Kit
        self.supervisor: Supervisor
        self.campaigns: SqliteCampaignStore
        #: Sentences for a person: which engines were chosen and why; attempts settled at this start.
        self.notes: list[str] = []

    async def __aenter__(self) -> Self:
        try:
            return await self._start()
        except BaseException:
            await self._stop()  # a trunk that refuses us must not leave a SIP thread and a locked database behind
            raise

    async def _start(self) -> Self:
        self._store = open_store(self._settings.paths.database, master_key=self._settings.paths.voice_master_key)
        self._store.vault()  # a lost master key is found out now, and not in a call
        settled = self._store.recover()
        if settled:
            self.notes.append(f"{settled} attempt(s) of an earlier run were cut short; they are TECHNICAL_FAILURE now")
        self.campaigns = campaign_store(self._store, self._settings.campaign)
        self._gate = gatekeeper(self._settings, self.campaigns)
        self.kit = await self._build(self._store)
        self._notifier = self._make_notifier(self._store)
        self._signaling = make_signaling(self._settings)
        self.supervisor = Supervisor(self.kit, self._signaling)
        await self._signaling.start()
        keep_steady()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.stop_dialing()
            await self.supervisor.drain(0.0 if kind is not None else DRAIN_S)
            if self._dialer is not None:
                await self._dialer.drain(DRAIN_S)  # the calls have ended: what is left is writing what came of them
                clear_state(state_file(self._settings.paths.database))
        finally:
            gc.unfreeze()  # who makes another one in this process (a bench) must not keep this one's models
            await self._stop()

    def desk(self) -> Desk:
        """What the work on a campaign's jobs needs."""
        notifier = self._notifier
        policy = Policy(retry_rules(self._settings.campaign))
        send = notifier.send if notifier.methods else None
        return Desk(self.campaigns, self._workers.storage, self.supervisor.dial, policy, send)

    def dialer(self, report: Callable[[Done], None] = lambda _: None) -> Dialer:
        """The dialer of this process's campaigns, not yet running."""
        settings = self._settings
        file = state_file(settings.paths.database)
        self._dialer = Dialer(
            self.desk(),
            settings.campaign,
            settings.telephony.max_calls,
            lambda: self.supervisor.live,
            own_cap=own_lines,
            settle=self._settle_others,
            methods=self._notifier.methods | {Method.PHONE},
            report=report,
            publish=lambda state: write_state(file, state),
        )
        return self._dialer

    def _settle_others(self) -> None:
        """Attempts of processes that have died since we started get their outcome."""
        if self._store is not None:
            self._store.recover(at_start=False)

    def stop_dialing(self) -> None:
        """Campaigns start no more calls; those that run may end."""
        if self._dialer is not None:
            self._dialer.stop()

    def trunks(self) -> tuple[TrunkState, ...]:
        """How the trunks are now; empty where the driver does not watch them."""
        return self._signaling.trunks() if isinstance(self._signaling, WatchesTrunks) else ()

    async def traffic(self) -> Traffic:
        """Who asks for calls, and what was turned away; `no_line`: calls for which every line was taken."""
        seen = await self._signaling.traffic() if isinstance(self._signaling, WatchesTraffic) else Traffic()
        return Traffic(seen.sources, {**seen.turned_away, "no_line": self.supervisor.refused})

    async def _stop(self) -> None:
        try:
            if self._signaling is not None:
                await self._signaling.close()
        finally:
            self._workers.close()
            if self._store is not None:
                self._store.close()

    def _make_notifier(self, store: SqliteStore) -> Notifier:
        settings, gate = self._settings, self._gate

        def ask(job: Job) -> Allowed:
            plan = job.plan
            flow = self.campaigns.campaign(plan.campaign_id).flow  # the job's own is the name of its text
            decision = gate.ask(plan.account_id, flow, campaign_id=plan.campaign_id, job_id=job.id, method=plan.method)
            return Allowed(decision, gate.message_detail(plan.campaign_id))

        return Notifier(
            self.campaigns,
            self._workers.storage,
            store.account,
            ask,
            MessageBook(settings.paths.templates, settings.asr.language, settings.bank).texts,
            email=SmtpSender(settings.email) if settings.email.server else None,
            sms=HttpSmsSender(settings.sms) if settings.sms.url else None,
        )

    async def _build(self, store: SqliteStore) -> Kit:
        settings = self._settings
        book = load_flows(settings.paths.flows)
        prompts = Prompts(settings.paths.templates, settings.asr.language)
        language = settings.asr.language
        self.notes += [recognizer_choice(settings, language).reason, synthesizer_choice(settings, language).reason]
        recognizer, synthesizer, activity, encoder = await asyncio.gather(
            asyncio.to_thread(choose_recognizer, settings, language),
            asyncio.to_thread(choose_synthesizer, settings, language),
            asyncio.to_thread(choose_activity),
            asyncio.to_thread(_encoder, settings),
        )
        self.notes.append(encoder_choice(settings).reason if encoder else "Voiceprint: off, because set so.")
        return Kit(
            settings=settings,
            store=store,
            gate=self._gate,
            workers=self._workers,
            book=book,
            prompts=prompts,
            language=load_language(settings.paths.templates, settings.paths.flows, settings.asr.language),
            recognizer=recognizer,
            activity=activity,
            voice=PromptCache(synthesizer, settings.paths.prompt_cache),
            encoder=encoder,
            calibration=_calibration(settings, encoder),
            observer=self._observer,
            script_version=script_version(book, prompts),
            emotion=emotion_use(thresholds(store.db).emotion),
            detector=_detector(settings, encoder),
        )


def emotion_use(settings: EmotionSettings) -> EmotionUse:
    """What customers must be told: the same switch, in force by four eyes, judges and gives notice."""
    if not settings.enabled:
        return EmotionUse.OFF
    return EmotionUse.CONSENT if settings.consent else EmotionUse.NOTICE


def make_signaling(settings: Settings) -> Signaling:
    """The SIP driver that the settings name."""
    if settings.telephony.driver == "pyvoip":
        return _pyvoip(settings)
    from voicebot.signaling.baresip_agent import BaresipSignaling

    return BaresipSignaling(settings.telephony, settings.trunk, settings.fallback_trunks)


def _pyvoip(settings: Settings) -> Signaling:
    """GPL-3, and only where audioop is: nothing of it is imported unless it is chosen."""
    if settings.fallback_trunks:
        raise SettingsError(
            "fallback_trunks: the driver pyvoip has one trunk",
            hint="take [[fallback_trunks]] out, or set telephony.driver = baresip",
        )
    try:
        from voicebot.signaling.pyvoip_agent import PyvoipSignaling
    except ImportError as error:
        raise SettingsError(
            f"telephony.driver = pyvoip cannot be loaded: {error}",
            hint="pyVoIP needs the package pyVoIP and Python below 3.13; or set telephony.driver = baresip",
        ) from error
    return PyvoipSignaling(settings.telephony, settings.trunk)


def make_console(
    settings: Settings,
    live: LiveFeed,
    token: str,
    trunks: Callable[[], Sequence[TrunkState]] = tuple,
    traffic: Callable[[], Awaitable[Traffic]] = no_traffic,
) -> ConsoleServer:
    """The console over the same database (read only), the live feed, the state of the trunks and what comes in."""
    reader = _ConsoleReader(open_reader(settings.paths.database))
    app = make_app(reader, live, token, settings.paths.recordings, trunks, traffic)
    return ConsoleServer(app, settings.web.address, settings.web.port)


class _ConsoleReader:
    """The store's reader, asked as the console asks (voicebot.web.reading.CallReader)."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def calls(self, limit: int, disposition: Disposition | None) -> list[CallSummary]:
        """The newest attempts first."""
        return self._reader.calls(limit, CallFilter(disposition=disposition))

    def call(self, attempt_id: int) -> CallRecord:
        """One attempt."""
        return self._reader.call(attempt_id)


def script_version(book: FlowBook, prompts: Prompts) -> str:
    """A hash of all flows and templates: which words an attempt was made with."""
    return hashlib.sha256(f"{book.digest}/{prompts.digest}".encode()).hexdigest()[:12]


def _encoder(settings: Settings) -> SpeakerEncoder | None:
    return choose_encoder(settings) if settings.voiceprint.enabled else None


def _detector(settings: Settings, encoder: SpeakerEncoder | None) -> Detector | None:
    """Of synthetic voices. Raises SettingsError."""
    if encoder is None or settings.voiceprint.synthetic == "off":
        return None
    return load_detector(settings.voiceprint.synthetic_detector)


def _calibration(settings: Settings, encoder: SpeakerEncoder | None) -> Calibration | None:
    if encoder is None:
        return None
    calibration = load_calibration(settings.voiceprint.calibration, encoder.model_id)
    check_model(calibration, encoder.model_id)
    return calibration
