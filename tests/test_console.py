"""Text in a notebook is one plain text on standard output."""

import pytest
from rich import console as rich_console

from residual._console import NotebookLine, default_console


@pytest.mark.parametrize("stderr", [False, True])
def test_notebook_gets_plain_text_on_standard_output(stderr, monkeypatch, capsys):
    monkeypatch.setattr(rich_console, "_is_jupyter", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as Jupyter's kernel has it
    console = default_console(stderr=stderr)
    assert not console.is_jupyter
    assert not console.is_terminal  # so no live lines either
    console.print("text")
    assert capsys.readouterr() == ("text\n", "")


def test_a_live_line_of_a_notebook_is_replaced_in_place(monkeypatch):
    shown = []

    class Handle:
        def update(self, data, raw):
            shown.append(("replaced", data["text/plain"]))

    def display(data, raw, display_id):
        shown.append(("new", data["text/plain"]))
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    line = NotebookLine()
    line.update("step 1")
    line.update("step 2")  # too soon to be seen
    line.update("trained\x1b", last=True)
    assert shown == [("new", "step 1"), ("replaced", "trained?")]


def test_standard_error_elsewhere(capsys):
    default_console(stderr=True).print("text")
    assert capsys.readouterr() == ("", "text\n")
