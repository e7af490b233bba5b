"""The report: what it holds, and how it is printed."""

import io
import json

import keras
import pytest
from rich.console import Console

from residual import course
from residual.checker import Finding, Report, check, print_report
from residual.errors import ResidualError
from tests.support import learners


def printed(report: Report, width: int = 100) -> str:
    out = io.StringIO()
    print_report(report, Console(file=out, width=width))
    return out.getvalue()


@pytest.fixture(scope="module")
def wrong() -> Report:
    code = learners.source("identity_block", after_bn3="X = Activation('relu')(X)", relu_out=None)
    return check(learners.namespace(code))


def test_a_finding_says_where_what_and_how_to_mend_it(wrong):
    (finding,) = wrong.findings
    line = learners.PRELUDE.count("\n") + list(learners.IDENTITY).index("bn3") + 2
    assert (finding.function, finding.mistake, finding.line) == (
        "identity_block",
        "relu-before-addition",
        line,
    )
    assert finding.message == "the ReLU stands before the addition; it belongs after it."
    assert (finding.expected, finding.got) == ("Add, ReLU", "ReLU, Add")
    assert finding.layer.startswith("activation")
    assert "in the reference" in finding.evidence


def test_the_evidence_holds_the_numbers_of_the_first_layer_that_differs(wrong):
    """The third component differs first: with its ReLU it has no negative numbers."""
    evidence = wrong.findings[0].evidence
    assert evidence.startswith("first difference at the end of the 3rd component: [0, ")
    ours, theirs = (text.split("]")[0].split() for text in evidence.split(" is ")[1].split("[")[1:3])
    assert any(float(number) < 0 for number in ours)
    assert [max(float(number), 0) for number in ours] == [float(number) for number in theirs]


def test_the_printed_report_is_plain_and_at_most_100_columns_wide(wrong):
    text = printed(wrong, width=200)
    assert max(map(len, text.splitlines())) <= 100
    words = " ".join(text.split())
    assert "the ReLU stands before the addition" in words
    assert "change: add first, X = Add()([X, X_shortcut]), and then X = Activation('relu')(X)." in words
    assert "[relu-before-addition]" in words
    assert words.endswith("1 mistake to mend.")


def test_the_report_survives_json(wrong):
    values = json.loads(json.dumps(wrong.to_dict()))
    assert values["ok"] is False
    assert Report.from_dict(values) == wrong


def test_a_right_block_is_told_so():
    report = check(identity_block=learners.learner("identity_block", after_save="print('hello')"))
    assert report.ok
    assert report.printed.startswith("hello")
    assert "identity_block: right." in printed(report)


def test_nothing_to_check_is_not_ok():
    report = check({"my_function": print})
    assert not report.ok
    assert [finding.mistake for finding in report.findings] == ["nothing-to-check"]
    assert "Nothing could be checked." in printed(report)


def test_a_report_is_short_as_a_value_and_one_box_in_a_notebook(wrong):
    assert repr(wrong) == "<Report 0 of 1 right, 1 mistake>"
    page = wrong._repr_html_()
    assert page.count("<pre") == 1
    assert "X = Add()([X, X_shortcut])" in page


def test_printing_makes_one_piece_of_output(wrong, capsys):
    print_report(wrong)
    assert capsys.readouterr().out == f"{wrong}\n"


def test_escape_codes_of_a_learner_do_not_reach_the_terminal():
    report = Report(
        ("identity_block",), (Finding("identity_block", "raises", "\x1b[31mred\x1b[0m", "", got="\x1b"),)
    )
    assert "\x1b" not in str(report) + printed(report)


def test_what_is_not_checked_is_said(wrong):
    report = Report(("identity_block",), (), unchecked={"SqueezeBlock": "its name does not say what it is"})
    assert "not checked: SqueezeBlock: its name does not say what it is." in str(report)
    assert str(report).endswith("Right: identity_block. Not checked: SqueezeBlock.")


def test_the_course_s_own_block_is_not_taken_for_the_learner_s():
    report = check(course.identity_block, ResNet50=keras.applications.ResNet50)
    assert (report.ok, report.checked) == (False, ())
    assert "identity_block: it comes from residual" in report.findings[0].message
    assert "ResNet50: it comes from keras" in report.findings[0].message


def test_a_function_with_another_name_is_refused():
    with pytest.raises(
        ResidualError, match=r"got my_block. Name the function, as in check\(identity_block=my_bl"
    ):
        check(my_block=learners.learner("identity_block"))


def test_two_faults_at_once_are_both_named():
    changes = {"relu1": None, "bn3": "X = BatchNormalization(axis=3)(X)"}
    report = check(learners.learner("identity_block", **changes))
    assert {finding.mistake for finding in report.mistakes} == {"relu-missing", "training-not-passed"}


def test_a_cell_that_ends_with_a_report_shows_it(wrong):
    assert f"{wrong}\n" == printed(wrong)
    assert "[relu-before-addition]" in str(wrong)
