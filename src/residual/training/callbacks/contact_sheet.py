"""Many small images on one picture, each with its caption."""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from residual._fonts import choose_font_file

COLUMNS = 6
CELL = 96  # pixels a side; smaller images are enlarged by a whole number, larger ones reduced
GAP, LINE = 6, 14


def contact_sheet(images: np.ndarray, captions: Sequence[str]) -> tuple[bytes, tuple[int, int]]:
    """A PNG file of images in rows of six, and its (height, width) in pixels.

    Args:
        images: uint8 (n, height, width, 3), n at least 1.
        captions: one for each, of one line or several; a line that is wider than the image is cut off.
    """
    height, width = _cell(*images.shape[1:3])
    lines = max(caption.count("\n") + 1 for caption in captions)
    step_x, step_y = width + GAP, height + lines * LINE + GAP
    rows = -(-len(images) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * step_x + GAP, rows * step_y + GAP), "white")
    draw, file = ImageDraw.Draw(sheet), choose_font_file(captions)
    font = ImageFont.truetype(file, 11) if file else ImageFont.load_default(11)
    way = Image.Resampling.NEAREST if height >= images.shape[1] else Image.Resampling.BOX
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = GAP + place % COLUMNS * step_x, GAP + place // COLUMNS * step_y
        sheet.paste(Image.fromarray(image).resize((width, height), way), (x, y))
        for number, line in enumerate(caption.split("\n")):
            draw.text((x, y + height + number * LINE), _cut(line, width, font), fill="black", font=font)
    png = io.BytesIO()
    sheet.save(png, "PNG")
    return png.getvalue(), (sheet.height, sheet.width)


def _cell(height: int, width: int) -> tuple[int, int]:
    """(height, width) at which an image is shown."""
    longest = max(height, width)
    if longest <= CELL:
        factor = CELL // longest
        return height * factor, width * factor
    return max(1, height * CELL // longest), max(1, width * CELL // longest)


def _cut(text: str, width: int, font) -> str:
    """`text`, or as much of it with two dots as `width` pixels hold."""
    if font.getlength(text) <= width:
        return text
    while text and font.getlength(text + "..") > width:
        text = text[:-1]
    return text + ".."
