"""The list of runs: what is read from their folders, what is damaged, how it looks."""

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console
from typer.testing import CliRunner

import residual
from residual.cli import app
from residual.runs.folder import RunFolder
from residual.runs.history import RunEntry, shorten_data_name
from residual.runs.table import print_runs
from residual.training.recipes import SIGNS
from tests.support.run_folders import right, written

AT_80_COLUMNS = """\
run                     epochs  valid.  test (95%)         time  state
cut-off                  11/28   20.0%  -                  0:16  interrupted
first-try                20/20   97.9%  98.3% (94.1-99.5)  0:14  finished
digits-cifar-resnet8-1   15/15   97.9%  99.4% (98.0-99.8)  0:14  finished
ctrl-c                  2.4/15   97.9%  -                  0:14  stopped
nan                       3/15   12.0%  -                  0:04  failed
broken                       -       -  -                     -  unreadable

resume     residual train --resume cut-off
evaluate   residual evaluate ctrl-c
failed     nan: The loss became nan in step 7 of epoch 4.
unreadable runs/broken is not a readable run folder: Invalid statement (at line 1, column 1).
not shown  data, model, recipe; the terminal is too narrow"""


def printed(width: int | None) -> list[str]:
    console = Console(file=io.StringIO(), width=width or 200)
    print_runs(residual.list_runs(), console, width=width)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def folders():
    """Runs in every state, and folders that are none."""
    written("digits-cifar-resnet8-1", right=right(359, 0, 1))
    written(
        "first-try",
        started="2026-11-24T12:00:00+0000",
        data="/somewhere/signs",
        network="resnet10",
        recipe=SIGNS,
        epochs=20,
        right=right(120, 3, 5),
    )
    path = written(
        "cut-off",
        started="2026-11-25T09:00:00+0200",
        validation=None,
        epochs=11,
        recipe=replace(SIGNS, epochs=28),
    )
    (path / "checkpoints").mkdir()
    (path / "checkpoints/state").write_text("")
    written(
        "ctrl-c", started="2026-11-23T10:00:00+0000", epochs=3, report={"interrupted": True, "epochs": 2.4}
    )
    failure = {"failure": "The loss became nan in step 7 of epoch 4."}
    written("nan", started="2026-11-22T10:00:00+0000", epochs=3, validation=None, report=failure)
    Path("runs/notes").mkdir()
    Path("runs/broken").mkdir()
    Path("runs/broken/run.toml").write_text("= 3")
    Path("runs/a-file").write_text("")


def test_the_table_at_80_columns(folders):
    assert printed(80) == AT_80_COLUMNS.splitlines()


def test_the_table_in_a_pipe_has_everything(folders):
    lines = printed(None)
    assert lines[0].split() == [
        "run",
        "data",
        "model",
        "recipe",
        "epochs",
        "valid.",
        "test",
        "(95%)",
        "time",
        "state",
    ]
    assert lines[2].split() == [
        "first-try",
        "signs",
        "resnet10",
        "signs",
        "20/20",
        "97.9%",
        "98.3%",
        "(94.1-99.5)",
        "0:14",
        "finished",
    ]
    assert not any(character in "\n".join(lines) for character in "│─━┃…")
    assert "not shown" not in "\n".join(lines)


@pytest.mark.parametrize("width", [40, 52, 60, 80, 100])
def test_the_table_keeps_the_width_and_its_columns(folders, width):
    head, *rows = printed(width)[:7]
    assert max(map(len, rows)) <= max(width, 12 + 2 + 6 + 2 + 17 + 2 + 11)
    assert "state" in head or width < 52


def test_a_value_that_every_name_tells_gives_way_first():
    for number in (1, 2):
        written(f"digits-cifar-resnet8-{number}", started=f"2026-11-24T10:0{number}:00+0000", right=right(9))
    head, first, _, _, compare, hidden = printed(76)
    assert head.split() == ["run", "epochs", "valid.", "test", "(95%)", "time", "state"]
    assert first.split()[0] == "digits-cifar-resnet8-2", "newest first"
    assert compare == "compare    residual runs compare digits-cifar-resnet8-1 digits-cifar-resnet8-2"
    assert hidden == "not shown  data, model, recipe; the terminal is too narrow"


def test_a_run_that_is_being_trained(folders):
    with RunFolder("runs/ctrl-c").claim():
        (run,) = (run for run in residual.list_runs() if run.name == "ctrl-c")
        assert "running    ctrl-c; if it is interrupted: residual train --resume ctrl-c" in printed(80)
    assert (run.state, run.epochs, run.validation, run.seconds) == ("running", 3, 0.12, 4.5)
    assert residual.list_runs()[4].state != "running"


def test_a_report_that_is_older_than_the_log_gives_way():
    written("resumed", epochs=5, report={"epochs": 2.4})
    assert (residual.list_runs()[0].epochs, residual.list_runs()[0].validation) == (5, 0.14)


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("run.toml", "seed = 3", "run.toml is incomplete or damaged: Object missing required field"),
        (
            "run.toml",
            'started = "soon"',
            "run.toml is incomplete or damaged: Object missing required field",
        ),
        (
            "log.csv",
            "epoch\nx\n",
            "log.csv cannot be read: could not convert string to float: 'x'.",
        ),
        ("log.csv", "epoch\n1\n", "log.csv lacks 'seconds'."),
        ("report.json", "{", "report.json cannot be read: Expecting property name"),
        ("report.json", "[]", "report.json must hold an object; got list."),
        ("report.json", '{"validation": {}, "epochs": 15}', "report.json lacks 'accuracy'."),
    ],
)
def test_a_damaged_file_is_named_and_the_rest_is_listed(folders, file, content, told):
    (written("damaged") / file).write_text(content)
    (run,) = (run for run in residual.list_runs() if run.name == "damaged")
    assert (run.state, run.epochs) == ("unreadable", None)
    assert run.problem.startswith(f"runs/damaged/{file}")
    assert told in run.problem
    assert len(residual.list_runs()) == 7


def test_a_run_of_version_0_1_is_listed():
    written("old", right=right(359, 0, 1), data="/somewhere/signs", version_0_1=True)
    (run,) = residual.list_runs()
    assert (run.state, run.data, run.model, run.recipe) == ("finished", "signs", "cifar-resnet8", "digits")
    assert (run.epochs_asked, run.test_images) == (15, 359)


def test_the_list_shows_itself(folders):
    runs = residual.list_runs()
    assert repr(runs) == "RunList of 6 runs: cut-off, first-try, digits-cifar-resnet8-1, ctrl-c, nan, ..."
    assert "98.3% (94.1-99.5)" in str(runs)
    assert runs._repr_html_().startswith("<pre style=")
    assert str(residual.list_runs("nowhere")) == "no runs"


def test_a_model_that_is_not_the_one_of_the_report_is_marked():
    path = written("mine", right=right(9), report={"model_sha256": hashlib.sha256(b"network").hexdigest()})
    (path / "model.keras").write_bytes(b"network")
    assert not residual.list_runs()[0].replaced
    (path / "model.keras").write_bytes(b"another")
    os.utime(path / "model.keras", (9e9, 9e9))
    assert residual.list_runs()[0].replaced
    assert "replaced   mine: model.keras is not the network that its report is about" in printed(80)
    (path / "model.keras").write_bytes(b"network")
    os.utime(path / "model.keras", (9e9, 9e9))
    assert not residual.list_runs()[0].replaced, "a newer file with the same content is the same"


def test_an_interrupted_run_without_a_checkpoint_can_be_resumed_too():
    written("early", validation=None, epochs=0)
    written("early", "others", validation=None, epochs=0)
    command = "resume     residual train --resume early (from the beginning: no checkpoint was kept)"
    assert command in printed(80)
    console = Console(file=io.StringIO(), width=200)
    print_runs(residual.list_runs("others"), console)
    assert "--resume others/early (from the beginning" in console.file.getvalue()


def test_what_a_run_calls_its_data():
    assert shorten_data_name("/home/me/photos") == "photos"
    assert shorten_data_name("/home/me/a.h5::images=x") == "a.h5::images=x"
    assert shorten_data_name("hf://owner/name::label=fine") == "hf://owner/name::label=fine"


def test_more_notes_than_fit_are_counted():
    unjudged = [
        RunEntry(f"r{i}", Path(f"elsewhere/r{i}"), "finished", epochs=1, epochs_asked=1) for i in range(10)
    ]
    console = Console(file=io.StringIO(), width=80)
    print_runs(unjudged, console)
    notes = console.file.getvalue().splitlines()[12:]
    assert notes[0] == "evaluate   residual evaluate elsewhere/r0"
    assert (len(notes), notes[-1]) == (9, "... and 2 more; residual runs --json has them all")


def command(*words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.stdout, result.stderr


def test_the_command(folders):
    code, out, _ = command("runs")
    assert (code, out.splitlines()[1].split()[0]) == (0, "cut-off")
    rows = json.loads(command("runs", "--json")[1])
    assert [row["name"] for row in rows][-1] == "broken"
    assert rows[1] | {"data": "signs", "test_images": 120, "started": "2026-11-24T12:00:00+00:00"} == rows[1]
    Path("runs").rename("others")
    assert "residual train --resume others/cut-off" in command("runs", "--in", "others")[1]
    assert command("runs")[:2] == (0, "There are no runs in runs yet. Train one: residual train\n")
    Path("empty").mkdir()
    assert command("runs", "--in", "empty")[:2] == (0, "There are no runs in empty.\n")
    code, _, err = command("runs", "--in", "others/a-file")
    assert (code, err.count("\n")) == (2, 1)
    assert "The runs in others/a-file cannot be listed: Not a directory." in err


def test_the_list_needs_no_array_library(folders):
    code = (
        "import sys; from residual.cli import main\n"
        "sys.argv = ['residual', 'runs']\n"
        "try: main()\n"
        "except SystemExit as end: assert not end.code\n"
        "heavy = {'keras', 'tensorflow', 'numpy', 'scipy', 'matplotlib', 'sklearn'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "first-try" in done.stdout
