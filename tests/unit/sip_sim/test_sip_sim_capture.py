"""Packets noted with the kernel's time of arrival, and the ears in a process of their own."""

from __future__ import annotations

import io
import socket
import struct
import time
from pathlib import Path

import numpy as np
import pytest

from sip_sim.capture import Capture
from sip_sim.ears_apart import EarsApart, read, write
from sip_sim.errors import EarsError


def rtp(sequence: int, kind: int = 8) -> bytes:
    return struct.pack("!BBHII", 0x80, kind, sequence, sequence * 160, 7) + b"\xd5" * 160


def test_the_time_of_arrival_is_the_kernels_not_that_of_reading(tmp_path: Path) -> None:
    capture = Capture()
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as here,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as there,
    ):
        here.bind(("127.0.0.1", 0))
        capture.stamp(here)
        began = time.monotonic()
        there.sendto(rtp(1), here.getsockname())
        time.sleep(0.1)
        there.sendto(b"no rtp", here.getsockname())
        there.sendto(rtp(2, 0x80 | 101), here.getsockname())
        assert [capture.receive(here)[:1] for _ in range(3)] == [b"\x80", b"n", b"\x80"]
        here.setblocking(False)
        with pytest.raises(BlockingIOError):
            capture.receive(here)
    first, second = capture.arrivals
    assert first.at - began < 0.05
    assert 0.09 < second.at - first.at < 0.5
    assert (second.sequence, second.timestamp, second.payload_type, second.size) == (2, 320, 101, 172)
    capture.save(tmp_path / "x" / "call.packets.csv", began)
    head, one, _ = (tmp_path / "x" / "call.packets.csv").read_text().splitlines()
    assert head == "t,sequence,timestamp,ssrc,payload_type,size"
    assert one.endswith(",1,160,7,8,172")
    assert 0 <= float(one.split(",")[0]) < 0.05


def test_messages_come_whole_or_not_at_all() -> None:
    pipe = io.BytesIO()
    write(pipe, b"hello")
    write(pipe, b"")
    whole = pipe.getvalue()
    pipe.seek(0)
    assert [read(pipe), read(pipe), read(pipe)] == [b"hello", b"", None]
    assert read(io.BytesIO(whole[:6])) is None


def test_ears_without_a_model_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(EarsError, match="no Whisper model"):
        EarsApart(tmp_path).transcribe(np.zeros(8000, dtype=np.int16))
