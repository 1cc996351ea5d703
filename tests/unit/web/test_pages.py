"""What the pages and the API show, from a real database."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from storage.db import open_reader
from voicebot.errors import StorageError
from voicebot.model.outcome import Disposition
from voicebot.web.app import make_app
from voicebot.web.live import LiveFeed
from voicebot.web.plain import SUMMARY_FIELDS
from voicebot.web.reading import CallRecord, CallSummary
from voicebot.web.render import HERE

from .conftest import TOKEN, ReadCalls


async def test_the_list_shows_every_attempt_newest_first(staff: TestClient) -> None:
    page = await (await staff.get("/")).text()
    assert re.findall(r'href="/attempts/(\d+)"', page) == ["3", "2", "1"]
    assert "Joe &lt;b&gt;Miller&lt;/b&gt;" in page
    assert '<span class="badge bad">VOICE_MISMATCH</span>' in page
    assert "2000.00 USD, 2026-11-27" in page
    assert ">open<" in page


async def test_the_list_can_be_narrowed(staff: TestClient) -> None:
    page = await (await staff.get("/", params={"disposition": "PROMISE_TO_PAY"})).text()
    assert re.findall(r'href="/attempts/(\d+)"', page) == ["2"]
    assert '<option value="PROMISE_TO_PAY" selected>' in page
    empty = await (await staff.get("/", params={"disposition": "BUSY"})).text()
    assert "No attempt ended as BUSY." in empty


async def test_an_attempt_shows_both_sides_in_order_with_checks_and_warnings(staff: TestClient) -> None:
    page = await (await staff.get("/attempts/1")).text()
    order = ["Am I speaking with Joe?", "&lt;script&gt;", "dob matches", "Your date of birth?", "(nothing was said)"]
    places = [page.index(text) for text in order]
    assert places == sorted(places)
    assert "interrupted after 1.1 s" in page
    assert "0:01.6" in page
    assert "W-V1" in page
    assert '<span class="badge good">voice: match</span>' in page
    assert "loan purpose" in page
    assert '<audio controls preload="none" src="/recordings/1.wav">' in page


async def test_what_people_say_is_never_markup(staff: TestClient) -> None:
    for path in ("/", "/attempts/1"):
        page = await (await staff.get(path)).text()
        assert "<script>alert" not in page
        assert "<b>" not in page
    assert "{{ 7*7 }}" in page  # nor a template


def test_no_page_holds_inline_script_or_style_or_another_host() -> None:
    for path in [*(HERE / "pages").iterdir(), *(HERE / "static").iterdir()]:
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"<script(?! src=\"/static/)|<style|\sstyle=|\son\w+=\"|https?://", text), path.name
        assert "innerHTML" not in text, path.name


async def test_an_open_attempt_has_a_page(staff: TestClient) -> None:
    page = await (await staff.get("/attempts/3")).text()
    assert "Nothing was said." in page
    assert "No recording." in page


async def test_the_recording_is_served_and_answers_ranges(staff: TestClient) -> None:
    whole = await staff.get("/recordings/1.wav")
    assert (whole.status, whole.content_type, (await whole.read())[:4]) == (200, "audio/wav", b"RIFF")
    part = await staff.get("/recordings/1.wav", headers={"Range": "bytes=0-3"})
    assert (part.status, await part.read()) == (206, b"RIFF")


@pytest.mark.parametrize("path", ["/recordings/2.wav", "/recordings/3.wav", "/recordings/99.wav"])
async def test_no_file_outside_the_folder_of_recordings_is_served(staff: TestClient, path: str) -> None:
    assert (await staff.get(path)).status == 404  # attempt 2's row names ../secret.wav, which exists


async def test_a_link_out_of_the_folder_is_not_followed(staff: TestClient, recordings: Path) -> None:
    recording = recordings / "2026-11-22" / "1.wav"
    recording.unlink()
    recording.symlink_to(recordings.parent / "secret.wav")
    assert (await staff.get("/recordings/1.wav")).status == 404


async def test_the_api_lists_attempts(staff: TestClient) -> None:
    rows = (await (await staff.get("/api/attempts", params={"limit": "2"})).json())["attempts"]
    assert [row["attempt_id"] for row in rows] == [3, 2]
    assert tuple(rows[1]) == SUMMARY_FIELDS
    assert rows[1]["promise_amount"] == "2000.00"
    assert rows[1]["promise_due_on"] == "2026-11-27"
    assert rows[0]["disposition"] is None


async def test_the_api_gives_one_attempt_without_the_hash_of_the_number(staff: TestClient) -> None:
    answer = await staff.get("/api/attempts/1")
    record = await answer.json()
    assert [turn["step"] for turn in record["turns"]] == ["greet", "ask_dob"]
    assert record["voice"]["state"] == "match"
    assert record["outcome"]["items"] == {"loan_purpose": "unclear"}
    assert record["warnings"][0]["code"] == "W-V1"
    assert "feed" not in await answer.text()


@pytest.mark.parametrize("limit", ["0", "-1", "501", "x", "1e3", "", "9" * 30, "\u0665"])
async def test_a_wrong_limit_is_refused(staff: TestClient, limit: str) -> None:
    assert (await staff.get("/api/attempts", params={"limit": limit})).status == 400


async def test_a_wrong_disposition_is_refused_with_the_right_ones(staff: TestClient) -> None:
    answer = await staff.get("/api/attempts", params={"disposition": "NICE"})
    assert answer.status == 400
    assert "PROMISE_TO_PAY" in await answer.text()


@pytest.mark.parametrize("path", ["/attempts/99", "/api/attempts/99", "/attempts/x", "/attempts/" + "9" * 40])
async def test_an_unknown_attempt_is_404(staff: TestClient, path: str) -> None:
    assert (await staff.get(path)).status == 404


class Broken:
    """A database that cannot be read."""

    def calls(self, limit: int, disposition: Disposition | None) -> list[CallSummary]:
        raise StorageError("/var/secret/path.db: the database is spoiled")

    def call(self, attempt_id: int) -> CallRecord:
        raise StorageError("/var/secret/path.db: the database is spoiled")


@pytest.mark.parametrize("path", ["/", "/attempts/1", "/api/attempts", "/recordings/1.wav"])
async def test_a_database_that_cannot_be_read_is_503_and_not_404(tmp_path: Path, path: str) -> None:
    app = make_app(Broken(), LiveFeed(), TOKEN, tmp_path)
    async with TestClient(TestServer(app), headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        answer = await client.get(path)
        assert answer.status == 503
        assert "secret" not in await answer.text()


async def test_the_readers_and_the_consoles_ideas_of_a_record_agree(database: Path) -> None:
    with open_reader(database) as reader:
        summary: CallSummary = ReadCalls(reader).calls(1, None)[0]
        assert all(hasattr(summary, name) for name in SUMMARY_FIELDS)


async def test_the_voice_over_the_call_is_drawn_on_its_page(staff: TestClient) -> None:
    page = await (await staff.get("/attempts/1")).text()
    assert "<svg" in page
    assert "match from +4.6" in page
    assert 'style="' not in page.partition("<svg")[2].partition("</svg>")[0]
    assert "<svg" not in await (await staff.get("/attempts/2")).text()
    given = await (await staff.get("/api/attempts/1")).json()
    assert [c["t"] for c in given["comparisons"]] == [2.9]
