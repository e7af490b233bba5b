"""The page of a run whose data and network are gone: all that its files hold, and what it lacks and why."""

import re

import numpy as np
import pytest

import residual
from residual._verbs.report import write_report
from residual.errors import RunError
from residual.reporting.repeat import format_call
from tests.support.run_folders import right, written


def read(report) -> str:
    return report.path.read_text("utf-8")


@pytest.fixture
def run():
    return residual.open_run(written("first", right=right(40, *range(10))))


def test_a_run_without_its_data_has_a_page_without_images(run):
    report = write_report(run)
    text = read(report)
    assert report.path == run.path / "report.html"
    assert report.test_images == 40
    assert not report.has_images
    assert report.heat_maps == 0
    assert "No image is shown." in report.notes[0]
    assert "75.0%" in text
    assert "<img" not in text


def test_a_page_asks_nobody_and_each_heading_is_linked(run):
    text = read(write_report(run))
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', text) == []
    assert "://" not in text
    places = set(re.findall(r'id="([^"]+)"', text))
    assert set(re.findall(r'href="#([^"]+)"', text)) <= places
    assert text.count("<svg") == text.count('role="img"') >= 3


def test_a_run_that_is_not_judged_shows_validation_alone():
    report = write_report(residual.open_run(written("first", right=None)))
    assert report.test_images is None
    assert "not read" in read(report)
    assert "The test images have not been read" in read(report)


def test_a_run_that_was_interrupted_has_a_page():
    report = write_report(residual.open_run(written("first", validation=None, epochs=3, report={})))
    assert "There is no result yet" in read(report)


def test_values_of_other_types_are_a_message(run):
    for report in ('{"test": 5}', '{"test": {"n": 40}}', '{"validation": [1]}'):
        (run.path / "report.json").write_text(report)
        with pytest.raises(RunError, match=r"not one that a training writes .* Put the files back"):
            write_report(run)


def test_names_are_text_not_markup():
    path = written("<i>first", right=None)
    text = read(write_report(residual.open_run(path)))
    assert "<i>first" not in text
    assert "&lt;i&gt;first" in text


def test_only_a_report_is_replaced(run, tmp_path):
    other = tmp_path / "notes.html"
    other.write_text("mine")
    with pytest.raises(RunError, match="is no report of a run"):
        write_report(run, other)
    assert other.read_text() == "mine"
    with pytest.raises(RunError, match="folder that exists"):
        write_report(run, tmp_path / "absent" / "page.html")
    first = read(write_report(run, tmp_path / "page.html"))
    assert read(write_report(run, tmp_path / "page.html")) == first


def test_predictions_of_another_test_are_not_mixed_in(run):
    file = run.path / "test_predictions.csv"
    file.write_text("\n".join(file.read_text("utf-8").split("\n")[:10]) + "\n", "utf-8")
    report = write_report(run)
    assert "is not that of report.json" in report.notes[0]
    assert "75.0%" in read(report)


def test_the_call_repeats_what_was_asked(run):
    call = format_call(run.path, run.folder.record)
    assert call.startswith("residual.train('digits', recipe=")
    assert "run.toml" in call
    assert np.all([name in call for name in ("precision", "image_size")])
