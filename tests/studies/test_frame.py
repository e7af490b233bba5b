"""What every study stands on: pieces that are not computed again, charts, the page and its files."""

import csv
import json
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from residual.errors import RunError
from residual.studies.context import open_folder
from residual.studies.drawing import Dot, Label, Line
from residual.studies.page import write_results
from residual.studies.plots import Axis, Row, Series, draw_dots, draw_lines, spread_out
from residual.studies.render import format_svg, render_png
from residual.studies.spread import Spread, judge_difference
from residual.studies.study import Study
from tests.support.study import make_asked, make_context, make_findings

STUDY = Study("made", "Does it show?", lambda context: make_findings())


def test_a_piece_is_computed_once_and_read_again(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return {"error": 0.25}

    first = make_context(tmp_path / "s")
    assert first.remember("plain-20-seed-0", compute) == {"error": 0.25}
    again = make_context(tmp_path / "s")
    assert again.remember("plain-20-seed-0", compute) == {"error": 0.25}
    assert calls == [1]
    assert again.elapsed == first.elapsed
    assert again.remaining <= 60


def test_an_interrupted_piece_leaves_no_file_and_is_computed_again(tmp_path):
    context = make_context(tmp_path / "s")

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        context.remember("piece", stop)
    assert make_context(tmp_path / "s").remember("piece", lambda: 3) == 3


def test_a_damaged_piece_is_computed_again(tmp_path):
    make_context(tmp_path / "s").remember("piece", lambda: 3)
    (tmp_path / "s" / "pieces" / "piece.json").write_text('{"sec')
    assert make_context(tmp_path / "s").remember("piece", lambda: 4) == 4


def test_images_are_read_only_if_a_piece_needs_them(tmp_path):
    def refuse():
        raise AssertionError

    context = make_context(tmp_path / "s", load=refuse)
    assert context.remember("piece", lambda: 3) == 3
    with pytest.raises(AssertionError):
        context.data


def test_a_folder_takes_only_the_study_that_it_was_asked(tmp_path):
    folder = open_folder(make_asked(), tmp_path / "s")
    assert open_folder(make_asked(seconds=90.0), folder) == folder  # with more time it goes on
    with pytest.raises(RunError, match="something else was asked. Choose another `out`"):
        open_folder(make_asked(seeds=(0,)), folder)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"x")
    with pytest.raises(RunError, match="other files"):
        open_folder(make_asked(), tmp_path / "photos")


def test_without_a_folder_the_first_free_one_is_taken_and_the_same_question_resumed(tmp_path):
    first = open_folder(make_asked(), None, tmp_path)
    assert first == tmp_path / "made-digits"
    assert open_folder(make_asked(seeds=(0,)), None, tmp_path) == tmp_path / "made-digits-2"
    assert open_folder(make_asked(), None, tmp_path) == first


def test_the_page_holds_every_sentence_and_escapes_what_comes_from_outside(tmp_path):
    context = make_context(tmp_path / "s")
    result = write_results(STUDY, context, make_findings(), "residual study made")
    page = result.page.read_text("utf-8")
    for text in (*make_findings().closing, "Another budget may show", "residual study made", "notebook B"):
        assert text in page
    assert "plain-56 &lt;and&gt; residual-56" in page
    assert not re.search(r"(src|href)=\"https?:", page)
    assert page.count("<svg") == 5
    assert 'type="range"' in page


def test_each_chart_has_a_picture_a_drawing_and_its_numbers(tmp_path):
    result = write_results(STUDY, make_context(tmp_path / "s"), make_findings(), "")
    for name in ("norms", "moving-0", "moving-5", "moving-10", "dots"):
        assert ET.parse(result.folder / f"{name}.svg").getroot().tag.endswith("svg")
        assert np.asarray(Image.open(result.folder / f"{name}.png").convert("L")).std() > 5
    rows = list(csv.reader((result.folder / "norms.csv").read_text().splitlines()))
    assert rows[0][:3] == ["line", "step", "gradient norm"]
    assert rows[1] == ["plain-56", "0", "0.001", "0.0005", "0.002"]
    assert (result.folder / "results.csv").read_text() == (
        "network,error,n\nplain-56,0.5512345,3\nresidual-56,,3\n"
    )
    assert json.loads((result.folder / "findings.json").read_text())["figures"] == {"plain": 2e-6}


def test_lines_lie_where_their_values_are():
    series = [Series("a", (0, 10), (1.0, 100.0), "blue"), Series("b", (0, 10), (1.0, float("nan")), "orange")]
    drawing = draw_lines("n", "t", series, Axis("step"), Axis("norm", log=True))
    a, b = [shape for shape in drawing.shapes if isinstance(shape, Line) and shape.colour != "grid"]
    assert a.points[0][1] > a.points[1][1]  # a larger value is higher up
    assert len(b.points) == 1  # what is not finite is left out
    assert a.points[0] == b.points[0]


def test_labels_at_the_ends_of_lines_do_not_overlap():
    series = [Series(name, (0, 1), (0.5, 0.5), "blue") for name in "abcd"]
    drawing = draw_lines("n", "t", series, Axis("step"), Axis("y", low=0, high=1))
    places = sorted(shape.y for shape in drawing.shapes if isinstance(shape, Label) and shape.text in "abcd")
    assert min(np.diff(places)) >= 15.9


def test_spread_out_keeps_the_order_and_moves_only_what_is_near():
    assert spread_out([100.0, 10.0, 12.0], 16) == [100.0, 3.0, 19.0]


def test_dots_show_each_seed_and_say_what_is_not_finite():
    drawing = draw_dots(
        "n", "t", [Row("a", (0.2, 0.4)), Row("b", (float("inf"),))], Axis("error"), "{:.2f}".format
    )
    dots = [shape for shape in drawing.shapes if isinstance(shape, Dot)]
    assert [dot.hollow for dot in dots] == [True, True, False]
    texts = {shape.text for shape in drawing.shapes if isinstance(shape, Label)}
    assert {"0.30", "not finite"} <= texts


def test_a_drawing_with_markup_in_its_title_stays_text():
    drawing = draw_lines("n", "a < b & <script>", [Series("a", (0, 1), (0, 1), "blue")], Axis("x"), Axis("y"))
    assert "<script>" not in format_svg(drawing)
    assert ET.fromstring(format_svg(drawing).encode()) is not None
    assert render_png(drawing).startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        ((0.1, 0.12), (0.5, 0.55), "higher"),
        ((0.5, 0.55), (0.1, 0.12), "lower"),
        ((0.1, 0.5), (0.4, 0.6), "unclear"),
        ((0.1, 0.3), (0.31, 0.32), "unclear"),
        ((0.1,), (0.5, 0.6), "higher once"),
        ((), (0.5,), "unclear"),
    ],
)
def test_a_difference_counts_if_it_exceeds_the_spread(first, second, verdict):
    assert judge_difference(Spread.of(first), Spread.of(second)) == verdict
