"""Text in a notebook is one plain text on standard output."""

import pytest
from rich import console as rich_console

from residual._console import default_console


@pytest.mark.parametrize("stderr", [False, True])
def test_notebook_gets_plain_text_on_standard_output(stderr, monkeypatch, capsys):
    monkeypatch.setattr(rich_console, "_is_jupyter", lambda: True)
    monkeypatch.setenv("FORCE_COLOR", "1")  # as Jupyter's kernel has it
    console = default_console(stderr=stderr)
    assert not console.is_jupyter
    assert not console.is_terminal  # so no live lines either
    console.print("text")
    assert capsys.readouterr() == ("text\n", "")


def test_standard_error_elsewhere(capsys):
    default_console(stderr=True).print("text")
    assert capsys.readouterr() == ("", "text\n")
