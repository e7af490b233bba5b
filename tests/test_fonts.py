"""Names in pictures: a font that has their letters, or a number instead of boxes."""

import warnings

import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image

from residual._fonts import OWN, choose_font_file, choose_fonts
from residual.evaluation.figures import save_confusion_png
from residual.evaluation.metrics import score

CAT = "\u732b"  # in Chinese
RARE = "\U00020000"  # of another Chinese word, as wide


@pytest.fixture
def installed(monkeypatch):
    """The fonts that come with Matplotlib, and no others; among them, from 3.11 on, one with a box for every letter."""
    names = ("DejaVu", "STIX", "Last Resort")
    own = [entry for entry in font_manager.fontManager.ttflist if entry.name.startswith(names)]
    monkeypatch.setattr(font_manager.fontManager, "ttflist", own)
    return own


def draw(path, *classes: str) -> np.ndarray:
    labels = np.arange(len(classes))
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Matplotlib warns of each letter that it draws as a box
        save_confusion_png(score(np.eye(len(classes)), labels, classes), path)
    return np.asarray(Image.open(path).convert("L"))


def test_letters_of_matplotlibs_own_font_need_no_other(installed):
    assert choose_fonts(["cat", "\u043a\u043e\u0442"]) == ([OWN], set())


def test_letters_that_no_font_has_are_reported(installed):
    assert choose_fonts(["cat", CAT]) == ([OWN], {CAT})


def test_a_font_that_has_the_letters_is_used(installed):
    """A font that stands for one with Chinese letters: it has what Matplotlib's own lacks."""
    lacking = "\u24b6\u214a"  # letters in circles and on their heads
    families, missing = choose_fonts([lacking])
    assert missing == set()
    assert families[0] == OWN
    assert any(family.startswith("STIX") for family in families)


def test_one_font_for_all_letters(installed):
    assert choose_font_file(["cat\n90%"]) is None
    assert choose_font_file([CAT]) is None
    assert "DejaVuSans" in choose_font_file(["cat \u043a\u043e\u0442\n90%"])


def test_names_become_numbers_in_place_of_boxes(installed, tmp_path):
    assert np.array_equal(draw(tmp_path / "a.png", CAT, "dog"), draw(tmp_path / "b.png", RARE, "dog"))
    assert draw(tmp_path / "c.png", "cat", "dog").shape != draw(tmp_path / "a.png", CAT, "dog").shape
