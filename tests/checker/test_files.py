"""`check_file`: the learner's file in a process of its own, whatever the file does."""

import json
import subprocess
import sys
import time

import pytest

import residual
from residual.checker import check_file, run_file
from residual.checker.file_check import remove_start_up_log
from residual.errors import DataError
from tests.support import learners, planted


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "blocks.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_statement_that_stops_costs_itself_alone_and_findings_have_their_lines(write):
    """One process for the whole story: magics, imports that fail, a right block, a wrong one, training at the end."""
    code = "\n".join(
        [
            "%matplotlib inline",
            "!pip install something",
            "import nowhere_to_be_found",
            "from resnets_utils import *",
            "from keras.layers.normalization import BatchNormalization",
            "from tensorflow.python.framework.ops import EagerTensor",
            "from keras.utils import layer_utils",
            learners.PRELUDE,
            learners.source("identity_block", after_save="print('\\033[1mloading\\033[0m')"),
            learners.source("convolutional_block", convs="X_shortcut = Conv2D(F3, 1)(X_shortcut)"),
            "def SqueezeBlock(x): return Add()([Conv2D(3, 1)(x), x])",
            "X_train = np.load('not_here.npy')",
            "Model(X_train).fit(X_train)",
            "while True: pass",
        ]
    )
    report = check_file(write(code), timeout=280)
    assert report.checked == ("identity_block", "convolutional_block")
    assert report.right == ("identity_block",)
    assert {finding.function for finding in report.findings} == {"convolutional_block"}
    assert {finding.mistake for finding in report.findings} == {
        "stride-missing-shortcut",
        "initializer-ignored",
    }
    line = planted.find_line(code, "Conv2D(F3, 1)(X_shortcut)")
    assert {finding.line for finding in report.findings} == {line}
    assert report.printed.startswith("loading")
    assert "SqueezeBlock" in report.unchecked
    assert report.source.endswith("blocks.py")
    assert not report.ok


def test_a_notebook_is_checked_and_findings_name_the_cell(write):
    cells = [
        "%matplotlib inline\n" + learners.PRELUDE,
        "# a comment\n" + learners.source("identity_block", relu1=None),
    ]
    cells += ["!ls\nidentity_block?\nfiles = !ls", "def convolutional_block(X, f, filters, s=2:"]
    notebook = {"cells": [{"cell_type": "markdown", "source": ["# Title"]}]}
    notebook["cells"] += [{"cell_type": "code", "source": cell.splitlines(keepends=True)} for cell in cells]
    report = check_file(write(json.dumps(notebook), "blocks.ipynb"), timeout=100)
    assert report.checked == ("convolutional_block", "identity_block")
    broken, missing = report.mistakes
    assert (broken.mistake, broken.cell, broken.line) == ("raises", 4, 1)
    assert (missing.mistake, missing.cell) == ("relu-missing", 2)
    assert missing.line == planted.find_line(cells[1], "X = BatchNormalization")
    assert "(cell 2, line" in str(report)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("from residual.course import *\n", "identity_block: it comes from residual"),
        ("from keras.applications import ResNet50\n", "ResNet50: it comes from keras"),
    ],
)
def test_what_a_file_imports_is_not_checked_and_the_report_says_so(write, text, reason):
    report = check_file(write(text), timeout=100)
    assert (report.checked, report.ok) == ((), False)
    assert [finding.mistake for finding in report.findings] == ["nothing-to-check"]
    assert reason in report.findings[0].message


@pytest.mark.parametrize(
    ("mistake", "function", "text", "part", "timeout", "message"),
    [
        # Each of those that hang waits for its time limit: one is enough every day.
        pytest.param(*row, id=f"{i}-{row[0]}", marks=[pytest.mark.slow] if i == 3 else [])
        for i, row in enumerate(planted.FILES)
    ],
)
def test_a_file_names_the_planted_mistake(write, mistake, function, text, part, timeout, message):
    start = time.monotonic()
    report = check_file(write(text), timeout=timeout)
    assert time.monotonic() - start < timeout + 27
    (finding,) = report.mistakes
    assert (finding.mistake, finding.function) == (mistake, function)
    assert finding.line == (planted.find_line(text, part) if part else finding.line)
    assert message in finding.message
    assert len(report.printed) <= 4000
    assert not report.ok


@pytest.mark.parametrize(
    ("note", "text", "message"), planted.FILE_NOTES, ids=[row[0] for row in planted.FILE_NOTES]
)
def test_what_does_no_harm_in_a_file_is_a_note(write, note, text, message):
    report = check_file(write(text), timeout=100)
    assert report.ok, str(report)
    assert [finding.mistake for finding in report.notes] == [note]
    assert message in report.notes[0].message


@pytest.mark.slow
def test_a_block_that_never_returns_is_named_with_its_line(write):
    code = learners.PRELUDE + learners.source("identity_block", after_relu1="while True: pass")
    report = check_file(write(code), timeout=60)
    (finding,) = report.findings
    assert (finding.mistake, finding.function) == ("hangs", "identity_block")
    assert "while True" in code.splitlines()[finding.line - 1]


def test_a_file_that_is_not_there_or_no_program_is_the_caller_s_mistake(tmp_path, write):
    with pytest.raises(DataError, match="There is no file"):
        check_file(tmp_path / "nothing.py")
    with pytest.raises(DataError, match=r"neither a \.py nor an \.ipynb file"):
        check_file(write("x = 1", "blocks.md"))
    with pytest.raises(DataError, match="is not a notebook"):
        check_file(write("x = 1", "blocks.ipynb"))
    with pytest.raises(DataError, match="timeout must be more than 0"):
        check_file(write("x = 1"), timeout=0)


def test_the_public_function_takes_a_path(write):
    report = residual.check(write("x = 1\n"), timeout=100)
    assert repr(report) == "<Report blocks.py: 0 of 0 right, 1 mistake>"


def test_pooling_needs_a_window_if_keras_has_no_default():
    """In a process of its own: a check in this one gives the layers Keras 2's default."""
    program = (
        "import inspect, keras\n"
        "for pool in (keras.layers.AveragePooling2D, keras.layers.MaxPooling2D):\n"
        "    if inspect.signature(pool).parameters['pool_size'].default is inspect.Parameter.empty:\n"
        "        print(pool.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [layer.__name__ for layer in run_file.WITHOUT_WINDOW]


def test_the_log_of_tensorflow_is_not_what_the_file_printed():
    log = (
        "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
        "I0000 00:00:1795856134.569526   13134 port.cc:153] oneDNN custom operations are on.\n"
        "E0000 00:00:1795856134.569526   13134 cuda_platform.cc:52] failed call to cuInit\n"
    )
    assert remove_start_up_log(f"mine\n{log}I0 is mine too\n") == "mine\nI0 is mine too\n"
