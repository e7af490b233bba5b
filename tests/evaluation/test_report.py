"""The report's words, its shape in a terminal, and pictures that open."""

import io
import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from rich.cells import cell_len
from rich.console import Console

from residual._text import format_percent
from residual._text_console import TextConsole
from residual.errors import DataError
from residual.evaluation.figures import save_confusion_png, save_curves_png
from residual.evaluation.metrics import Scores, score
from residual.evaluation.report import print_scores
from residual.evaluation.wording import headline

LONG_NAMES = [
    "a_very_long_folder_name_of_a_class_one",
    "a_very_long_folder_name_of_a_class_two",
    "$5_bill",
    "[red]$\\frac$ \x1b[31m",
    "漢字のとても長い名前のクラスです",
]
CURVES = [
    {"epoch": 1, "loss": 2.0, "accuracy": 0.3, "val_loss": 2.1, "val_accuracy": 0.25, "learning_rate": 0.1},
    {"epoch": 2, "loss": 1.0, "accuracy": 0.6, "val_loss": 1.4, "val_accuracy": 0.5, "learning_rate": 0.1},
    {"epoch": 3, "loss": float("nan"), "accuracy": None, "val_loss": "", "learning_rate": 0.0001},
]


def scores_of(confusion, classes=None) -> Scores:
    """Scores of predictions with exactly this confusion matrix (k, k), each with probability 0.9."""
    confusion = np.asarray(confusion)
    k = len(confusion)
    pairs = np.repeat(np.argwhere(confusion >= 0), confusion.ravel(), axis=0)
    probabilities = np.full((len(pairs), k), 0.1 / (k - 1))
    probabilities[np.arange(len(pairs)), pairs[:, 1]] = 0.9
    return score(probabilities, pairs[:, 0], classes or [f"class {number}" for number in range(k)])


def ring(k: int, right: int, wrong: int) -> np.ndarray:
    """`right` hits in each of k classes, and `wrong` images taken for the next class."""
    return right * np.eye(k, dtype=int) + wrong * np.roll(np.eye(k, dtype=int), 1, axis=1)


def printed(scores: Scores, width: int = 100, **options) -> str:
    console = Console(file=io.StringIO(), width=width, **options)
    print_scores(scores, console)
    return console.file.getvalue()


# 117 of 120 in six classes: the three mistakes are 0s taken for 1s.
SIGNS = scores_of(np.diag([17, 20, 20, 20, 20, 20]) + np.diag([3, 0, 0, 0, 0], 1), list("012345"))


def test_headline():
    assert headline(SIGNS) == "accuracy 97.5% (117 of 120; 95% interval 92.9-99.1%)"


@pytest.mark.parametrize(
    ("fraction", "n", "text"),
    [(0.975, 120, "97.5%"), (0.999, 1000, "99.9%"), (0.9999, 10_000, "99.99%"), (0.7613, 50_000, "76.130%")],
)
def test_percent_shows_one_image(fraction, n, text):
    assert format_percent(fraction, n) == text


def test_percent_of_one_image():
    assert format_percent(1.0, 1) == "100.0%"


def test_report_text():
    assert [line.rstrip() for line in printed(SIGNS).splitlines()] == [
        "Test set",
        "accuracy 97.5% (117 of 120; 95% interval 92.9-99.1%)",
        "negative log-likelihood 0.2005 nats per image",
        "calibration error 7.5% (expected, 15 bins; 95% interval 5.0-10.8%; chance alone 2.2%)",
        "balanced accuracy 97.5% (mean recall of the classes)",
        "",
        "class  precision  recall     f1  images",
        "0          1.000   0.850  0.919      20",
        "1          0.870   1.000  0.930      20",
        "2          1.000   1.000  1.000      20",
        "3          1.000   1.000  1.000      20",
        "4          1.000   1.000  1.000      20",
        "5          1.000   1.000  1.000      20",
        "",
        "Confusion matrix: rows are the true class, columns the predicted one",
        "    0   1   2   3   4   5",
        "0  17   3   .   .   .   .",
        "1   .  20   .   .   .   .",
        "2   .   .  20   .   .   .",
        "3   .   .   .  20   .   .",
        "4   .   .   .   .  20   .",
        "5   .   .   .   .   .  20",
    ]


@pytest.mark.parametrize("width", [30, 45, 80, 100, 200])
@pytest.mark.parametrize("k", [2, 6, 10, 20, 30, 100])
def test_report_is_plain_and_fits(width, k):
    text = printed(scores_of(ring(k, 40, 2)), width)
    assert "\x1b" not in text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= min(width, 100)


def test_report_of_long_and_hostile_names():
    text = printed(scores_of(ring(5, 8, 1), LONG_NAMES))
    assert "\x1b" not in text
    assert "[red]$" in text
    assert max(map(cell_len, text.splitlines())) <= 100


def test_letters_that_the_encoding_lacks_do_not_cut_the_names():
    """An escape such as \\u732b takes more columns than the letter, and is counted."""
    file = io.TextIOWrapper(io.BytesIO(), encoding="cp1252")
    print_scores(scores_of(ring(2, 8, 1), ["\u732b\u732b", "\u732b\u72ac"]), TextConsole(file=file, width=80))
    file.seek(0)
    text = file.read()
    assert text.count("\\u732b\\u732b") == text.count("\\u732b\\u72ac") == 3


def test_a_terminal_gets_the_same_words_in_colour():
    coloured = printed(SIGNS, force_terminal=True, color_system="standard", no_color=False)
    assert "\x1b[2m .\x1b[0m" in coloured  # zeros are dim
    assert "\x1b[1;32m20\x1b[0m" in coloured  # the diagonal is bold
    assert re.sub(r"\x1b\[[\d;]*m", "", coloured) == printed(SIGNS)


def test_twenty_classes_still_have_a_matrix():
    text = printed(scores_of(ring(20, 400, 5)))
    assert "Confusion matrix" in text
    assert "Most frequent" not in text


def test_many_classes_list_their_confusions():
    confusion = ring(40, 10, 0)
    confusion[7, 3] = 5
    confusion[1, 2] = 6
    lines = [line.rstrip() for line in printed(scores_of(confusion)).splitlines()]
    assert "the 15 lowest by F1, of 40 classes" in lines
    at = lines.index("Most frequent confusions (2 of 2 different ones)")
    assert lines[at + 1 :] == [
        "true     predicted  images  of class",
        "class 1  class 2         6     37.5%",
        "class 7  class 3         5     33.3%",
    ]


def test_many_classes_without_a_mistake():
    assert "No confusions: every image was given its own class" in printed(scores_of(ring(40, 3, 0)))


def test_undefined_ratios_print_as_dashes():
    lines = printed(scores_of([[3, 0, 0], [1, 0, 0], [0, 0, 0]], ["a", "b", "c"])).splitlines()
    assert [line.split() for line in lines if line.startswith(("b ", "c "))][:2] == [
        ["b", "-", "0.000", "0.000", "1"],
        ["c", "-", "-", "-", "0"],
    ]


def test_report_goes_to_standard_output_by_default(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")  # a pipe has no width: this one is the terminal's, elsewhere
    print_scores(SIGNS, title="Validation set")
    text = capsys.readouterr().out
    assert text.startswith("Validation set")
    assert headline(SIGNS) in text


def opened(path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


@pytest.mark.parametrize("k", [2, 10, 100, 130])
def test_confusion_png_opens(tmp_path, k):
    path = tmp_path / "confusion.png"
    save_confusion_png(scores_of(ring(k, 10, 1)), path)
    pixels = opened(path)
    height, width = pixels.shape[:2]
    assert 400 <= height <= 2200
    assert 400 <= width <= 2200
    # Nothing is cut off at the edges: the outermost pixels are paper.
    assert min(pixels[0].min(), pixels[-1].min(), pixels[:, 0].min(), pixels[:, -1].min()) == 255
    assert list(tmp_path.iterdir()) == [path]


def test_confusion_png_takes_any_name(tmp_path):
    save_confusion_png(scores_of(ring(5, 8, 1), LONG_NAMES), tmp_path / "new" / "confusion.png")
    assert opened(tmp_path / "new" / "confusion.png").std() > 0


def test_confusion_png_of_a_class_without_images(tmp_path):
    save_confusion_png(scores_of([[3, 0], [0, 0]]), tmp_path / "confusion.png")
    opened(tmp_path / "confusion.png")


def test_a_failed_write_leaves_the_old_picture_and_no_rest(tmp_path, monkeypatch):
    path = tmp_path / "curves.png"
    path.write_bytes(b"old")

    def full_disk(*_):
        raise OSError("no space")

    monkeypatch.setattr("os.replace", full_disk)
    with pytest.raises(OSError, match="no space"):
        save_curves_png(CURVES, path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "history",
    [
        CURVES,
        CURVES[:1],
        [{"loss": 1.0}, {"loss": 0.5}],
        [{"epoch": 0, "val_accuracy": 0.5}],
        [{"epoch": epoch, "loss": 1 / epoch, "learning_rate": 0.0} for epoch in range(1, 200)],
    ],
)
def test_curves_png_opens(tmp_path, history):
    save_curves_png(history, tmp_path / "curves.png")
    height, width = opened(tmp_path / "curves.png").shape[:2]
    assert 200 <= height <= 1200
    assert 700 <= width <= 1100


@pytest.mark.parametrize("history", [[], [{"epoch": 1, "loss": float("nan")}], [{"epoch": 1}]])
def test_curves_need_a_number(tmp_path, history):
    with pytest.raises(DataError, match="history must hold a number under loss, accuracy or learning_rate"):
        save_curves_png(history, tmp_path / "curves.png")


def test_curves_name_the_value_that_is_no_number(tmp_path):
    with pytest.raises(DataError, match="history: loss in row 1 must be a number; got 'low'"):
        save_curves_png([{"loss": 1.0}, {"loss": "low"}], tmp_path / "curves.png")


def test_importing_the_report_is_cheap():
    heavy = "{'keras', 'sklearn', 'matplotlib', 'rich'}"
    code = f"import sys, residual.evaluation.report; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
