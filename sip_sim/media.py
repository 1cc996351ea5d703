"""A phone's media: one thread with its own 20 ms clock, so that a busy event loop never spoils the timeline."""

from __future__ import annotations

import contextlib
import gc
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from sip_sim.capture import Capture
from sip_sim.errors import PhoneError
from sip_sim.g711 import FRAME, Samples, through
from sip_sim.hearing import FRAME_S, SpeechDetector, SpeechEnded, SpeechStarted
from sip_sim.network import REORDERED_S, NetworkSpec, Shaper
from sip_sim.playout import PlayoutBuffer
from sip_sim.recorder import Recorder
from sip_sim.rtcp import RtcpReports
from sip_sim.rtp import MediaFormat, RtpReader, RtpSender
from sip_sim.surroundings import LineSound

_SILENCE: Final = np.zeros(FRAME, dtype=np.int16)
#: How long one thread may hold the interpreter while another phone's clock waits for it, seconds (Python's own: 5 ms).
_SWITCH_S: Final = 0.001


def keep_steady() -> None:
    """For a process of many phones, once all is prepared: their clocks wait neither for each other nor for the garbage
    collector to walk through the libraries, and numpy's helper threads do not spin on the bot's cores."""
    sys.setswitchinterval(_SWITCH_S)
    threadpool_limits(1, user_api="blas")
    gc.collect()
    gc.freeze()


@dataclass(frozen=True, slots=True)
class SaidAll:
    """The last sample queued with `say` went out; it was heard by the far end from `t0` to `t1`."""

    t0: float
    t1: float


@dataclass(frozen=True, slots=True)
class Digit:
    """The far end pressed a key."""

    t: float
    digit: str


MediaEvent = SpeechStarted | SpeechEnded | SaidAll | Digit


def open_ports(host: str) -> tuple[socket.socket, socket.socket]:
    """An RTP socket on an even port and its RTCP neighbour (RFC 3550 section 11)."""
    for _ in range(50):
        rtp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        rtcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            rtp.bind((host, 0))
            port = int(rtp.getsockname()[1])
            if port % 2 == 0:
                rtcp.bind((host, port + 1))
                rtp.setblocking(False)
                rtcp.setblocking(False)
                return rtp, rtcp
        except OSError:
            pass
        rtp.close()
        rtcp.close()
    raise PhoneError(f"no free pair of RTP ports on {host}", hint="end other phones or calls on this machine")


class MediaLine(threading.Thread):
    """Sends a frame and hears a frame every 20 ms from `start()` on, until `close()`.

    Time zero is the start; tick n covers n*20 ms. Events go to `on_event` from this thread.
    """

    def __init__(
        self,
        host: str,
        network: NetworkSpec,
        seed: int,
        on_event: Callable[[MediaEvent], None],
        hangover_s: float = 0.6,
        noise: Samples | None = None,
    ) -> None:
        super().__init__(name="sip-sim-media", daemon=True)
        self._rtp, self._rtcp = open_ports(host)
        self.port = int(self._rtp.getsockname()[1])
        self.capture = Capture()
        self.capture.stamp(self._rtp)
        self.recorder = Recorder()
        self._reports = RtcpReports()
        self.out = Shaper(network, seed, network.silences("caller"))
        self.inward = Shaper(network, seed + 1, network.silences("bot"))
        self._frame_s = FRAME_S / (1.0 + network.drift_ppm * 1e-6)
        self._around = LineSound(_SILENCE[:0] if noise is None else noise, network.echo)
        self._on_event = on_event
        self._remote: tuple[str, int] | None = None
        self._seed = seed
        self._detector = SpeechDetector(hangover_s=hangover_s)
        late_ms = network.jitter_ms + (REORDERED_S[1] * 1000 if network.reorder else 0)
        self._playout = PlayoutBuffer(depth=2 * FRAME + int(late_ms * 8))
        self._early = False
        self._clock_start = 0.0
        self._delay_s = network.delay_ms / 1000.0
        self.sending = True  # not while the call is on hold with "inactive"
        self._lock = threading.Lock()
        self._mouth: Samples = _SILENCE[:0]
        self._said_from: float | None = None
        self._stopping = threading.Event()
        self._ticks = 0
        self._sender: RtpSender | None = None
        self._reader: RtpReader | None = None
        self._media = MediaFormat("PCMA")

    def connect(self, remote: tuple[str, int], media: MediaFormat) -> None:
        """Where to send, and how (again after a re-INVITE). Before `start()` at the latest."""
        with self._lock:
            self._remote = remote
            self._media = media
            if self._sender is None or self._reader is None:
                self._sender = RtpSender(media, self._seed)
                self._reader = RtpReader(media, self._playout.put, self._digit)
            else:  # the same stream goes on with another payload type (RFC 3550 section 5.2)
                self._sender.media = self._reader.media = media

    @property
    def now(self) -> float:
        """Seconds of audio since the start."""
        return self._ticks * FRAME_S

    @property
    def answered_at(self) -> float:
        """The start on the monotonic clock; 0 before it."""
        return self._clock_start

    @property
    def behind_s(self) -> float:
        """How much of what the far end has sent so far is still to be heard, seconds, besides the usual jitter buffer.

        The network's delay (which holds up sound, not SIP), packets that came late, and ticks a busy machine owes.
        """
        owed = time.monotonic() - self._clock_start - self._ticks * self._frame_s if self._clock_start else 0.0
        return max(0.0, owed) + self._playout.lag_s + self._delay_s + FRAME_S

    @property
    def packets_heard(self) -> int:
        """Audio packets that arrived."""
        return self._reader.packets if self._reader else 0

    @property
    def packets_missing(self) -> int:
        """Frames that never came in time."""
        return self._playout.missing

    def say(self, samples: Samples) -> None:
        """Queue speech (8 kHz); SaidAll follows when its last sample is out."""
        with self._lock:
            self._mouth = np.concatenate([self._mouth, samples])

    def send_early(self, frame: Samples) -> None:
        """One frame of early media, before `start()`; the caller paces it."""
        with self._lock:
            self._early = True
            for data in self._sender.tick(frame) if self._sender is not None else []:
                self._transmit(data)

    def hush(self) -> None:
        """Stop speaking at once."""
        with self._lock:
            self._mouth = _SILENCE[:0]

    def press(self, digits: str) -> None:
        """Press keys; audio pauses meanwhile."""
        with self._lock:
            if self._sender is not None:
                self._sender.press(digits)

    @property
    def pressing(self) -> bool:
        """Are keys still to be sent?"""
        with self._lock:
            return self._sender is not None and self._sender.pressing

    def close(self) -> None:
        """End the thread and its sockets; safe to call twice, and before `start()`."""
        self._stopping.set()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(timeout=2.0)
        self._rtp.close()
        self._rtcp.close()

    def run(self) -> None:
        """The clock: ticks are due at start + n*20 ms whatever happened before."""
        if self._early:
            self._drop_early()
        started = self._clock_start = time.monotonic()
        self.out.began = self.inward.began = started
        while not self._stopping.is_set():
            tick_due = started + (self._ticks + 1) * self._frame_s
            self._wait(tick_due)
            now = time.monotonic()
            self._move_packets(now)
            if now >= tick_due:
                self._tick(now)
        ended = self._detector.flush(self.now)
        if ended is not None:
            self._on_event(ended)

    def _wait(self, tick_due: float) -> None:
        dues = [tick_due, *(due for due in (self.out.next_due(), self.inward.next_due()) if due is not None)]
        timeout = max(0.0, min(dues) - time.monotonic())
        readable, _, _ = select.select([self._rtp, self._rtcp], [], [], timeout)
        now = time.monotonic()
        for source in readable:
            self._read_all(source, now)

    def _drop_early(self) -> None:
        """What came before the answer is not part of the call."""
        while True:
            try:
                self._rtp.recv(4096)
            except OSError:
                return

    def _read_all(self, source: socket.socket, now: float) -> None:
        while True:
            try:
                if source is self._rtp:
                    self.inward.push(now, self.capture.receive(source))
                else:
                    self._reports.reported(source.recv(4096), now)
            except (BlockingIOError, ConnectionRefusedError):
                return

    def _move_packets(self, now: float) -> None:
        with self._lock:
            for data in self.inward.due(now):
                self._reports.received(data)
                if self._reader is not None:
                    self._reader.feed(data)
            for data in self.out.due(now):
                self._transmit(data)
            report = self._reports.due(now)
        if report is not None and self._remote is not None:
            with contextlib.suppress(OSError):
                self._rtcp.sendto(report, (self._remote[0], self._remote[1] + 1))

    def _transmit(self, data: bytes) -> None:
        if self._remote is None:
            return
        try:
            self._rtp.sendto(data, self._remote)
        except OSError:
            self.out.lost += 1  # the far end's port is gone: its BYE is on the way

    def _tick(self, now: float) -> None:
        t = self.now
        with self._lock:
            pressing = self._sender is not None and self._sender.pressing  # speech waits for the keys
            taken = 0 if pressing else FRAME
            spoken, self._mouth = self._mouth[:taken], self._mouth[taken:]
            left = self._mouth.size
            own = np.pad(spoken, (0, FRAME - spoken.size)) if spoken.size else _SILENCE
            heard = self._playout.pull()
            frame = self._around.mix(own, heard)
            packets = self._sender.tick(frame) if self._sender is not None and self.sending else []
        for data in packets:
            self._reports.sent(data)
            self.out.push(now, data)
        sent = through(self._media.codec, frame) if spoken.size or not self._around.silent else frame
        self.recorder.add(sent, heard, own)
        self._ticks += 1
        self._report_mouth(t, bool(spoken.size), left)
        event = self._detector.feed(t, heard)
        if event is not None:
            self._on_event(event)

    def _report_mouth(self, t: float, speaking: bool, left: int) -> None:
        if speaking and self._said_from is None:
            self._said_from = t
        if self._said_from is not None and left == 0:
            started, self._said_from = self._said_from, None
            self._on_event(SaidAll(started, t + FRAME_S))

    def _digit(self, digit: str) -> None:
        self._on_event(Digit(self.now, digit))
