"""The caller's net speech, cut out of the call: what the VAD calls speech, without the bot's echo and overlap, and
without that of the people around the caller.

Frames (20 ms), VAD chunks (32 ms) and the bot's talking times come in as they happen, in any interleaving; windows of
net speech go out as they become complete. Nothing here reads a clock: the same input gives the same windows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace

from voicebot.model.audio import AudioFrame, SpeechChunk
from voicebot.model.voice import VoiceQuality
from voicebot.voiceprint import quality
from voicebot.voiceprint.crowd import Crowd


@dataclass(frozen=True, slots=True)
class NetSpeechSettings:
    """`min_run_s`: shorter bursts are clicks; `pause_s`: a longer silence begins a new utterance, and so do
    `utterance_s` of speech (who reads 20 s without a pause has said more than one reply's worth); `echo_tail_s`: how
    long after the bot its echo may still arrive (round trip, buffers).
    """

    window_s: float = 2.0
    threshold: float = quality.SPEECH_FROM
    min_run_s: float = 0.09
    pause_s: float = 0.7
    utterance_s: float = 5.0
    echo_tail_s: float = 0.2


@dataclass(frozen=True, slots=True)
class NetWindow:
    """Net speech of one caller, its pauses cut out. `audio.t` and `t_end`: where it began and ended in the call;
    `utterances`: numbers of the utterances it has parts of."""

    audio: AudioFrame
    t_end: float
    quality: VoiceQuality
    utterances: tuple[int, ...]

    @property
    def net_s(self) -> float:
        """Seconds of speech."""
        return self.audio.duration


@dataclass(frozen=True, slots=True)
class _Piece:
    t0: float
    t1: float
    pcm16: bytes
    utterance: int

    @property
    def seconds(self) -> float:
        return self.t1 - self.t0


class _Sound:
    """The last seconds of the call's sound, addressed by time."""

    KEEP_S = 3.0

    def __init__(self) -> None:
        self.rate = 0
        self._pcm = bytearray()
        self._first = 0  # number of the first sample held

    def add(self, frame: AudioFrame) -> None:
        if frame.rate != self.rate:
            self.rate, self._pcm = frame.rate, bytearray()
        at = round(frame.t * frame.rate)
        gap = at - (self._first + len(self._pcm) // 2)
        if not self._pcm or gap > self.rate:
            self._first, self._pcm, gap = at, bytearray(), 0
        self._pcm += bytes(2 * gap) if gap > 0 else b""
        self._pcm += frame.pcm16[max(0, -2 * gap) :]
        spare = len(self._pcm) // 2 - round(self.KEEP_S * self.rate)
        if spare > self.rate:  # cut seldom: each cut copies
            del self._pcm[: 2 * spare]
            self._first += spare

    def take(self, t0: float, t1: float) -> bytes:
        """The sound of [t0, t1); shorter where it is not held (any more)."""
        a, b = (max(0, round(t * self.rate) - self._first) for t in (t0, t1))
        return bytes(self._pcm[2 * a : 2 * b])


class NetSpeech:
    """Collects one call's net speech (biometrics method, step 1). Not shared between threads."""

    def __init__(self, settings: NetSpeechSettings | None = None) -> None:
        self._settings = settings or NetSpeechSettings()
        self._sound = _Sound()
        self._bot: list[tuple[float, float]] = []
        self._run: list[_Piece] = []  # speech not yet long enough to be more than a click
        self._open = False  # the run is long enough
        self._pending: deque[_Piece] = deque()
        self._pending_s = 0.0  # kept beside the pieces: asked every 20 ms
        self._crowd = Crowd()
        self._unjudged_s = 0.0  # speech collected since the crowd was asked about: it forgets after some seconds
        self._noise: deque[float] = deque(maxlen=2000)  # powers of silent chunks, the last minute or so
        self._utterance = 0
        self._spoken_s = 0.0  # in the present utterance
        self._last_end: float | None = None
        self.lost_frames = 0.0  # share of the caller's packets lost so far, from the leg's statistics

    def add(self, frame: AudioFrame, chunks: Sequence[SpeechChunk]) -> None:
        """Take sound and the VAD's decisions that became due with it."""
        self._sound.add(frame)
        for chunk in chunks:
            self._decide(chunk)

    def bot_spoke(self, t0: float, t1: float) -> None:
        """The bot's sound was played in [t0, t1): nothing heard then, or in the echo tail after it, counts.

        May come late: speech already collected but not yet handed out is taken back.
        """
        t1 += self._settings.echo_tail_s
        if self._bot and t0 <= self._bot[-1][1] and t1 >= self._bot[-1][0]:
            last = self._bot[-1]
            self._bot[-1] = (min(t0, last[0]), max(t1, last[1]))
        else:
            self._bot.append((t0, t1))
        if self._pending and self._pending[-1].t1 > t0:
            self._keep_only([p for p in self._pending if p.t1 <= t0 or p.t0 >= t1])
        self._run = [p for p in self._run if p.t1 <= t0 or p.t0 >= t1]

    @property
    def pending_s(self) -> float:
        """Seconds of net speech collected and not handed out."""
        return self._pending_s

    def pop_window(self) -> NetWindow | None:
        """The next complete window of `window_s`; None where there is not enough speech yet."""
        if self.pending_s >= self._settings.window_s - 1e-6:
            self._leave_others()
        return self._pop(self._settings.window_s)

    def pop_remainder(self, min_s: float) -> NetWindow | None:
        """What is left, where it is at least `min_s`: for a decision that is needed now. Windows come first."""
        if self.pending_s >= min_s - 1e-6:
            self._leave_others()
        left = min(self.pending_s, self._settings.window_s)
        return self._pop(left) if left >= min_s - 1e-6 else None

    def _decide(self, chunk: SpeechChunk) -> None:
        if any(chunk.t0 < b and chunk.t1 > a for a, b in self._bot[-20:]):
            self._run, self._open = [], False
            return
        pcm16 = self._sound.take(chunk.t0, chunk.t1)
        power = quality.power(quality.samples_of(pcm16))
        self._crowd.add(chunk, power)
        if chunk.probability < self._settings.threshold:
            self._run, self._open = [], False
            if chunk.probability < quality.NOISE_BELOW:
                self._noise.append(power)
            return
        if not pcm16:
            return
        paused = self._last_end is None or chunk.t0 - self._last_end > self._settings.pause_s
        if paused or self._spoken_s >= self._settings.utterance_s:
            self._utterance += 1
            self._spoken_s = 0.0
        self._last_end = chunk.t1
        self._spoken_s += chunk.t1 - chunk.t0
        self._run.append(_Piece(chunk.t0, chunk.t0 + len(pcm16) / 2 / self._sound.rate, pcm16, self._utterance))
        if self._open or sum(p.seconds for p in self._run) >= self._settings.min_run_s:
            self._keep()

    def _keep(self) -> None:
        """The run is long enough: it counts, and so does every further chunk until the next silence."""
        self._pending.extend(self._run)
        added = sum(p.seconds for p in self._run)
        self._pending_s += added
        self._unjudged_s += added
        self._run, self._open = [], True
        if self._unjudged_s >= self._settings.window_s:
            self._leave_others()

    def _keep_only(self, pieces: list[_Piece]) -> None:
        self._pending = deque(pieces)
        self._pending_s = sum(p.seconds for p in pieces)

    def _leave_others(self) -> None:
        """Among other people: what is theirs of the speech so far counts as noise."""
        self._unjudged_s = 0.0
        others = self._crowd.others()
        if others:
            self._noise.extend(others[p.t0] for p in self._pending if p.t0 in others)
            self._keep_only([p for p in self._pending if p.t0 not in others])

    def _pop(self, seconds: float) -> NetWindow | None:
        if seconds <= 0 or self.pending_s < seconds - 1e-6:
            return None
        taken: list[_Piece] = []
        got = 0.0
        while self._pending and got < seconds - 1e-6:
            piece = self._pending.popleft()
            spare = got + piece.seconds - seconds
            if spare > 1e-6:
                cut = 2 * round((piece.seconds - spare) * self._sound.rate)
                middle = piece.t1 - spare
                self._pending.appendleft(replace(piece, t0=middle, pcm16=piece.pcm16[cut:]))
                piece = replace(piece, t1=middle, pcm16=piece.pcm16[:cut])
            taken.append(piece)
            got += piece.seconds
        self._pending_s -= got
        return self._window(taken)

    def _window(self, pieces: list[_Piece]) -> NetWindow:
        pcm16 = b"".join(p.pcm16 for p in pieces)
        utterances = tuple(sorted({p.utterance for p in pieces}))
        spans = [[p for p in pieces if p.utterance == u] for u in utterances]
        span = sum(part[-1].t1 - part[0].t0 for part in spans)
        samples = quality.samples_of(pcm16)
        noise = quality.noise_power(self._noise)
        measured = VoiceQuality(
            snr_db=None if noise is None else quality.snr_db(quality.power(samples), noise),
            clipping=quality.clipping_share(samples),
            speech_share=min(1.0, sum(p.seconds for p in pieces) / span) if span > 0 else 1.0,
            lost_frames=self.lost_frames,
        )
        return NetWindow(AudioFrame(pcm16, self._sound.rate, pieces[0].t0), pieces[-1].t1, measured, utterances)
