"""`voicebot bench` as it is typed: real calls, JSON alone on standard output, nothing left behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from tests.support.bench import KEYS, files_in, ours
from voicebot.settings import PROJECT

SPREADS = ("reply_gap_closed_s", "reply_gap_open_s", "first_audio_s", "barge_in_stop_s")


async def start(temp: Path, *arguments: str) -> asyncio.subprocess.Process:
    """The command, its temporary files below `temp`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "voicebot.cli", "bench", *arguments),
        cwd=PROJECT,
        env={**os.environ, "TMPDIR": str(temp), "OMP_NUM_THREADS": "1"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )


async def run(temp: Path, *arguments: str) -> dict[str, Any]:
    """Its JSON."""
    process = await start(temp, *arguments, "--json")
    out, told = await process.communicate()
    assert process.returncode == 0, told.decode()
    whole: dict[str, Any] = json.loads(out)
    return whole


async def test_one_customer_is_measured_and_nothing_is_left(tmp_path: Path) -> None:
    whole = await run(tmp_path, "--calls", "1")
    (figures,) = whole["runs"]
    assert whole["finished"]
    assert set(KEYS) <= set(figures)
    assert figures["calls"] == 1
    assert all(set(figures[key]) == {"p50", "p95", "max", "n"} for key in SPREADS)
    closed = figures["reply_gap_closed_s"]
    assert closed["n"] >= 3
    assert 0.1 < closed["p50"] <= closed["p95"] <= closed["max"] < 8
    assert figures["reply_gap_open_s"]["n"] >= 1
    assert 0 < figures["first_audio_s"]["max"] < 2
    assert figures["barge_in_stop_s"]["n"] == 1
    assert figures["failed_calls"] == figures["refused_calls"] == figures["lost_frames"] == 0
    assert figures["answers"] >= 5
    assert 0 <= figures["wer"] < 0.5
    assert figures["clipped_words"] <= 3
    assert 0 < figures["rtp_send_jitter_ms"] < 20
    assert 0.005 < figures["cpu_core_s_per_call_s"] < 1
    assert figures["rss_mb"] > 200
    assert figures["full_calls_per_core"] is not None
    assert not ours(tmp_path)


async def test_media_alone_keeps_its_traces_where_told(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    out = tmp_path / "kept"
    whole = await run(tmp_path / "temp", "--media-only", "--calls", "2", "--seconds", "3", "--out", str(out))
    (figures,) = whole["runs"]
    assert set(KEYS) <= set(figures)
    assert figures["failed_calls"] == figures["refused_calls"] == figures["lost_frames"] == 0
    assert figures["first_audio_s"]["n"] == 2
    assert 5 < figures["call_s"] < 8
    assert figures["reply_gap_closed_s"]["p50"] is figures["wer"] is figures["full_calls_per_core"] is None
    assert files_in(out / "media-002") == ["1.packets.csv", "2.packets.csv"]
    assert not ours(tmp_path / "temp")


async def test_ctrl_c_ends_the_calls_and_shows_what_was_over(tmp_path: Path) -> None:
    process = await start(tmp_path, "--media-only", "--calls", "1,2", "--seconds", "3", "--json")
    assert process.stderr is not None
    while b"2 media-only" not in await asyncio.wait_for(process.stderr.readline(), 30):
        pass
    await asyncio.sleep(1.0)
    process.send_signal(signal.SIGINT)
    out, told = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 130
    assert b"1 of 2 load(s) were over" in told
    assert b"Traceback" not in told
    whole = json.loads(out)
    assert [one["calls"] for one in whole["runs"]] == [1]
    assert not whole["finished"]
    assert not ours(tmp_path)
