"""One call's check of the speaker: sound in, windows to embed out, embeddings in, decision out.

Synchronous and without a clock. One thread (the call's) calls everything here; only the encoder runs elsewhere:

    tracker.add_audio(frame, vad.accept(frame))            # every 20 ms
    tracker.bot_spoke(t, t + 0.02)                         # while the bot is heard
    while window := tracker.pending_window():              # every 2 s of net speech
        tracker.add_embedding(await run(encoder.embed, window.audio), window)
    tracker.decision()                                     # whenever a step asks
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.voice import Embedding, VoiceDecision, VoiceEvidence, Voiceprint, VoiceQuality
from voicebot.voiceprint.arousal import Manner, manner
from voicebot.voiceprint.calibration import Calibration
from voicebot.voiceprint.decision import Policy, decide
from voicebot.voiceprint.enrolment import EnrolmentSample
from voicebot.voiceprint.evidence import EvidenceState, add_window, evidence
from voicebot.voiceprint.net_speech import NetSpeech, NetSpeechSettings, NetWindow
from voicebot.voiceprint.spoof import SpoofWatch

#: Shorter leftovers are not worth an embedding: 0.5 to 0.9 s scored 0.33-0.38 where 2 s score 0.8 (facts.md).
REMAINDER_S = 1.0


@dataclass(frozen=True, slots=True)
class WindowRecord:
    """What one window did, for the record of the call: when it ended, its seconds, and the decision after it."""

    t: float
    net_s: float
    last_score: float | None
    decision: VoiceDecision


class VoiceTracker:
    """The check of one call's caller (biometrics method, step 1 to 6)."""

    def __init__(
        self,
        voiceprint: Voiceprint | None,
        calibration: Calibration,
        policy: Policy,
        *,
        opted_out: bool = False,
        expired: bool = False,
        net_speech: NetSpeechSettings | None = None,
        spoof: SpoofWatch | None = None,
    ) -> None:
        """`voiceprint` None, or one of another model than the calibration's: not enrolled. `spoof`: looks for signs of
        a recording or a machine."""
        usable = voiceprint is not None and voiceprint.model_id == calibration.model_id and bool(voiceprint.embeddings)
        self._voiceprint = voiceprint if usable and not opted_out else None
        self._enrolled = usable
        self._opted_out = opted_out
        self._expired = expired
        self._calibration = calibration
        self._policy = policy
        self._net_settings = net_speech
        self._net = NetSpeech(net_speech)
        self._state = EvidenceState()
        self._samples: list[EnrolmentSample] = []
        self._history: list[WindowRecord] = []
        self._spoof = spoof
        self.emotional = False  # set by whoever hears it; both may change at any time
        self.spoof_risk = False

    def add_audio(self, frame: AudioFrame, chunks: Sequence[SpeechChunk]) -> None:
        """Take the caller's sound and the VAD's decisions that became due with it."""
        self._net.add(frame, chunks)
        if self._spoof is not None:
            self._spoof.add_audio(frame, chunks)

    def bot_spoke(self, t0: float, t1: float) -> None:
        """The bot was heard in [t0, t1) of the call: the caller's sound then is echo or overlap and counts no more."""
        self._net.bot_spoke(t0, t1)
        if self._spoof is not None:
            self._spoof.bot_spoke(t0, t1)

    def restart(self) -> None:
        """Another speaker came on: all that was heard so far says nothing about him (a telephone's own voice)."""
        self._net = NetSpeech(self._net_settings)
        self._state = EvidenceState()
        self._samples = []
        self._history = []
        if self._spoof is not None:
            self._spoof.restart()

    def lost_frames(self, share: float) -> None:
        """Share of the caller's packets lost so far, [0, 1]; goes into the quality of the windows after it."""
        self._net.lost_frames = share

    def use(self, policy: Policy) -> None:
        """From now on decide by this policy (another flow began, or another caller's rule holds)."""
        self._policy = policy

    @property
    def net_speech_s(self) -> float:
        """Seconds of net speech heard, embedded or not: what an enrolment still needs is told from this."""
        return sum(s.net_s for s in self._samples) + self._net.pending_s

    def pending_window(self, *, now: bool = False) -> NetWindow | None:
        """The next window to embed (its sound is `.audio`), or None. `now`: a decision is needed at once, so a
        leftover of at least REMAINDER_S will do (at least 1.5 s for the first, under which nothing is decided)."""
        window = self._net.pop_window()
        if window is not None or not now:
            return window
        least = REMAINDER_S if self._state.net_s > 0 else max(REMAINDER_S, self._policy.net_floor_s)
        return self._net.pop_remainder(least)

    def add_embedding(self, embedding: Embedding, window: NetWindow) -> VoiceDecision:
        """Take a window's embedding; returns the decision after it."""
        heard = manner(window.audio.pcm16, window.audio.rate)
        self._state = add_window(
            self._state,
            embedding,
            window.net_s,
            window.quality,
            self._voiceprint,
            calibration=self._calibration,
            policy=self._policy,
            manner=heard,
        )
        names = tuple(str(u) for u in window.utterances)
        self._samples.append(EnrolmentSample(embedding, window.net_s, window.quality, names, "call", heard))
        if self._spoof is not None:
            self._spoof.add_window(window)
        decision = self.decision()
        self._history.append(WindowRecord(window.t_end, window.net_s, self._state.last_score, decision))
        return decision

    @property
    def spoof(self) -> SpoofWatch | None:
        """What looks for a recording or a machine; None where nothing does."""
        return self._spoof

    @property
    def enrolled(self) -> bool:
        """There is a voiceprint that the calibration can judge."""
        return self._enrolled

    @property
    def evidence(self) -> VoiceEvidence:
        """What the call has shown so far."""
        return evidence(self._state)

    @property
    def history(self) -> tuple[WindowRecord, ...]:
        """Every window's effect, in the order of embedding: the evidence of a warning."""
        return tuple(self._history)

    def decision(self, policy: Policy | None = None) -> VoiceDecision:
        """The decision in force. `policy`: a step's own, stricter one."""
        return decide(
            self.evidence,
            self._calibration,
            policy or self._policy,
            enrolled=self._enrolled,
            opted_out=self._opted_out,
            expired=self._expired,
            emotional=self.emotional,
            spoof_risk=self.spoof_risk,
            spoof=self._spoof.signals if self._spoof is not None else (),
        )

    def since(self, t: float) -> VoiceDecision | None:
        """The voice of what was said after `t` (s) alone, whatever came before it: the evidence of one answer. None
        where there is no voiceprint or no window of it yet. The policy's limits are the call's; its state is seldom
        more than inconclusive on so little speech, its LLR is what counts."""
        pairs = [pair for pair in zip(self._history, self._samples, strict=True) if pair[0].t > t]
        if self._voiceprint is None or not pairs:
            return None
        decisions = replay(
            [(s.embedding, s.net_s, s.quality, s.manner) for _, s in pairs],
            self._voiceprint,
            self._calibration,
            self._policy,
        )
        return list(decisions)[-1]

    def enrolment_candidates(self) -> tuple[EnrolmentSample, ...]:
        """The call's own speech as samples for `enrolment.enrol`; embed `pending_window(now=True)` first."""
        return tuple(self._samples)


def replay(
    heard: Iterable[tuple[Embedding, float, VoiceQuality, Manner | None]],
    voiceprint: Voiceprint,
    calibration: Calibration,
    policy: Policy,
) -> Iterator[VoiceDecision]:
    """The decisions of a call whose windows are already embedded, one after each. `heard`: embedding, net seconds,
    quality and manner of each window."""
    state = EvidenceState()
    for embedding, net_s, quality, how in heard:
        state = add_window(
            state, embedding, net_s, quality, voiceprint, calibration=calibration, policy=policy, manner=how
        )
        yield decide(evidence(state), calibration, policy)
