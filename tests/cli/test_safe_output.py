"""Names of files and classes reach the terminal as they are, and never act: in every verb and every encoding."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from residual.cli import app
from tests.support.made import stripes

ESCAPE = "a\x1b[31mred"
MARKUP = "[bold]b"
EMOJI = ":smile: c"
FOREIGN = "\u732b"
CLASSES = (ESCAPE, MARKUP, EMOJI, FOREIGN)
SHOWN = ("a?[31mred", MARKUP, EMOJI)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder with images of classes whose names try to act, and a run trained on them."""
    folder = tmp_path_factory.mktemp("names")
    images = stripes(80, 0)
    for i, x in enumerate(images.x):
        place = folder / "photos" / CLASSES[i % 4]
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x).save(place / f"{i}.png")
    before = os.getcwd()
    os.chdir(folder)
    try:
        words = (
            "photos",
            "--size",
            "16",
            "--model",
            "cifar-resnet8",
            "--epochs",
            "1",
            "--precision",
            "float32",
        )
        result = CliRunner().invoke(app, ["train", *words, "--name", "first"])
    finally:
        os.chdir(before)
    assert result.exit_code == 0, result.output
    return folder


@pytest.fixture
def inside(project, monkeypatch):
    monkeypatch.chdir(project)
    return project


@pytest.mark.parametrize(
    "words",
    [
        ("evaluate", "first"),
        ("predict", "first", "photos", "--top", "4"),
        ("data", "photos"),
        ("runs",),
    ],
)
def test_names_are_shown_and_do_not_act(inside, words):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0
    assert "\x1b" not in result.output
    assert "\U0001f604" not in result.output
    if words != ("runs",):
        assert [name for name in SHOWN if name not in result.output] == []


def test_audit_names_a_file_that_tries_to_act(inside):
    damaged = inside / "photos" / MARKUP / "\x1b]0;title\x07:x:.png"
    damaged.write_bytes(b"")
    try:
        result = CliRunner().invoke(app, ["audit", "photos"])
    finally:
        damaged.unlink()
    assert result.exit_code == 1
    assert not {"\x1b", "\x07"} & set(result.output)
    assert "[bold]b/?]0;title?:x:.png" in result.output


@pytest.mark.parametrize(
    "words",
    [
        ("train", "\x1b[31mgone"),
        ("train", "digits", "--recipe", "\x1b[31m"),
        ("train", "digits", "--model", "[red]\x1b"),
        ("train", "digits", "--name", "\x1b"),
        ("train", "digits", "--precision", "\x1b"),
        ("train", "digits", "--set", "\x1b=3"),
        ("train", "--resume", "\x1b[31m"),
        ("evaluate", "\x1b[31m"),
        ("evaluate", "\x1b.keras"),
        ("evaluate", "first", "--png", "\x1b.jpg"),
        ("evaluate", "first", "--data", "\x1b"),
        ("predict", "first", "\x1b.png"),
        ("predict", "first", "photos", "--csv", "\x1b/a.csv"),
        ("data", "\x1b"),
        ("audit", "\x1b"),
        ("summary", "\x1b"),
        ("recipes", "\x1b"),
        ("check", "\x1b.py"),
        ("convert", "\x1b.h5"),
        ("runs", "compare", "\x1b", "b"),
    ],
)
def test_errors_do_not_act_either(inside, words):
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 2
    assert result.stderr.startswith("residual: ")
    assert result.stderr.count("\n") == 1
    assert "\x1b" not in result.output


@pytest.mark.parametrize("encoding", ["cp1252", pytest.param("ascii", marks=pytest.mark.slow)])
def test_an_encoding_without_the_letters_is_no_traceback(inside, encoding):
    for words in (
        ["predict", "first", "photos"],
        ["evaluate", "first"],
        ["data", "photos"],
        ["data", FOREIGN],
    ):
        environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)}
        code = f"import sys; from residual.cli import main; sys.argv = ['residual', *{words!r}]; main()"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=120)
        said = (done.stdout + done.stderr).decode(encoding)
        assert done.returncode == (2 if words[1] == FOREIGN else 0), said
        assert "Traceback" not in said
        assert "\\u732b" in said


def test_json_holds_the_names_as_they_are(inside):
    rows = json.loads(CliRunner().invoke(app, ["predict", "first", "photos", "--json"]).stdout)
    assert {row["folder_label"] for row in rows} == set(CLASSES)


def test_a_table_holds_the_names_as_they_are(inside):
    assert CliRunner().invoke(app, ["predict", "first", "photos", "--csv", "all.csv"]).exit_code == 0
    text = Path("all.csv").read_text("utf-8")
    assert all(name in text for name in CLASSES)
