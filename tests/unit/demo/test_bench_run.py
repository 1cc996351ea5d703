"""From calls to a line of the table; what the machine spends; the words about it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.support.bench import KEYS
from voicebot.commands.bench import bench
from voicebot.demo.bench_far_end import media_address, response
from voicebot.demo.bench_figures import CLOSED
from voicebot.demo.bench_media import prompt
from voicebot.demo.bench_run import BenchRun, CallFigures, Spread, System, bench_run, full_calls_per_core, spread
from voicebot.demo.bench_system import Meter, children
from voicebot.demo.bench_table import FIGURES, explained, figures, table
from voicebot.settings import PROJECT, Settings


def test_percentiles_are_nearest_rank() -> None:
    assert spread([float(n) for n in range(1, 101)]) == Spread(50.0, 95.0, 100.0, 100)
    assert spread([0.5]) == Spread(0.5, 0.5, 0.5, 1)
    assert spread([]) == Spread()


def call(**figures: object) -> CallFigures:
    whole = {"length_s": 50.0, "first_audio_s": 0.1, "gaps": (("yes/no", 0.5), ("open", 0.9)), "packets": 100}
    return CallFigures(**{**whole, **figures})  # type: ignore[arg-type]


def test_calls_are_taken_together() -> None:
    one = call(
        stops_s=(0.2,), stopped=(True, False), cut=(False, True), clipped=0, words_said=20, words_wrong=1, lost=2,
        jitter_ms=1.0,
    )  # fmt: skip
    other = call(
        gaps=(("date", 0.7), ("digits", 0.6)), stopped=(False, False), cut=(False, False), clipped=3, words_said=20,
        jitter_ms=2.0, failed=True, machine=True,
    )  # fmt: skip
    run = bench_run(2, [one, other], System(cpu_s=5.0, rss_mb=900.0, refused=1))
    assert run.reply_gap_closed_s == Spread(0.6, 0.7, 0.7, 3)
    assert run.reply_gap_open_s == Spread(0.9, 0.9, 0.9, 1)
    assert run.barge_in_stop_s.n == 1
    assert (run.false_stop_share, run.cut_off_share) == (0.25, 0.25)
    assert (run.clipped_words, run.lost_frames, run.failed_calls, run.refused_calls) == (3, 2, 1, 1)
    assert (run.wer, run.rtp_send_jitter_ms, run.cpu_core_s_per_call_s) == (0.025, 1.5, 0.05)
    assert run.false_machine_share == 0.5
    assert run.reply_gap_s_by_kind["date"].p50 == 0.7


def test_every_key_is_always_there() -> None:
    run = bench_run(1, [CallFigures(0.0, failed=True)], System(1.0, 1.0)).as_json()
    assert set(KEYS) <= set(run)
    assert run["reply_gap_open_s"] == {"p50": None, "p95": None, "max": None, "n": 0}
    assert [run[key] for key in ("wer", "cut_off_share", "clipped_words", "lost_frames")] == [None] * 4
    assert json.loads(json.dumps(run)) == run


def load(calls: int, p95: float, cost: float = 0.08, failed: int = 0) -> BenchRun:
    gaps = Spread(0.5, p95, p95, 20)
    return BenchRun(calls, reply_gap_closed_s=gaps, cpu_core_s_per_call_s=cost, failed_calls=failed)


def test_full_calls_per_core_come_from_the_cost_where_the_limit_is_kept() -> None:
    run = load(8, 0.8)
    assert full_calls_per_core(run, [run], cores=2) == 10.0


def test_where_the_limit_is_not_kept_the_curve_caps_them() -> None:
    curve = [load(4, 0.8), load(8, 1.4), load(16, 2.5)]
    assert full_calls_per_core(curve[2], curve, cores=2) == 4.0
    assert full_calls_per_core(curve[1], curve, cores=2, limit_s=1.0) == 2.0
    assert full_calls_per_core(load(1, 3.0), [], cores=2) == 0.0


def test_a_load_with_a_failed_call_is_not_carried() -> None:
    run = load(8, 0.8, failed=1)
    assert full_calls_per_core(run, [load(4, 0.8), run], cores=2) == 2.0
    assert full_calls_per_core(replace(run, cpu_core_s_per_call_s=None), [], 2) is None


async def test_the_meter_counts_this_process_and_its_children_without_the_callers() -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\ninput()"
    command = [sys.executable, "-c", burn]
    mine, callers = [await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE) for _ in range(2)]
    try:
        async with Meter(without=[callers.pid], every_s=0.05) as meter:
            end = time.process_time() + 0.2
            while time.process_time() < end:
                await asyncio.sleep(0)
            await asyncio.sleep(0.8)
            assert mine.pid in children(os.getpid())
            assert callers.pid not in children(os.getpid(), [callers.pid])
        assert meter.rss_mb > 10
        assert 0.2 <= meter.cpu_s < 1.0
    finally:
        for process in (mine, callers):
            await process.communicate(b"\n")


def test_the_table_has_a_row_a_figure_and_a_column_a_load() -> None:
    runs = [load(1, 0.8), load(4, 0.9)]
    console = Console(width=120, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(table(runs, "bench"))
    text = console.export_text()
    assert "0.50 / 0.90 / 0.90" in text
    assert all(f"  {kind} " in text for kind in CLOSED)
    assert all(figure.label in text for figure in FIGURES)
    assert [f.key for f in figures(media_only=True)][-1] == "media_calls_per_core"


def test_every_figure_is_a_key_and_is_explained() -> None:
    keys = set(BenchRun(1).as_json())
    assert {figure.key for figure in FIGURES} == set(KEYS) - {"calls"}
    assert {figure.key for figure in figures(media_only=True)} <= keys
    document = (PROJECT / "docs" / "figures.md").read_text(encoding="utf-8")
    assert not [key for key in keys if f"`{key}`" not in document]
    assert all(f"{key}: " in explained() for key in set(KEYS) - {"calls"})


@pytest.mark.parametrize("calls", ["0", "65", "x", "1,,2", "-1"])
def test_wrong_loads_are_refused(calls: str) -> None:
    got = CliRunner().invoke(bench, ["--calls", calls], obj=Settings())
    assert got.exit_code == 2
    assert "give numbers from 1 to 64" in got.output


def test_the_far_end_reads_an_offer_and_answers_with_its_own_tag() -> None:
    assert media_address("v=0\r\nc=IN IP4 127.0.0.2\r\nm=audio 4000 RTP/AVP 8\r\n") == ("127.0.0.2", 4000)
    headers = [("Via", " SIP/2.0/UDP x"), ("To", " <sip:a@b>"), ("From", " <sip:c@d>;tag=1"), ("Subject", " no")]
    answer = response(headers, "t1", "body").decode()
    assert answer.startswith("SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x\r\nTo: <sip:a@b>;tag=t1\r\n")
    assert "Subject" not in answer
    assert answer.endswith("Content-Length: 4\r\n\r\nbody")
    assert "tag=t1" not in response([("To", " <sip:a@b>;tag=9")], "t1", "").decode()


def test_the_media_prompt_is_loud_and_of_the_wanted_length() -> None:
    sound = prompt(2.0)
    assert sound.duration == 2.0
    assert max(sound.pcm16) > 0
