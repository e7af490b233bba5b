"""Messages of the library name arguments; the command line prints its own options in their place."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from residual.cli import VERBS, _shared, app

SOURCE = Path(_shared.__file__).parent.parent
OPTIONS = {"epochs": "--epochs", "image_size": "--size", "data": "DATA", "validation_split": "--validation"}


@pytest.fixture
def options():
    before = _shared._OPTIONS.set(OPTIONS)
    yield
    _shared._OPTIONS.reset(before)


@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("epochs must be at least 1; got 0.", "--epochs must be at least 1; got 0."),
        ("image_size must be a whole number.", "--size must be a whole number."),
        ("Use a smaller `image_size`, or fewer `epochs`.", "Use a smaller --size, or fewer --epochs."),
        ("The `data` must be there.", "The DATA must be there."),
        ("epochs.toml must be a file.", "epochs.toml must be a file."),
        ("data/epochs must hold images.", "data/epochs must hold images."),
        ("All epochs must be there, and data must be.", "All epochs must be there, and data must be."),
        ("recipe images: epochs must be a whole number.", "recipe images: epochs must be a whole number."),
        ("There is no data called `other`.", "There is no data called `other`."),
    ],
)
def test_only_names_of_arguments_are_rewritten(options, message, printed):
    assert _shared.name_options(message) == printed


def test_nothing_is_rewritten_outside_a_verb():
    assert _shared.name_options("epochs must be at least 1") == "epochs must be at least 1"


def test_the_names_come_from_the_verbs_own_parameters():
    command = typer.main.get_command(app)
    context = command.make_context("residual", ["evaluate", "x"])
    found = _shared._list_options(
        command.commands["evaluate"].make_context("evaluate", ["x"], parent=context)
    )
    assert found["data"] == "--data"
    assert found["run_or_model"] == "RUN_OR_MODEL"
    assert found["image_size"] == "--size of residual train"  # which the verb itself does not have
    assert found["max_unreadable"] == "--unreadable of residual train"
    found = _shared._list_options(command.commands["train"].make_context("train", [], parent=context))
    assert (found["image_size"], found["class_balance"]) == ("--size", "--balance")


def find_options(path: Path) -> list[str]:
    """The lines of a module that name an option of the command line outside a whole command."""
    lines = enumerate(path.read_text("utf-8").splitlines(), 1)
    options = re.compile(r"(?<![\w-])--[a-z]")
    return [
        f"{path.name}:{number}: {line.strip()}"
        for number, line in lines
        if options.search(re.sub(r"residual (train --resume|runs --json|export RUN --to)", "", line))
    ]


def test_no_module_of_the_library_speaks_of_options():
    """What to type next, as in `residual train --resume NAME`, is a whole command."""
    # What the doctor prescribes is a whole command, put together from the run.
    apart = {"cli", "diagnosis"}
    modules = [path for path in SOURCE.rglob("*.py") if not apart & set(path.relative_to(SOURCE).parts)]
    found = [line for path in modules for line in find_options(path)]
    # The style sheet of a page has names such as --ink.
    assert [line for line in found if not line.startswith("report_html.py")] == []


def test_every_verb_is_a_row_with_an_example():
    for name, verb in VERBS.items():
        assert verb.EXAMPLE.startswith(f"residual {name}")
        assert verb.run.__doc__


def list_commands():
    """(words, command) of every verb."""
    root = typer.main.get_command(app)
    for name in VERBS:
        command = root
        for word in name.split():
            command = command.commands[word]
        yield name.split(), command


def test_every_verb_has_help_with_an_example_json_and_what_was_meant():
    for words, command in list_commands():
        result = CliRunner().invoke(app, [*words, "--help"])
        assert result.exit_code == 0, words
        assert f"Example: residual {' '.join(words)}" in " ".join(result.stdout.split())
        assert "--json" in {option for parameter in command.params for option in parameter.opts}
        result = CliRunner().invoke(app, [*words, "--jsn"])
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1), words
        assert result.stderr.startswith("residual: No such option: --jsn")
        assert "Did you mean --json?" in result.stderr, words


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "residual", "--version"], capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.split()[0]) == (0, "residual"), done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ("train", "--lr", "0.1"),
            "No such option: --lr. The recipe holds the learning rate: --set schedule.peak=",
        ),
        (("train", "--epoch", "3"), "No such option: --epoch. Did you mean --epochs? See"),
        (("train", "--sed", "3"), "No such option: --sed. Did you mean --seed? See"),
        (("train", "--nosuch"), "No such option: --nosuch. See"),
        (("runs", "--nosuch"), "No such option: --nosuch. See"),
        (("trian",), "No such command 'trian'"),
        (("train", "--epochs", "0"), "Invalid value for '--epochs': "),
        (("train", "--epochs", "many"), "Invalid value for '--epochs': "),
        (("predict",), "Missing argument 'RUN_OR_MODEL'. See residual predict --help."),
        (("predict", "first"), "Missing argument 'IMAGE...'"),
        (("runs", "compare"), "Missing argument 'RUN...'"),
        (("train", "\x1b[31m", "more"), "unexpected extra argument"),
        (("--\x1b[31m",), "No such option: --"),
    ],
)
def test_words_that_are_not_understood_are_one_message(words, message):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stderr.startswith("residual: ")
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.output


def test_the_command_alone_shows_its_help():
    result = CliRunner().invoke(app, [])
    assert result.exit_code == 0
    assert "evaluate" in result.stdout


def test_shells_complete_names(tmp_path):
    (tmp_path / "runs" / "first").mkdir(parents=True)
    (tmp_path / "runs" / "first" / "run.toml").touch()
    assert _shared.complete_run("") == ["first"]
    assert "resnet50" in _shared.complete_model("")
    assert "signs" in _shared.complete_recipe("")
    code = "from residual.cli import main; import sys; sys.argv = ['residual', '--show-completion', 'bash']; main()"
    environment = {**os.environ, "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, env=environment
    )
    assert "_RESIDUAL_COMPLETE" in done.stdout
