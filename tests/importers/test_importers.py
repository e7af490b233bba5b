"""The table of importers, what they share, and what `convert` returns."""

import types
from pathlib import Path

import keras
import numpy as np
import pytest

import residual
from residual import importers
from residual.errors import RunError
from residual.importers.assign import assign_arrays
from residual.importers.imported import Imported, ImportOptions
from tests.support import old_layouts


class NpzArray:
    """An array of an .npz whose names are "layer/role"."""

    def __init__(self, name: str, numbers: np.ndarray):
        self.name, (self.owner, self.role) = name, name.split("/")
        self.numbers, self.shape = numbers, numbers.shape

    def read(self) -> np.ndarray:
        return self.numbers


def matches(path: Path) -> bool:
    return path.suffix == ".npz"


def load(path: Path, options: ImportOptions) -> Imported:
    side = options.image_size or 4
    image = keras.Input((side, side, 3))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 1, name="conv")(image))
    model = keras.Model(image, x)
    with np.load(path) as file:
        arrays = {"conv": [NpzArray(name, file[name]) for name in file.files]}
    return Imported(model, "tiny", assign_arrays(path, arrays, model, {"conv": model.get_layer("conv")}), ())


@pytest.fixture
def npz(monkeypatch):
    """An importer for .npz files: one module and one row."""
    module = types.SimpleNamespace(LABEL="an archive of arrays (.npz)", matches=matches, load=load)
    monkeypatch.setitem(importers.IMPORTERS, "npz", module)


KERNEL = np.arange(6, dtype="float32").reshape(1, 1, 3, 2)


def test_an_importer_is_one_module_and_one_row(npz, tmp_path):
    np.savez(tmp_path / "old.npz", **{"conv/kernel": KERNEL, "conv/bias": np.ones(2)})
    converted = residual.convert(tmp_path / "old.npz", image_size=8)
    assert (converted.network, converted.arrays, converted.parameters) == ("tiny", 2, 8)
    plain = keras.saving.load_model(tmp_path / "old.keras")
    assert plain.input_shape == (None, 8, 8, 3)
    np.testing.assert_array_equal(plain.get_layer("conv").get_weights()[0], KERNEL)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"conv/kernel": KERNEL}, "layer conv: bias not in the file: it is incomplete"),
        ({"conv/kernel": KERNEL[..., :1], "conv/bias": np.ones(2)}, r"layer conv: kernel has shape \(1, 1, 3, 1\)"),
        ({"conv/kernel": KERNEL, "conv/gamma": np.ones(2)}, "layer conv holds gamma, but in the network it has"),
    ],
)  # fmt: skip
def test_assigning_refuses_what_does_not_fit(npz, tmp_path, arrays, message):
    np.savez(tmp_path / "old.npz", **arrays)
    with pytest.raises(RunError, match=message):
        residual.convert(tmp_path / "old.npz")
    assert not (tmp_path / "old.keras").exists()


def test_an_unknown_format_is_refused_with_those_that_are_known(tmp_path):
    (tmp_path / "old.dat").write_bytes(b"weights")
    with pytest.raises(
        RunError, match=r"old.dat cannot be converted: its format is unknown. Give an HDF5 model"
    ):
        residual.convert(tmp_path / "old.dat")


def test_hdf5_is_known_by_its_content_too(tmp_path):
    arrays, config = old_layouts.draw(old_layouts.SMALL), old_layouts.keras_1_config()
    old_layouts.write(tmp_path / "old.weights", arrays, config, "1.2.2")
    assert residual.convert(tmp_path / "old.weights").target == tmp_path / "old.keras"


def test_what_convert_returns_is_short_to_show_and_a_report_as_text(tmp_path):
    arrays, config = old_layouts.draw(old_layouts.SMALL), old_layouts.keras_1_config()
    source = old_layouts.write(tmp_path / "old.h5", arrays, config, "1.2.2")
    converted = residual.convert(source)
    assert len(repr(converted).splitlines()) == 1
    assert "its own configuration" in repr(converted)
    lines = str(converted).splitlines()
    assert lines[0] == f"{source} -> {converted.target}"
    assert lines[2] == f"arrays     10, all placed; {converted.parameters:,} parameters"
    assert [line.removeprefix("note       ") for line in lines[3:]] == list(converted.notes)
    assert converted.to_dict() == {
        "target": str(converted.target),
        "network": converted.network,
        "arrays": 10,
        "parameters": converted.parameters,
        "notes": list(converted.notes),
        "preprocessing": None,
        "license": None,
        "origin": None,
    }
