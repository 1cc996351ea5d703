"""The voice over one call in a file: SVG as it is, PNG by Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from voicebot.errors import SettingsError
from voicebot.model.records import Turn
from voicebot.model.voice import VoiceComparison
from voicebot.web.voice_plot import HEIGHT, WIDTH, Box, Dot, Label, Line, Shape, svg, voice_shapes

#: A PNG is drawn twice as large: sharp on paper.
_ZOOM = 2
_DASH, _GAP = 6.0, 4.0
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def write_picture(path: Path, turns: Sequence[Turn], comparisons: Sequence[VoiceComparison]) -> None:
    """Draw to a .png or .svg file. Raises SettingsError for another ending, or where it cannot be written."""
    shapes = voice_shapes(turns, comparisons)
    kind = path.suffix.lower()
    if kind not in (".png", ".svg"):
        raise SettingsError(f"{path}: a picture is .png or .svg", hint="--voiceprint plot.png")
    try:
        if kind == ".svg":
            path.write_text(svg(shapes), encoding="utf-8")
        else:
            draw_png(shapes).save(path)
    except OSError as error:
        raise SettingsError(
            f"{path}: cannot be written ({error.strerror or error})", hint="give another path"
        ) from None


def draw_png(shapes: Sequence[Shape]) -> Image.Image:
    """The shapes as an image, white where nothing is."""
    image = Image.new("RGB", (WIDTH * _ZOOM, HEIGHT * _ZOOM), "#ffffff")
    draw = ImageDraw.Draw(image)
    for shape in shapes:
        match shape:
            case Line():
                _line(draw, shape)
            case Box():
                corner = (shape.x + shape.width, shape.y + shape.height)
                draw.rectangle([shape.x * _ZOOM, shape.y * _ZOOM, *(v * _ZOOM for v in corner)], fill=shape.colour)
            case Dot():
                x, y, r = shape.x * _ZOOM, shape.y * _ZOOM, shape.radius * _ZOOM
                draw.ellipse([x - r, y - r, x + r, y + r], fill=shape.colour)
            case Label():
                font = ImageFont.load_default(shape.size * _ZOOM)
                place = (shape.x * _ZOOM, shape.y * _ZOOM)
                draw.text(place, shape.text, fill=shape.colour, font=font, anchor=_ANCHORS[shape.anchor])
    return image


def _line(draw: ImageDraw.ImageDraw, line: Line) -> None:
    width = round(line.width * _ZOOM)
    if not line.dashed:
        draw.line([v * _ZOOM for v in (line.x0, line.y0, line.x1, line.y1)], fill=line.colour, width=width)
        return
    length = max(abs(line.x1 - line.x0), abs(line.y1 - line.y0), 1e-6)
    dx, dy = (line.x1 - line.x0) / length, (line.y1 - line.y0) / length
    at = 0.0
    while at < length:
        end = min(at + _DASH, length)
        piece = (line.x0 + at * dx, line.y0 + at * dy, line.x0 + end * dx, line.y0 + end * dy)
        draw.line([v * _ZOOM for v in piece], fill=line.colour, width=width)
        at += _DASH + _GAP
