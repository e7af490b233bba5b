"""What a name holds is printed, and never acts; in every encoding, in strings, tables and live lines."""

import io

import pytest
from rich.progress import Progress, TextColumn
from rich.table import Table
from rich.text import Text

from residual._console import print_row, show_work
from residual._text_console import TextConsole

NAMES = [
    "[red]cat[/red]",
    ":smile: and :x:",
    "a\x1b]0;title\x07b",
    "x\x1b[31mred",
    "left\u202eright",
    "bell\x07",
]


def make_console(encoding: str = "utf-8", **options) -> tuple[TextConsole, io.BytesIO]:
    """A console that writes to bytes in this encoding."""
    written = io.BytesIO()
    file = io.TextIOWrapper(written, encoding, write_through=True)
    return TextConsole(file=file, **options), written


@pytest.mark.parametrize("name", NAMES)
def test_names_are_printed_and_do_not_act(name):
    console, written = make_console(force_terminal=True, width=200, color_system=None)
    table = Table(box=None)
    table.add_column(name)
    table.add_row(Text(name))
    table.add_row(name)
    console.print(name)
    console.print(Text(name))
    console.print(table)
    print_row(console, "label", name)
    text = written.getvalue().decode()
    shown = name.replace("\x1b", "?").replace("\x07", "?").replace("\u202e", "?")
    assert not set("\x1b\x07\u202e") & set(text)
    assert text.count(shown) + text.count(shown.replace("b?", "b")) >= 6
    assert "\U0001f604" not in text


def test_live_lines_move_the_cursor_and_their_names_do_not():
    console, written = make_console(force_terminal=True, width=80)
    with Progress(TextColumn("{task.description}", markup=False), console=console) as live:
        live.add_task("a\x1b[31mb")
    text = written.getvalue().decode()
    assert "a?[31m" in text
    assert "\x1b[?25l" in text


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("cp1252", "\\u732b caf\u00e9"), ("ascii", "\\u732b caf\\xe9"), ("utf-8", "\u732b caf\u00e9")],
)
def test_what_the_encoding_lacks_is_escaped(encoding, shown):
    console, written = make_console(encoding)
    console.print("\u732b caf\u00e9")
    console.print(Text("\u732b caf\u00e9"))
    assert written.getvalue().decode(encoding).splitlines() == [shown, shown]


def test_letters_marks_and_joined_emoji_stay():
    for text in (
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
        "\U0001f468\u200d\U0001f469",
        "a\u00a0b\u3000c",
    ):
        console, written = make_console()
        console.print(text)
        assert written.getvalue().decode() == f"{text}\n"


def test_a_row_goes_on_below_its_text_in_a_terminal_and_is_one_line_elsewhere():
    text = "one two three four five six seven eight nine ten"
    console, written = make_console(force_terminal=True, width=30, color_system=None)
    print_row(console, "data", text)
    assert written.getvalue().decode().splitlines() == [
        "data     one two three four",
        "         five six seven eight",
        "         nine ten",
    ]
    console, written = make_console(width=30)
    print_row(console, "data", text)
    assert written.getvalue().decode() == f"data     {text}\n"


def test_work_is_shown_in_a_terminal_and_nowhere_else():
    for force, said in ((True, "loading Keras"), (False, "")):
        console, written = make_console(force_terminal=force, width=80)
        with show_work(console, "loading Keras"):
            pass
        text = written.getvalue().decode()
        assert (said in text) if said else text == ""
