"""A layer of a radio map as a picture to look at: the map, a colour bar, title and unit."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from rayfix.files import write_bytes_whole
from rayfix.radio_map.image import BEST_SERVER, describe_image, render_png
from rayfix.radio_map.radio_map import RadioMap

SIDE = 768
"""The longer side of the map in the picture [px]; pixels of the map are enlarged to it."""
MARGIN = 24
BAR_WIDTH = 22
LEGEND_WIDTH = 150
TITLE_HEIGHT = 56
FONT_SIZE = 16


def write_picture(
    radio_map: RadioMap, path: Path, feature: str, cell_id: str = BEST_SERVER
) -> Path:
    """Write a PNG with title, north up, and a colour bar with values; returns its path.

    Raises:
        InvalidInputError: no such feature or cell.
    """
    described = describe_image(radio_map, feature, cell_id)
    with Image.open(io.BytesIO(render_png(radio_map, feature, cell_id))) as pixels:
        scale = max(1, round(SIDE / max(pixels.size)))
        size = (pixels.width * scale, pixels.height * scale)
        layer = pixels.resize(size, Image.Resampling.NEAREST)
    height = layer.height + TITLE_HEIGHT + MARGIN
    picture = Image.new("RGB", (layer.width + 2 * MARGIN + LEGEND_WIDTH, height), "white")
    picture.paste(layer, (MARGIN, TITLE_HEIGHT), layer)
    draw = ImageDraw.Draw(picture)
    font = ImageFont.load_default(FONT_SIZE)
    draw.rectangle(
        (MARGIN - 1, TITLE_HEIGHT - 1, MARGIN + layer.width, TITLE_HEIGHT + layer.height),
        outline="#888888",
    )
    unit = "" if described["unit"] == "1" else f" [{described['unit']}]"
    which = "strongest cell" if cell_id == BEST_SERVER else cell_id
    title = f"{described['label']}{unit}: {which}, {radio_map.scene.title}"
    draw.text((MARGIN, MARGIN - 4), title, "black", font)
    _colour_bar(draw, described["legend"]["stops"], 2 * MARGIN + layer.width, layer.height, font)
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", optimize=True)
    write_bytes_whole(path, buffer.getvalue())
    return path


def _colour_bar(
    draw: ImageDraw.ImageDraw,
    stops: list[dict[str, object]],
    left: int,
    height: int,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
) -> None:
    """One block per stop of the legend, the largest value on top, its value beside it."""
    block = height / len(stops)
    for number, stop in enumerate(reversed(stops)):
        top = TITLE_HEIGHT + number * block
        draw.rectangle((left, top, left + BAR_WIDTH, top + block), fill=str(stop["color"]))
        middle = top + block / 2 - FONT_SIZE / 2
        draw.text((left + BAR_WIDTH + 8, middle), f"{stop['value']:g}", "black", font)
