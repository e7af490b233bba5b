"""`check_file`: the learner's file in a process of its own, whatever the file does."""

import time

import pytest

from residual.checker import check_file
from residual.errors import DataError
from tests.support import learners, planted


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "blocks.py"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_a_file_is_checked_as_far_as_it_got_and_its_error_has_its_line(write):
    """One process for the whole story: a right block, a wrong one, prints, and an error at the end."""
    code = "\n".join(
        [
            "print('loading')",
            learners.PRELUDE,
            learners.source("identity_block"),
            learners.source("convolutional_block", convs="X_shortcut = Conv2D(F3, 1)(X_shortcut)"),
            "keras.backend.set_learning_phase(True)",
        ]
    )
    report = check_file(write(code), timeout=280)
    assert report.checked == ("identity_block", "convolutional_block")
    stopped, *rest = report.findings
    assert (stopped.mistake, stopped.function, stopped.line) == ("raises", "", code.count("\n") + 1)
    assert "set_learning_phase is gone from Keras 3" in stopped.hint
    assert {finding.function for finding in rest} == {"convolutional_block"}
    assert {finding.mistake for finding in rest} == {"stride-missing-shortcut", "initializer-ignored"}
    assert report.printed.startswith("loading")
    assert report.source.endswith("blocks.py")
    assert not report.ok


@pytest.mark.parametrize(
    ("mistake", "text", "lines", "timeout", "message"),
    planted.FILES,
    ids=[f"{row[0]}-{row[2][0]}" for row in planted.FILES],
)
def test_a_file_names_the_planted_mistake(write, mistake, text, lines, timeout, message):
    start = time.monotonic()
    report = check_file(write(text), timeout=timeout)
    assert time.monotonic() - start < timeout + 27
    (finding,) = report.findings
    assert (finding.mistake, finding.function) == (mistake, "")
    assert finding.line in lines
    assert message in finding.message
    assert len(report.printed) <= 4000
    assert report.checked == ()
    assert not report.ok


@pytest.mark.parametrize(
    ("text", "line", "hint"),
    [
        ("def identity_block(X:\n    pass\n", 1, "mend the line"),
        ("import os\n%matplotlib inline\n", 2, "delete them from the file"),
        ("from resnets_utils import *\n", 1, "from residual.course import *"),
        ("raise SystemExit(3)\n", 1, "mend the line"),
        ("name = input()\n", 1, "mend the line"),
    ],
)
def test_errors_that_notebooks_are_known_for_have_advice(write, text, line, hint):
    (finding,) = check_file(write(text), timeout=60).findings
    assert (finding.mistake, finding.line) == ("raises", line)
    assert hint in finding.hint


@pytest.mark.slow
def test_a_block_that_never_returns_is_named_with_its_line(write):
    code = learners.PRELUDE + learners.source("identity_block", after_relu1="while True: pass")
    report = check_file(write(code), timeout=60)
    (finding,) = report.findings
    assert (finding.mistake, finding.function) == ("hangs", "identity_block")
    assert "while True" in code.splitlines()[finding.line - 1]


def test_a_file_that_is_not_there_and_a_notebook_are_the_caller_s_mistakes(tmp_path, write):
    with pytest.raises(DataError, match="There is no file"):
        check_file(tmp_path / "nothing.py")
    with pytest.raises(DataError, match=r"is not a \.py file\. In a notebook use"):
        check_file(write("{}", "blocks.ipynb"))
    with pytest.raises(DataError, match="timeout must be more than 0"):
        check_file(write("x = 1"), timeout=0)
