"""ONNX files that `residual export` wrote, opened by ONNX Runtime."""

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from residual.engines import open_engine
from residual.errors import DataError, RunError
from tests.support.small_onnx import CARD, write_small_onnx


def paint(colour: int, n: int = 2) -> np.ndarray:
    images = np.zeros((n, 8, 8, 3), np.uint8)
    images[..., colour] = 255
    return images


def test_an_onnx_file_answers_with_its_card(tmp_path):
    engine = open_engine(write_small_onnx(tmp_path / "colours.onnx"))
    assert engine.card == CARD
    assert engine.runtime.startswith("ONNX Runtime ")
    rows = engine.predict(paint(1))
    assert rows.shape == (2, 3)
    assert rows.dtype == np.float32
    assert rows.argmax(1).tolist() == [1, 1]
    assert engine.predict(paint(1, 0)).shape == (0, 3)


@pytest.mark.parametrize("images", [paint(0).astype(np.float32), paint(0)[0], paint(0)[:, :4]])
def test_images_of_another_kind_are_refused(tmp_path, images):
    engine = open_engine(write_small_onnx(tmp_path / "colours.onnx"))
    with pytest.raises(DataError, match=r"images must be uint8 \(n, 8, 8, 3\)"):
        engine.predict(images)


def test_files_that_are_no_exported_models_are_named(tmp_path):
    with pytest.raises(RunError, match="There is no exported model"):
        open_engine(tmp_path / "absent.onnx")
    (tmp_path / "text.onnx").write_text("text")
    with pytest.raises(RunError, match="cannot be opened by ONNX Runtime"):
        open_engine(tmp_path / "text.onnx")
    (tmp_path / "model.zip").write_text("text")
    with pytest.raises(RunError, match=r"must end in \.onnx"):
        open_engine(tmp_path / "model.zip")
