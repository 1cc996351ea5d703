"""The ports: what the conversation needs from the world. Engines, drivers and stores implement them; app.py joins them.

Blocking ports (recogniser, synthesizer, speaker encoder, store) are called off the event loop by their caller; the leg
is asyncio's. Nothing here knows a concrete engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.outcome import Outcome, WarningRaised
from voicebot.model.portfolio import Account
from voicebot.model.records import AttemptProgress, AttemptStart, CheckRecord, Consent, Turn
from voicebot.model.speech import Utterance
from voicebot.model.voice import Embedding, VoiceComparison, VoiceDecision, Voiceprint, VoiceSketch

# --- engines (blocking, thread-safe unless said) ---------------------------------------------------------------


class RecognizerStream(Protocol):
    """One utterance being recognised. Not shared between threads."""

    def accept(self, frame: AudioFrame) -> str | None:
        """Take sound; return the partial text so far where the engine streams. One that does not collects: None, at
        once."""
        ...

    def snapshot(self) -> Utterance:
        """What is recognised of the sound so far, the stream going on; may run in another thread than `accept`.

        The listener starts it while the silence that ends an answer still runs, and takes it where nothing more comes.
        """
        ...

    def finish(self) -> Utterance:
        """No more sound: the result. Text is "" where nothing was recognised. Times are the call's."""
        ...


class Recognizer(Protocol):
    """Speech to text. Loaded once per process; streams are cheap."""

    @property
    def name(self) -> str:
        """Engine and model, e.g. "vosk:small-en-us-0.15"."""
        ...

    @property
    def streaming(self) -> bool:
        """True where `accept` returns partials while the caller speaks."""
        ...

    def start(self, phrases: Sequence[str] | None = None) -> RecognizerStream:
        """Begin an utterance. `phrases`: what the step expects (nlu.grammar); None = free speech. An engine that
        streams takes them as its grammar, one that does not as a hint (number words only: a string of digits)."""
        ...


class VoiceActivityStream(Protocol):
    """Voice activity of one call's caller. Cheap enough for the media path."""

    def accept(self, frame: AudioFrame) -> tuple[SpeechChunk, ...]:
        """Take sound of any length, return the decisions that became due (32 ms each for Silero)."""
        ...


class VoiceActivity(Protocol):
    """Voice activity detection, one model for all calls."""

    def start(self) -> VoiceActivityStream:
        """State for one call."""
        ...


class Synthesizer(Protocol):
    """Text to speech."""

    @property
    def name(self) -> str:
        """Engine, voice and version; part of the prompt cache's key."""
        ...

    def synthesize(self, text: str) -> AudioFrame:
        """Speak `text`; any rate. Raises EngineError."""
        ...


class SpeakerEncoder(Protocol):
    """Speech to speaker embedding."""

    @property
    def model_id(self) -> str:
        """Model name and the first 8 digits of its sha256."""
        ...

    def embed(self, speech: AudioFrame) -> Embedding:
        """Net speech of one speaker (any rate) to an L2-normalised embedding. Raises EngineError under 0.3 s."""
        ...


# --- telephony -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MediaStats:
    """A leg's media figures at its end. Times in ms; counts of packets; `mos` estimate after ITU-T G.107."""

    tx_packets: int = 0
    rx_packets: int = 0
    rx_lost: int = 0
    tx_lost: int = 0
    rx_jitter_ms: float = 0.0
    rtt_ms: float = 0.0
    mos: float = 0.0


@dataclass(frozen=True, slots=True)
class LegEnd:
    """How a leg ended: `by` "caller" | "bot" | "network"; `status` the SIP status where there was one."""

    by: str
    status: int | None = None
    reason: str = ""


class CallLeg(Protocol):
    """One SIP dialog and its media. All methods run on the event loop; audio is 16-bit mono at MEDIA_RATE."""

    @property
    def call_id(self) -> str | None:
        """SIP Call-ID (RFC 3261 section 20.8)."""
        ...

    @property
    def remote(self) -> str:
        """The far end's SIP URI. Personal data: never logged."""
        ...

    @property
    def ended(self) -> LegEnd | None:
        """None while the leg lives."""
        ...

    async def wait_answered(self, timeout_s: float) -> None:
        """Outbound: wait for the 200 OK. Raises CallRefused, CallNotAnswered (after sending CANCEL), TrunkError where
        several trunks were tried and none took the call."""
        ...

    async def answer(self) -> None:
        """Inbound: send the 200 OK. Raises CallEnded."""
        ...

    async def reject(self, status: int = 486) -> None:
        """Inbound: refuse; 503 tells the caller when to try again (`telephony.retry_after_s`)."""
        ...

    def read(self, max_bytes: int) -> bytes:
        """Received sound since the last read, oldest first; b"" when none. Raises CallEnded."""
        ...

    def write(self, pcm16: bytes) -> int:
        """Queue sound to send; returns the bytes taken. Raises CallEnded."""
        ...

    @property
    def queued_s(self) -> float:
        """Seconds written and not sent yet."""
        ...

    def flush(self) -> None:
        """Throw away what is written and not sent."""
        ...

    async def drain(self) -> None:
        """Wait until everything written has been sent and has passed the far end's jitter buffer."""
        ...

    async def send_dtmf(self, keys: str) -> None:
        """Send keys (RFC 4733)."""
        ...

    def on_dtmf(self, callback: Callable[[str], None]) -> None:
        """Call back with each key the caller presses."""
        ...

    def on_end(self, callback: Callable[[LegEnd], None]) -> None:
        """Call back once when the leg ends (at once where it has ended)."""
        ...

    @property
    def held(self) -> bool:
        """True while the far end holds us (RFC 3264 section 8.4): it hears nothing, and no customer is heard."""
        ...

    async def hold(self) -> None:
        """Hold the far end. Raises CallEnded, CallError where it cannot be done."""
        ...

    async def resume(self) -> None:
        """End our hold. Raises as `hold`."""
        ...

    async def transfer(self, target: str) -> bool:
        """Blind transfer (REFER, RFC 3515); True where the target answered."""
        ...

    async def transfer_to(self, agent: CallLeg) -> bool:
        """Attended transfer: connect the far end with that of `agent`, an answered leg of the same driver (REFER with
        Replaces, RFC 3891); True where it worked, and then both legs end."""
        ...

    async def hang_up(self) -> None:
        """End the call (BYE, or CANCEL before the answer). Harmless where it has ended."""
        ...

    def stats(self) -> MediaStats:
        """Figures so far; final after the end."""
        ...


class Signaling(Protocol):
    """A SIP user agent with its trunk."""

    async def start(self) -> None:
        """Bind, and register where the trunk wants it. Raises TrunkError."""
        ...

    async def dial(self, number: str) -> CallLeg:
        """Send an INVITE to a number (or SIP user) by the trunk. Raises TrunkError, AdmissionError."""
        ...

    def on_incoming(self, callback: Callable[[CallLeg], None]) -> None:
        """Call back with each inbound leg, not yet answered."""
        ...

    async def drain(self) -> None:
        """Take no more calls, wait for the running ones."""
        ...

    async def close(self) -> None:
        """Unregister, end what is left, free everything."""
        ...


# --- storage (blocking; any thread; writes go one after the other) -------------------------------------------------


class Store(Protocol):
    """What the conversation reads and writes. Every write is committed when the method returns."""

    def account(self, account_id: str) -> Account:
        """One account with its customer and loan. Raises StorageError where unknown."""
        ...

    def account_by_number(self, number: str) -> Account | None:
        """The account of a caller's number; None where unknown."""
        ...

    def number_hash(self, number: str) -> str:
        """Keyed hash of a number (or SIP URI), for AttemptStart.number_hash."""
        ...

    def open_attempt(self, start: AttemptStart) -> int:
        """Insert the attempt and return its id; call before the INVITE. Raises StorageError where the account has an
        open attempt."""
        ...

    def progress(self, attempt_id: int, progress: AttemptProgress) -> None:
        """Store the fields that are not None."""
        ...

    def set_voice(self, attempt_id: int, decision: VoiceDecision) -> None:
        """Store the voiceprint's decision in force (the last one counts); part of the outcome's record."""
        ...

    def add_comparison(self, attempt_id: int, comparison: VoiceComparison) -> None:
        """Append a comparison with the voiceprint: the audit of its use."""
        ...

    def add_turn(self, attempt_id: int, turn: Turn) -> None:
        """Append a turn."""
        ...

    def add_check(self, attempt_id: int, check: CheckRecord) -> None:
        """Append a check."""
        ...

    def add_warning(self, attempt_id: int, customer_id: str, warning: WarningRaised) -> str:
        """Store a warning, deduplicated per (code, customer, day); returns its id."""
        ...

    def add_consent(self, attempt_id: int | None, consent: Consent) -> str:
        """Store a consent (or its refusal); returns its id."""
        ...

    def consent(self, customer_id: str, purpose: str) -> Consent | None:
        """The newest answer to a purpose; None where never asked."""
        ...

    def consent_id(self, customer_id: str, purpose: str) -> str | None:
        """The id of the newest answer where it is an agreement; None where it is not, or there is none."""
        ...

    def close_attempt(self, attempt_id: int, outcome: Outcome) -> bool:
        """Write the attempt's one outcome. False where it already has one (which stays)."""
        ...

    def voiceprint(self, customer_id: str) -> Voiceprint | None:
        """The active voiceprint; None where there is none (or it was revoked)."""
        ...

    def save_voiceprint(self, voiceprint: Voiceprint) -> None:
        """Store and make active."""
        ...

    def save_sketch(self, sketch: VoiceSketch, days: int, most: int) -> bool:
        """Store what a recording of a call would be recognised by, for `days`, at most `most` of a customer. False
        where the customer has no voiceprint: then it is not kept."""
        ...

    def sketches(self, customer_id: str, days: int) -> tuple[VoiceSketch, ...]:
        """Of the customer's calls of the last `days`, the newest first; none without a voiceprint."""
        ...

    def last_flow(self, account_id: str) -> str | None:
        """The flow of the newest outbound attempt: what an inbound caller most likely calls back about."""
        ...

    def recover(self) -> int:
        """At start: every open attempt becomes TECHNICAL_FAILURE with its last step; returns how many."""
        ...
