"""Draw the diagram of a network: stem, a row of blocks for each stage, head, and every shortcut."""

import os

from residual._text import format_magnitude, format_shape
from residual.errors import NetworkError
from residual.inspection.canvas import (
    BOX_HEIGHT,
    BOX_WIDTH,
    FAINT,
    PANEL,
    PANEL_EDGE,
    PLUS_RADIUS,
    WIRE,
    Canvas,
    Look,
    check_suffix,
)
from residual.inspection.layer_rows import Row
from residual.inspection.summary import Block, Repeat, Section, Summary
from residual.inspection.summary_text import short_name

MARGIN, LABEL_WIDTH, GAP = 0.3, 1.25, 0.2
ARC, INSIDE, CAPTION = (
    0.6,
    0.12,
    0.18,
)  # inches: shortcut above its wire, space in a panel, line of its caption
CARD, ROW_GAP = 0.06, 0.46

_PANEL = Look(PANEL, PANEL_EDGE)
_MAIN = Look("", WIRE)
_CONV = Look("#dcebf9", "#3d7ab8")
_OTHER = Look("white", "#9aa5b1")
_SHORTCUTS = {
    "identity": Look("", "#2f8f4e"),
    "projection": Look("#fde8cf", "#d9730d"),
    "zero-pad": Look("", "#2f8f4e", "dashed"),
}


def save_diagram(summary: Summary, path: str | os.PathLike[str]) -> None:
    """Draw a residual network, or its plain twin, to a PNG or SVG file.

    A box is a convolution: its window, "/2" if it strides, its filters. Each shortcut is an arc into a
    plus: identity solid, a projection in orange with its convolution, zero-padding dashed. Neighbouring
    blocks that are alike are drawn once, as a pile. The file appears whole or not at all.

    Args:
        summary: from `summarize`, of this package's networks or those of keras.applications.
        path: ends in .png or .svg. An existing file is replaced; a missing folder is made.

    Raises:
        NetworkError: another suffix, or a network without residual or plain blocks.
        OSError: the file cannot be written.
    """
    check_suffix(path)
    _check_drawable(summary)
    canvas = Canvas()
    y = _draw_title(canvas, summary)
    end = None
    for section in summary.sections:
        above, below = _measure_row(section)
        between, y = y + ROW_GAP / 2, y + ROW_GAP + above
        _draw_label(canvas, section, y)
        x = _draw_entry(canvas, end, y, between)
        if section.block_count:
            end = _draw_stage(canvas, section, x, y)
        else:
            end = _draw_single(canvas, section, x, y, image=summary.input_text if end is None else "")
        y += below
    _draw_legend(canvas, summary, y + 0.4)
    canvas.save(path, MARGIN)


def _check_drawable(summary: Summary) -> None:
    if not any(section.block_count for section in summary.sections):
        raise NetworkError(
            f"{summary.name} has no blocks to draw: none of its layers has a name such as stage1_block1_..., "
            "conv2_block1_... or res2a_..."
        )
    if any(row.block and row.kind == "Concatenate" for row in summary.rows):
        raise NetworkError(
            f"{summary.name} joins its blocks by concatenation; only residual and plain blocks can be drawn."
        )


def _draw_title(canvas: Canvas, summary: Summary) -> float:
    canvas.text(MARGIN, MARGIN + 0.05, summary.name, size=15, fontweight="bold")
    facts = (
        f"{format_magnitude(summary.parameters)} parameters, {format_magnitude(summary.multiply_adds)} multiply-adds "
        f"at {summary.input_text}, depth {summary.depth}"
    )
    canvas.text(MARGIN, MARGIN + 0.32, facts, size=9.5, color=FAINT)
    return MARGIN + 0.25


# Rows: the wire is at y. A function that draws a row returns the point where it ends.


def _measure_arc(section: Section) -> float:
    """Height of the shortcuts of a stage; 0 for a plain one."""
    return ARC if any(block.shortcut != "none" for block in section.blocks if block.name) else 0.0


def _measure_row(section: Section) -> tuple[float, float]:
    """Inches that a row takes above and below its wire."""
    half = BOX_HEIGHT / 2
    if not section.block_count:
        return half, half
    return _measure_arc(section) + half + INSIDE + 2 * CARD, half + INSIDE + CAPTION


def _draw_label(canvas: Canvas, section: Section, y: float) -> None:
    count = section.block_count
    lines = [f"{count} block{'s' if count > 1 else ''}"] if count else []
    canvas.text(MARGIN, y - 0.17, section.name, size=10, fontweight="bold")
    for i, line in enumerate([format_shape(section.output_shape), *lines]):
        canvas.text(MARGIN, y + 0.03 + 0.17 * i, line, color=FAINT)


def _draw_entry(canvas: Canvas, end: tuple[float, float] | None, y: float, between: float) -> float:
    """Draw the wire from the end of the last row, back at height `between`, to the start of this one."""
    x = MARGIN + LABEL_WIDTH + GAP
    if end is not None:
        out, turn = end[0] + 0.15, x - 0.35
        way = [end, (out, end[1]), (out, between), (turn, between), (turn, y), (x, y)]
        canvas.wire(way, _MAIN, arrow=False)
    return x


def _draw_single(canvas: Canvas, section: Section, x: float, y: float, image: str) -> tuple[float, float]:
    """Draw the stem or the head: its convolutions, pools and dense layers in a line, after `image` if given."""
    boxes = [(["image", image], _OTHER, 1.0)] if image else []
    for row in section.rows:
        if _box_lines(row):
            boxes.append((_box_lines(row), _CONV if row.multiply_adds else _OTHER, BOX_WIDTH))
    for i, (lines, look, width) in enumerate(boxes):
        if i or not image:
            canvas.wire([(x, y), (x + GAP, y)], _MAIN)
            x += GAP
        x = canvas.box(x, y, lines, look, width)
    return x, y


def _draw_stage(canvas: Canvas, section: Section, x: float, y: float) -> tuple[float, float]:
    """Draw the blocks of one stage in a line; neighbours that are alike are a pile."""
    arc = _measure_arc(section)
    repeats = [repeat for repeat in section.repeats if repeat.blocks[0].name]
    for i, repeat in enumerate(repeats):
        if i:
            canvas.wire([(x, y), (x + GAP, y)], _MAIN, arrow=False)
            x += GAP
        x = _draw_repeat(canvas, repeat, x, y, arc)
    return x, y


def _draw_repeat(canvas: Canvas, repeat: Repeat, x: float, y: float, arc: float) -> float:
    """Draw a block, with cards behind it if there are more like it. Returns the right side of the last card."""
    block, count = repeat.blocks[0], len(repeat.blocks)
    width, top = _measure_block(block), y - arc - BOX_HEIGHT / 2 - INSIDE
    height = arc + BOX_HEIGHT + 2 * INSIDE + CAPTION
    cards = min(count - 1, 2)
    for card in range(cards, -1, -1):
        canvas.panel(x + CARD * card, top - CARD * card, width, height, _PANEL, layer=1 - 0.1 * card)
    end = x + width + CARD * cards
    _draw_block(canvas, block, x, y, end)
    first, last = short_name(block), short_name(repeat.blocks[-1])
    caption = f"block {first}" if count == 1 else f"blocks {first} to {last}: × {count}"
    weight = {"fontweight": "bold"} if count > 1 else {}
    canvas.text(x + width / 2, top + height - CAPTION, caption, size=8, ha="center", **weight)
    return end


# A block.


def _find_main_rows(block: Block) -> list[Row]:
    return [row for row in block.rows if not row.on_shortcut and _box_lines(row)]


def _measure_block(block: Block) -> float:
    count = len(_find_main_rows(block))
    plus = 0 if block.shortcut == "none" else 2 * PLUS_RADIUS + GAP
    return 2 * GAP + count * BOX_WIDTH + (count - 1) * GAP + plus + 0.1


def _draw_block(canvas: Canvas, block: Block, x: float, y: float, right: float) -> None:
    """Draw the main path from x to `right`, and the shortcut over it."""
    start = x + 0.5 * GAP
    at = x + GAP + 0.05
    canvas.wire([(x, y), (at, y)], _MAIN)
    for i, row in enumerate(_find_main_rows(block)):
        if i:
            canvas.wire([(at, y), (at + GAP, y)], _MAIN)
            at += GAP
        at = canvas.box(at, y, _box_lines(row), _CONV if row.multiply_adds else _OTHER)
    if block.shortcut == "none":
        canvas.wire([(at, y), (right, y)], _MAIN, arrow=False)
        return
    centre = at + GAP + PLUS_RADIUS
    canvas.wire([(at, y), (at + GAP, y)], _MAIN)
    canvas.plus(centre, y)
    canvas.wire([(centre + PLUS_RADIUS, y), (right, y)], _MAIN, arrow=False)
    _draw_shortcut(canvas, block, start, centre, y)


def _draw_shortcut(canvas: Canvas, block: Block, start: float, end: float, y: float) -> None:
    """Draw the arc from `start` over the block into the plus at `end`, with the layers on it."""
    look, up = _SHORTCUTS[block.shortcut], y - ARC
    canvas.wire([(start, y), (start, up), (end, up), (end, y - PLUS_RADIUS)], look)
    rows = [row for row in block.rows if row.on_shortcut]
    if block.shortcut == "zero-pad":
        text = _describe_zero_pad(rows)
        background = {"facecolor": PANEL, "edgecolor": "none", "pad": 2}
        canvas.text((start + end) / 2, up, text, size=8, ha="center", zorder=4, bbox=background)
    boxes = [_box_lines(row) for row in rows if _box_lines(row)] if block.shortcut == "projection" else []
    at = (start + end - len(boxes) * BOX_WIDTH - (len(boxes) - 1) * GAP) / 2
    for lines in boxes:
        at = canvas.box(at, up, lines, look) + GAP


def _describe_zero_pad(rows: list[Row]) -> str:
    """What a shortcut without parameters does, e.g. "/2, +16 zero channels"."""
    strides = [part for row in rows for part in row.detail.split(", ") if part.startswith("stride")]
    channels = [row.detail.split()[0] for row in rows if row.detail.endswith("channels")]
    added = [f"+{count} zero channels" for count in channels]
    return ", ".join([f"/{stride.split()[1]}" for stride in strides] + added)


def _box_lines(row: Row) -> list[str]:
    """The words in a layer's box; none for layers without a box (norm, relu, padding, addition)."""
    sizes, *rest = row.detail.split(", ")
    marks = "".join(f" /{part.split()[1]}" for part in rest if part.startswith("stride"))
    if row.kind.startswith(("Global",)):
        return ["global", "pool"]
    if "Pooling" in row.kind:
        return ["max pool" if row.kind.startswith("Max") else "avg pool", sizes + marks]
    if row.kind == "Dense":
        return ["dense", sizes]
    if "Conv" in row.kind:
        groups = "".join(f", g{part.split()[1]}" for part in rest if part.startswith("groups"))
        return [sizes + marks, rest[0] + groups]
    return []


# The legend.


def _draw_legend(canvas: Canvas, summary: Summary, y: float) -> None:
    """Explain the marks that occur."""
    blocks = [block for section in summary.sections for block in section.blocks if block.name]
    kinds = [kind for kind in _SHORTCUTS if any(block.shortcut == kind for block in blocks)]
    words = {
        "identity": "shortcut: identity",
        "projection": "shortcut: projection, a 1x1 convolution",
        "zero-pad": "shortcut: subsampled or zero-padded, no parameters",
    }
    x = MARGIN
    for kind in kinds:
        canvas.wire([(x, y), (x + 0.4, y)], _SHORTCUTS[kind])
        canvas.text(x + 0.5, y, words[kind], size=8, color=FAINT)
        x += 0.75 + 0.06 * len(words[kind])
    lines = ["box: window /stride, filters of a convolution", _describe_order(blocks)]
    if not kinds:
        lines.append("no shortcuts: the plain twin of the network")
    for i, line in enumerate(lines):
        canvas.text(MARGIN, y + (0.2 if kinds else 0.0) + 0.19 * i, line, size=8, color=FAINT)


def _describe_order(blocks: list[Block]) -> str:
    """The order of norm, relu and convolution in a block, which the place of its last activation shows."""
    adds = any(block.shortcut != "none" for block in blocks)
    if blocks[-1].rows[-1].kind in ("Activation", "ReLU"):
        order = "order (v1): convolution, norm, relu"
        return f"{order}; the last relu comes after the +" if adds else order
    order = "order (v2, pre-activation): norm, relu, convolution"
    return f"{order}; nothing comes after the +" if adds else order
