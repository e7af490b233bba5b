"""A summary as text: a section for each stage; blocks that are alike stand there once."""

import textwrap
from typing import TYPE_CHECKING

from residual._console import default_console
from residual._text import escape_control, format_magnitude, format_shape, truncate_middle

if TYPE_CHECKING:
    from rich.console import Console

    from residual.inspection.layer_rows import Row
    from residual.inspection.summary import Block, Repeat, Section, Summary

WIDTH = 100
INDENT = 2
WORDS = {
    "InputLayer": "input",
    "Conv2D": "conv",
    "DepthwiseConv2D": "depthwise conv",
    "SeparableConv2D": "separable conv",
    "BatchNormalization": "norm",
    "Activation": "",
    "ReLU": "relu",
    "ZeroPadding2D": "zero pad",
    "MaxPooling2D": "max pool",
    "AveragePooling2D": "average pool",
    "GlobalAveragePooling2D": "global average pool",
    "Add": "add",
    "Dense": "dense",
    "Dropout": "dropout",
}


def print_summary(summary: "Summary", console: "Console | None" = None) -> None:
    """Print a section for each stage and a line for each layer; neighbouring blocks that are alike stand there once.

    The table has at most 100 columns. It is coloured in a terminal and plain text elsewhere. Numbers have three
    digits: 25.6M parameters, 3.86G multiply-adds. Zeros are left out.

    Args:
        summary: from `summarize`.
        console: where to print; standard output by default.
    """
    from rich.text import Text

    out = console or default_console()
    # A pipe or a file has no width of its own; rich's guess of 80 would cut what people search for.
    width = min(WIDTH, out.width) if out.is_terminal or console else WIDTH
    for text, style in _lay_out(summary, width):
        # soft_wrap: the lines have their layout already, and stay whole in a file.
        out.print(Text(text, style=style), soft_wrap=True, highlight=False)


def format_summary(summary: "Summary") -> str:
    """The lines that `print_summary` prints, as plain text of at most 100 columns."""
    return "\n".join(text for text, _ in _lay_out(summary, WIDTH))


def _lay_out(summary: "Summary", width: int) -> list[tuple[str, str]]:
    """(text, style) of every line."""
    columns = _Columns(summary, width)
    title = textwrap.wrap(format_title(summary), width, subsequent_indent="  ", break_on_hyphens=False)
    lines = [(line, "bold") for line in title]
    lines.append((columns.headings_line(), "dim"))
    for section in summary.sections:
        lines.append((columns.section(section), "bold cyan"))
        for repeat in section.repeats:
            block = repeat.blocks[0]
            if len(repeat.blocks) > 1:
                lines.append((columns.repeat(repeat), "green"))
            lines += [(columns.layer(row), "dim" if not row.parameters else "") for row in block.rows]
    return lines


def format_title(summary: "Summary") -> str:
    """The network in one line: name, input, parameters, multiply-adds, depth."""
    fixed = f" ({format_magnitude(summary.non_trainable)} not trained)" if summary.non_trainable else ""
    return (
        f"{escape_control(summary.name)} at {summary.input_text}: "
        f"{format_magnitude(summary.parameters)} parameters{fixed}, "
        f"{format_magnitude(summary.multiply_adds)} multiply-adds, depth {summary.depth}"
    )


class _Columns:
    """The layout: name, description, output shape, parameters, multiply-adds; the last three are right-aligned.

    Names and descriptions share the room that the numbers leave; the longer of the two is shortened.
    """

    def __init__(self, summary: "Summary", width: int):
        self.width = width
        narrow = width < 80
        self.headings = (
            ("output", "params", "mult-adds") if narrow else ("output", "parameters", "multiply-adds")
        )
        shape = max(len(format_shape(row.output_shape)) for row in summary.rows)
        self.numbers = (max(shape, 6), len(self.headings[1]), len(self.headings[2]))
        room = max(20, width - INDENT - sum(self.numbers) - 2 * len(self.numbers) - 2)
        name = max(len(row.name) for row in summary.rows)
        self.description = min(
            max(len(describe_row(row)) for row in summary.rows), max(room - name, room // 2)
        )
        self.name = room - self.description

    def headings_line(self) -> str:
        return self._line("layer", "", *self.headings)

    def section(self, section: "Section") -> str:
        count = section.block_count
        blocks = f", {count} block{'s' if count > 1 else ''}" if count else ""
        return self._line(f"{section.name}{blocks} ", "", *self._numbers(section), fill="-")

    def repeat(self, repeat: "Repeat") -> str:
        first, last = short_name(repeat.blocks[0]), short_name(repeat.blocks[-1])
        count = len(repeat.blocks)
        whole = INDENT + self.name + 2 + self.description  # it takes the column of the descriptions too
        text = f"blocks {first} to {last}: {count} alike, each"
        if INDENT + len(text) > whole:
            text = f"blocks {first}-{last}: {count} alike"
        left = f"{truncate_middle(' ' * INDENT + text, whole):{whole}}"
        return self._join(left, *self._numbers(repeat.blocks[0]))

    def layer(self, row: "Row") -> str:
        name = " " * INDENT + truncate_middle(row.name, self.name)
        return self._line(name, truncate_middle(describe_row(row), self.description), *self._numbers(row))

    def _numbers(self, part) -> tuple[str, str, str]:
        parameters, additions = part.parameters, part.multiply_adds
        return (
            format_shape(part.output_shape),
            format_magnitude(parameters) if parameters else "",
            format_magnitude(additions) if additions else "",
        )

    def _line(self, name: str, description: str, *numbers: str, fill: str = " ") -> str:
        left = f"{name:{fill}<{INDENT + self.name}}{fill * 2}{description:{fill}<{self.description}}"
        return self._join(left, *numbers)

    def _join(self, left: str, *numbers: str) -> str:
        right = "".join(f"  {number:>{size}}" for number, size in zip(numbers, self.numbers, strict=True))
        return (left + right)[: self.width].rstrip()


def describe_row(row: "Row") -> str:
    """What a layer is, e.g. "conv 3x3, 64, stride 2"."""
    return f"{WORDS.get(row.kind, row.kind)} {row.detail}".strip()


def short_name(block: "Block") -> str:
    """The name of a block without its stage: "2" for "stage1_block2", "2b" as it is."""
    return block.name.rpartition("_block")[2]
