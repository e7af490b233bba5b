"""Scores for people: the report in a terminal.

The terminal report is the same text with and without colour: colour dims the zeros and lifts the diagonal.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from residual._console import default_console, make_safe
from residual._text import format_percent, truncate_middle
from residual.evaluation.metrics import ClassScore, Scores
from residual.evaluation.trusted_text import describe_trust
from residual.evaluation.wording import describe_views, headline, leaks

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

WIDTH = 100
MOST_CLASS_ROWS = 30
MOST_MATRIX_CLASSES = 20
LISTED = 15

# Below this many columns, headings are cut and gaps halved to leave the names some room.
NARROW = 60


def print_scores(scores: Scores, console: "Console | None" = None, *, title: str = "Test set") -> None:
    """Print the report: headline, calibration, a table by class and who is taken for whom.

    At most 100 columns wide, less on a narrower terminal. Up to 20 classes are shown as a confusion matrix,
    if it fits; otherwise the 15 most frequent confusions are listed. Over 30 classes, the table shows the
    15 with the lowest F1.

    Args:
        scores: from `metrics.score`.
        console: where to print; standard output by default.
        title: the first line, what the scores were measured on.
    """
    from rich.text import Text

    out = console or _standard_output()
    scores = _make_names_safe(scores, out)
    width = min(WIDTH, out.width)

    def line(text: str, style: str = "") -> None:
        out.print(Text(text, style=style), width=width, highlight=False)

    line(truncate_middle(title, width), "bold")
    line(headline(scores), "bold")
    if scores.with_views:
        line(describe_views(scores.with_views))
    if scores.leaked:
        line(leaks(scores), "bold red")
    for text in describe_trust(scores):
        line(text)
    line(
        f"balanced accuracy {format_percent(scores.balanced_accuracy, scores.n)} (mean recall of the classes)"
    )
    line("")
    table, note = _class_table(scores, width)
    out.print(table, width=width)
    if note:
        line(note, "dim")
    line("")
    matrix = _matrix_table(scores, width) if len(scores.classes) <= MOST_MATRIX_CLASSES else None
    if matrix is not None:
        line("Confusion matrix: rows are the true class, columns the predicted one")
        out.print(matrix, width=width)
    elif scores.correct == scores.n:
        line("No confusions: every image was given its own class")
    else:
        pairs = _frequent_confusions(scores)
        line(f"Most frequent confusions ({len(pairs)} of {_different_confusions(scores)} different ones)")
        out.print(_confusion_list(scores, pairs, width), width=width)


def _make_names_safe(scores: Scores, console: "Console") -> Scores:
    """The same scores with the names of the classes as the console prints them."""
    rows = tuple(replace(row, name=make_safe(console, row.name)) for row in scores.per_class)
    return replace(scores, classes=tuple(make_safe(console, name) for name in scores.classes), per_class=rows)


def _standard_output() -> "Console":
    console = default_console(highlight=False)
    # A pipe or a file has no width of its own, and rich's guess of 80 would cost the matrix its columns.
    return console if console.is_terminal else default_console(highlight=False, width=WIDTH)


def _class_table(scores: Scores, width: int) -> tuple["Table", str]:
    """The per-class table and, if it leaves classes out, a line that says so."""
    from rich.text import Text

    rows, note = list(scores.per_class), ""
    if len(rows) > MOST_CLASS_ROWS:
        rows = sorted(rows, key=_by_f1)[:LISTED]
        note = f"the {LISTED} lowest by F1, of {len(scores.classes)} classes"
    headings = (
        ("prec.", "rec.", "f1", "images") if width < NARROW else ("precision", "recall", "f1", "images")
    )
    gap = 1 if width < NARROW else 2
    room = max(5, width - sum(max(len(heading), 5) + gap for heading in headings))
    table = _table(gap)
    table.add_column("class")
    for heading in headings:
        table.add_column(heading, justify="right")
    for row in rows:
        ratios = ("-" if value is None else f"{value:.3f}" for value in (row.precision, row.recall, row.f1))
        table.add_row(Text(truncate_middle(row.name, room)), *ratios, str(row.support))
    return table, note


def _by_f1(row: ClassScore) -> tuple[float, int]:
    """Lowest F1 first and, among equals, the class with most images; classes without any F1 come last."""
    return (2.0 if row.f1 is None else row.f1, -row.support)


def _matrix_table(scores: Scores, width: int) -> "Table | None":
    """The confusion matrix, headed by class names or else by their numbers; None if neither fits `width`."""
    from rich.cells import cell_len
    from rich.text import Text

    names = [truncate_middle(name, WIDTH) for name in scores.classes]
    numbers = [str(number) for number in range(len(names))]
    numbered = [f"{number:>{len(numbers[-1])}} {name}" for number, name in zip(numbers, names, strict=True)]
    digits = len(str(int(scores.confusion.max())))
    longest = max(map(cell_len, names))
    # Ten columns distinguish most rows; without their own name's whole length, heads by name would say less.
    ways = ((names, names, 2, longest), (numbers, numbered, 2, 10), (numbers, numbered, 1, 10))
    for way in ways:
        heads, labels, gap, least = way
        room = width - sum(max(cell_len(head), digits) + gap for head in heads)
        if room >= least:
            break
    else:
        return None
    table = _table(gap)
    table.add_column("")
    for head in heads:  # padded by hand: Rich before 14.3 adds the gap to the last column's min_width
        table.add_column(Text(" " * (digits - cell_len(head)) + head), justify="right")
    for true, (label, row) in enumerate(zip(labels, scores.confusion.tolist(), strict=True)):
        cells = (_cell(count, true == predicted) for predicted, count in enumerate(row))
        table.add_row(Text(truncate_middle(label, room)), *cells)
    return table


def _cell(count: int, diagonal: bool) -> "Text":
    """A count; a dot for zero, so that the mistakes stand out without colour as well."""
    from rich.text import Text

    if not count:
        return Text(".", style="dim")
    return Text(str(count), style="bold green" if diagonal else "yellow")


def _frequent_confusions(scores: Scores) -> list[tuple[int, int, int]]:
    """(count, true, predicted) of the 15 largest numbers off the diagonal, larger first, then by class."""
    wrong = scores.confusion - np.diag(np.diagonal(scores.confusion))
    order = np.argsort(-wrong, axis=None, kind="stable")[:LISTED]
    pairs = [
        (int(wrong[true, predicted]), int(true), int(predicted))
        for true, predicted in zip(*np.unravel_index(order, wrong.shape), strict=True)
    ]
    return [pair for pair in pairs if pair[0]]


def _different_confusions(scores: Scores) -> int:
    return int(np.count_nonzero(scores.confusion) - np.count_nonzero(np.diagonal(scores.confusion)))


def _confusion_list(scores: Scores, pairs: list[tuple[int, int, int]], width: int) -> "Table":
    from rich.text import Text

    gap = 1 if width < NARROW else 2
    room = max(4, (width - len("images") - len("of class") - 3 * gap) // 2)
    table = _table(gap)
    for heading in ("true", "predicted"):
        table.add_column(truncate_middle(heading, room))
    for heading in ("images", "of class"):
        table.add_column(heading, justify="right")
    for count, true, predicted in pairs:
        support = scores.per_class[true].support
        table.add_row(
            Text(truncate_middle(scores.classes[true], room)),
            Text(truncate_middle(scores.classes[predicted], room)),
            str(count),
            f"{count / support:.1%}",
        )
    return table


def _table(gap: int) -> "Table":
    """A table without rules: the report is ASCII but for the class names, in any terminal or log file."""
    from rich.table import Table

    return Table(box=None, padding=(0, gap, 0, 0), pad_edge=False, header_style="bold", collapse_padding=True)
