"""Signs that a voice is not a person speaking now: a recording of an earlier call, or a machine. Risks, never a gate.

One thread (the call's) calls everything but `examine`, which only reads and may run anywhere:

    spoof.add_audio(frame, chunks)                       # every 20 ms; bot_spoke as for the tracker
    spoof.add_window(window)                             # each window of net speech
    while stretch := spoof.pending_stretch():
        spoof.add_stretch(spoof.examine(stretch))
    spoof.signals                                        # whenever somebody asks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.voice import SpoofKind, SpoofSignal
from voicebot.settings import VoiceprintSettings
from voicebot.voiceprint.net_speech import NetWindow
from voicebot.voiceprint.replayed import EarlierCalls, call_share
from voicebot.voiceprint.sketch import Ints, encode, joined, peaks
from voicebot.voiceprint.spoof_features import features
from voicebot.voiceprint.stretches import Stretches
from voicebot.voiceprint.synthetic import Detector, call_score

#: Stretches kept for the sketch of a call, a minute and a half of speech at most.
_KEPT = 40


@dataclass(frozen=True, slots=True)
class SpoofPolicy:
    """`replay`, `synthetic`: is it looked for; `replay_acts`, `synthetic_acts`: does it raise the risk, or is it only
    noted? `replay_limit`: share of landmarks in line; `synthetic_limit`: None is the detector's own."""

    replay: bool = True
    replay_acts: bool = True
    replay_limit: float = 0.12
    synthetic: bool = True
    synthetic_acts: bool = False
    synthetic_limit: float | None = None


def spoof_policy(settings: VoiceprintSettings) -> SpoofPolicy:
    """The bank's."""
    return SpoofPolicy(
        replay=settings.replay != "off",
        replay_acts=settings.replay == "risk",
        replay_limit=settings.replay_limit,
        synthetic=settings.synthetic != "off",
        synthetic_acts=settings.synthetic == "risk",
        synthetic_limit=settings.synthetic_limit,
    )


@dataclass(frozen=True, slots=True)
class Examined:
    """A stretch's peaks, and the share of its landmarks that an earlier call has in line (None: too few to tell)."""

    peaks: Ints
    share: float | None


class SpoofWatch:
    """One per call. What counts does not fade: who played a recording once has played one."""

    def __init__(self, policy: SpoofPolicy, detector: Detector | None, earlier: EarlierCalls | None = None) -> None:
        """`earlier`: the customer's calls that a recording may be of."""
        self._policy = policy
        self._detector = detector if policy.synthetic else None
        self._earlier = earlier or EarlierCalls(())
        self.restart()

    def restart(self) -> None:
        """Another speaker came on: what was heard so far says nothing about him."""
        self._stretches = Stretches()
        self._peaks: list[Ints] = []
        self._scores: list[float] = []
        self._synthetic: float | None = None
        self._shares: list[float] = []

    def add_audio(self, frame: AudioFrame, chunks: Sequence[SpeechChunk]) -> None:
        """Take the caller's sound and the VAD's decisions that became due with it."""
        if self._policy.replay:
            self._stretches.add(frame, chunks)

    def bot_spoke(self, t0: float, t1: float) -> None:
        """The bot was heard in [t0, t1)."""
        self._stretches.bot_spoke(t0, t1)

    def add_window(self, window: NetWindow) -> None:
        """A window of net speech (1 ms of computing)."""
        found = features(window.audio.pcm16, window.audio.rate) if self._detector is not None else None
        if self._detector is None or found is None:
            return
        self._scores.append(self._detector.score(found))
        score = call_score(self._scores)
        if score is not None:
            self._synthetic = score if self._synthetic is None else max(self._synthetic, score)

    def pending_stretch(self) -> AudioFrame | None:
        """The next stretch of speech to examine, or None."""
        return self._stretches.pop()

    def examine(self, stretch: AudioFrame) -> Examined:
        """Some 5 ms a second of speech; reads nothing that changes."""
        found = peaks(stretch)
        return Examined(found, self._earlier.share(found))

    def add_stretch(self, examined: Examined) -> None:
        """Take what `examine` found."""
        if len(self._peaks) < _KEPT:
            self._peaks.append(examined.peaks)
        if examined.share is not None:
            self._shares.append(examined.share)

    @property
    def signals(self) -> tuple[SpoofSignal, ...]:
        """Every sign there is a value of."""
        policy, found = self._policy, []
        if (share := call_share(self._shares)) is not None:
            found.append(SpoofSignal(SpoofKind.REPLAY, share, policy.replay_limit, policy.replay_acts))
        if self._synthetic is not None and self._detector is not None:
            limit = self._detector.limit if policy.synthetic_limit is None else policy.synthetic_limit
            found.append(SpoofSignal(SpoofKind.SYNTHETIC, self._synthetic, limit, policy.synthetic_acts))
        return tuple(found)

    @property
    def sketch(self) -> bytes | None:
        """Of this call, to recognise a recording of it later; None where too little was said."""
        found = joined(self._peaks)
        return encode(found) if len(found) else None
