"""The picture of the voice over a call."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.web.conftest import MATCH, UNSURE
from voicebot.commands.calls import calls
from voicebot.commands.voice_picture import draw_png, write_picture
from voicebot.errors import SettingsError
from voicebot.model.records import Turn
from voicebot.model.voice import VoiceComparison, VoiceState
from voicebot.settings import PathSettings, Settings
from voicebot.web.voice_plot import COLOURS, HEIGHT, WIDTH, Box, Dot, Label, Line, svg, voice_shapes

TURNS = (Turn("a", "a", "SECRET", 0.2, 5.0, None, "WORDS", 5.6, 8.2), Turn("b", "b", "x", 9.0, 13.0, 2.0))
LOW = replace(MATCH, state=VoiceState.MISMATCH, llr=-200.0, score=0.05)
COURSE = (VoiceComparison(7.0, UNSURE, 0.5), VoiceComparison(8.2, MATCH, 0.8), VoiceComparison(12.0, LOW, 0.0))


def test_every_comparison_with_evidence_is_a_dot_in_its_decisions_colour() -> None:
    dots = [s for s in voice_shapes(TURNS, COURSE) if isinstance(s, Dot)]
    assert [d.colour for d in dots] == [COLOURS[VoiceState.MATCH], COLOURS[VoiceState.MISMATCH]]
    assert dots[0].x < dots[1].x
    assert dots[0].y < dots[1].y


@pytest.mark.parametrize("course", [(), COURSE[:1], COURSE, COURSE * 40])
def test_all_of_it_is_inside_the_picture(course: tuple[VoiceComparison, ...]) -> None:
    for shape in voice_shapes(TURNS, course):
        match shape:
            case Line():
                places = [(shape.x0, shape.y0), (shape.x1, shape.y1)]
            case Box():
                places = [(shape.x, shape.y), (shape.x + shape.width, shape.y + shape.height)]
            case _:
                places = [(shape.x, shape.y)]
        assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places), shape


def test_limits_decisions_and_both_sides_are_named_and_no_word_is_in_it() -> None:
    texts = [s.text for s in voice_shapes(TURNS, COURSE) if isinstance(s, Label)]
    assert {"match from +4.6", "mismatch to -4.6", "customer", "bot", "8.2 s: match"} <= set(texts)
    assert not any("SECRET" in text or "WORDS" in text for text in texts)
    bars = [s for s in voice_shapes(TURNS, ()) if isinstance(s, Box)]
    assert len(bars) == 3
    assert bars[0].width / bars[2].width == pytest.approx(4.8 / 2.0)  # the second prompt was cut after 2 s


def test_the_svg_is_well_formed_and_the_png_is_one(tmp_path: Path) -> None:
    ET.fromstring(svg(voice_shapes(TURNS, COURSE)))
    image = draw_png(voice_shapes(TURNS, COURSE))
    assert image.size == (2 * WIDTH, 2 * HEIGHT)
    assert len(image.getcolors(100_000) or ()) > 5
    for name in ("a.png", "a.svg"):
        write_picture(tmp_path / name, TURNS, COURSE)
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("name", ["a.jpg", "a", "none/a.png", "none/a.svg"])
def test_a_file_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError):
        write_picture(tmp_path / name, TURNS, COURSE)


def test_calls_show_draws_it(database: Path, tmp_path: Path) -> None:
    settings = Settings(paths=PathSettings(database=database))
    out = tmp_path / "voice.svg"
    result = CliRunner().invoke(calls, ["show", "1", "--voiceprint", str(out)], obj=settings)
    assert result.exit_code == 0, result.output
    assert "1 comparison" in result.output
    assert "2.9 s: match" in out.read_text(encoding="utf-8")
