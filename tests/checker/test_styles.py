"""Whole files as people write them: none that is right is accused, and a mistake is named in every style."""

import pytest

from residual.checker.candidates import classify_name
from residual.checker.source import read_file
from residual.checker.worker import _check_names
from tests.support.learner_files import COURSE, RIGHT, UNCHECKED, WRONG


@pytest.fixture
def check_text(tmp_path):
    """The report of a file that is checked in this process: without the seconds that a new one takes."""

    def check_text(text: str):
        path = tmp_path / "blocks.py"
        path.write_text(text, encoding="utf-8")
        return _check_names(read_file(path), tmp_path / "now.txt")

    return check_text


@pytest.mark.parametrize(("text", "roles", "notes"), RIGHT.values(), ids=RIGHT)
def test_a_right_file_is_right(check_text, text, roles, notes):
    report = check_text(text)
    assert report.ok, str(report)
    assert dict(report.roles) == roles
    assert {note.mistake for note in report.notes} == notes


@pytest.mark.parametrize(("text", "function", "mistakes"), WRONG.values(), ids=WRONG)
def test_a_wrong_file_has_its_mistake_named_and_no_other(check_text, text, function, mistakes):
    report = check_text(text)
    assert {finding.mistake for finding in report.mistakes} == mistakes, str(report)
    assert {finding.function for finding in report.mistakes} == {function}
    assert function in report.checked
    assert function not in report.right


@pytest.mark.parametrize(("text", "name", "reason"), UNCHECKED.values(), ids=UNCHECKED)
def test_what_cannot_be_checked_is_listed_and_nobody_is_accused(check_text, text, name, reason):
    report = check_text(text)
    assert reason in report.unchecked[name], str(report)
    assert name not in report.checked
    assert {finding.mistake for finding in report.mistakes} <= {"nothing-to-check"}, str(report)


def test_an_error_of_the_checker_itself_is_no_verdict(check_text, monkeypatch):
    from residual.checker import block_check

    monkeypatch.setattr(block_check, "check_block", lambda candidate: 1 / 0)
    report = check_text(COURSE.split("def ResNet50")[0])
    assert not report.ok
    assert report.checked == ()
    assert "ZeroDivisionError" in report.unchecked["identity_block"]


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("identity_block", ("identity", "")),
        ("id_block_2", ("identity", "")),
        ("conv_block", ("convolutional", "")),
        ("ProjectionBlock", ("convolutional", "")),
        ("residual_block", ("residual", "")),
        ("BasicBlock", ("residual", "")),
        ("resnet50", ("network", "ResNet50")),
        ("build_resnet_34", ("network", "ResNet34")),
        ("resnet_v2", ("network", "resnet_v2")),
        ("ResNet18TF", ("network", "ResNet18")),
        ("ResidualBlockTF", ("residual", "")),
        ("Block", ("residual", "")),
        ("Residual", ("residual", "")),
        ("ResNet9Block", ("residual", "")),
        ("create_custom_resnet", ("network", "ResNet")),
        ("build_resnet20", ("network", "ResNet")),
        ("resnet", ("network", "ResNet")),
        ("resnet_model", ("network", "ResNet")),
        ("resnet_layer", None),
        ("ResNet50V2", None),
        ("conv_bn", None),
    ],
)
def test_names_say_what_a_function_is(name, role):
    assert classify_name(name) == role
