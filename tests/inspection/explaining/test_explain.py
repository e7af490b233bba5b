"""`residual explain` and `residual.explain`: pictures that are new files, JSON, what cannot be read, features."""

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

import residual
from residual.cli import app
from residual.errors import DataError, RunError
from residual.inspection.explaining.features import rank_nearest
from tests.support.made import QUICK, save_npz, striped, stripes


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with photos and a trained run, "mine"."""
    folder = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        data = save_npz(folder / "stripes.npz", striped())
        residual.train(data, recipe=QUICK, precision="float32", progress=False, name="mine")
        for i, pixels in enumerate(stripes(2, 5).x):
            Image.fromarray(pixels).save(folder / f"photo {i}.png")
        (folder / "note.jpg").write_text("no image")
    return folder


@pytest.fixture
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    return place


def explain(*words: str, code: int = 0):
    result = CliRunner().invoke(app, ["explain", *words])
    assert result.exit_code == code, result.output
    return result


def find_size(file: str) -> tuple[int, int]:
    """Width and height of a picture."""
    with Image.open(file) as picture:
        return picture.size


def test_pictures_json_and_an_image_that_cannot_be_read(here):
    result = explain("mine", "photo 0.png", "note.jpg", "--out", "maps", "--json", code=1)
    (one,) = json.loads(result.stdout)
    assert one["file"] == "maps/photo-0-gradcam.png"
    assert (one["method"], one["layer"]) == ("gradcam", "stage2_block1_out")
    assert all(0 <= value <= 1 for value in one["peak"])
    assert find_size(one["file"])[0] > 900
    assert "note.jpg" in result.stderr
    before = (here / one["file"]).read_bytes()
    again = explain("mine", "photo 0.png", "--out", "maps", code=2)
    assert "maps/photo-0-gradcam.png is there already, and nothing is overwritten" in again.stderr
    assert (here / one["file"]).read_bytes() == before


def test_a_line_for_each_image(here):
    text = explain("mine", "photo 0.png", "photo 1.png", "--method", "occlusion", "--out", "shown").stdout
    assert text.splitlines()[0].startswith("photo 0.png  ")
    assert "highest at " in text
    assert "like its control: " in text


def test_mistakes_are_one_message(here):
    assert "--method must be one of gradcam" in explain("mine", "photo 0.png", "--method", "x", code=2).stderr
    wrong = explain("mine", "photo 0.png", "--label", "pink", "--out", "none", code=2)
    assert "--label must be one of" in wrong.stderr
    assert not (here / "none").exists()
    (here / "file").write_text("")
    assert (
        "--out must be a folder; file is a file"
        in explain("mine", "photo 0.png", "--out", "file", code=2).stderr
    )


def test_from_python_nothing_is_written_unless_asked(here):
    found = residual.explain("mine", stripes(2, 5).x, "integrated-gradients")
    assert [one.image for one in found] == ["image 0", "image 1"]
    assert found.files == []
    assert found[0].make_overlay().shape == (16, 16, 3)
    assert found[0].to_data_uri().startswith("data:image/png;base64,")
    assert found._repr_html_().count("<img") == 2
    with pytest.raises(DataError, match="method must be one of"):
        residual.explain("mine", stripes(1, 5).x, "shap")


def test_features_with_the_nearest_training_images(here):
    assert "1 picture written to seen" in explain("mine", "photo 0.png", "--features", "--out", "seen").stdout
    assert (
        find_size("seen/photo-0-features.png")[1] > 900
    )  # image, filters, stem, three stages, nearest images
    with pytest.raises(RunError, match="is there already"):
        residual.save_features("mine", "photo 0.png", "seen")


def test_an_image_is_nearest_to_itself():
    known = np.random.default_rng(0).normal(size=(20, 5))
    order, cosines = rank_nearest(known[[3, 7]], known, 4)
    assert (order[:, 0] == [3, 7]).all()
    assert cosines[:, 0] == pytest.approx([1, 1])
    assert (np.diff(cosines, axis=1) <= 0).all()
