"""`predict` on a photo file gives the answer of the source library's own way from the file to probabilities."""

import hashlib
import json
import warnings

import numpy as np
import pytest
from PIL import Image

import residual
from residual.errors import ResidualWarning
from residual.importers.torch_weights import known
from tests.support.tensor_files import small_state, write_safetensors

torch = pytest.importorskip("torch")
from tests.support.torch_reference import ResNet, draw_photo, normalize  # noqa: E402

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALF = ((0.5,) * 3, (0.5,) * 3)
TIMM = {
    "architecture": "resnet18",
    "label_names": ["ant", "bee"],
    "pretrained_cfg": {
        "tag": "a1_in1k", "input_size": [3, 160, 160], "crop_pct": 0.95, "interpolation": "bicubic",
        "mean": HALF[0], "std": HALF[1], "license": "cc-by-nc-4.0",
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def state() -> dict:
    return small_state()


@pytest.fixture(scope="module")
def reference(state):
    small = {"blocks": (1, 1), "widths": (8, 12), "outputs": (8, 12), "classes": 2, "stem_width": 8}
    model = ResNet(**small).eval()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})
    return model


def answer(reference, photo: Image.Image, shorter: int, crop: int, way, normalization) -> np.ndarray:
    """Scale the shorter side, cut the middle, normalize: as torchvision and timm do it with Pillow images."""
    width, height = photo.size
    scale = shorter / min(width, height)
    size = tuple(shorter if side == min(width, height) else int(side * scale) for side in (width, height))
    scaled = photo.resize(size, way)
    left, top = (round((side - crop) / 2.0) for side in size)
    pixels = np.asarray(scaled.crop((left, top, left + crop, top + crop)))
    with torch.no_grad():
        return torch.softmax(reference(normalize(pixels[None], *normalization)), 1).numpy()[0]


@pytest.mark.parametrize("size", [(427, 301), (301, 640)])
def test_torchvision(size, reference, state, tmp_path):
    photo = Image.fromarray(draw_photo(*size))
    photo.save(tmp_path / "photo.jpg", quality=90)
    write_safetensors(tmp_path / "weights.safetensors", state)
    converted = residual.convert(tmp_path / "weights.safetensors")
    assert converted.preprocessing is not None
    found = residual.predict(converted.target, tmp_path / "photo.jpg")[0]
    with Image.open(tmp_path / "photo.jpg") as opened:
        expected = answer(reference, opened, 256, 224, Image.Resampling.BILINEAR, IMAGENET)
    np.testing.assert_allclose(list(found.probabilities.values()), expected, atol=1e-4)


def test_timm(reference, state, tmp_path):
    """config.json beside the weights says size, crop, interpolation, mean, names and licence."""
    photo = Image.fromarray(draw_photo(500, 333, 1))
    photo.save(tmp_path / "photo.png")
    write_safetensors(tmp_path / "model.safetensors", state)
    (tmp_path / "config.json").write_text(json.dumps(TIMM))
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", ResidualWarning)
        converted = residual.convert(tmp_path, tmp_path / "ants.keras")
    assert ["forbids commercial use" in str(one.message) for one in said] == [True]
    assert (converted.license, converted.origin) == ("cc-by-nc-4.0", "timm resnet18.a1_in1k")
    found = residual.predict(converted.target, tmp_path / "photo.png")[0]
    expected = answer(reference, photo, 168, 160, Image.Resampling.BICUBIC, HALF)
    assert list(found.probabilities) == ["ant", "bee"]
    np.testing.assert_allclose(list(found.probabilities.values()), expected, atol=1e-4)


def test_an_exported_file_prepares_photos_alike(state, tmp_path):
    Image.fromarray(draw_photo(200, 150)).save(tmp_path / "photo.png")
    write_safetensors(tmp_path / "weights.safetensors", state)
    path = residual.convert(tmp_path / "weights.safetensors", image_size=64).target
    exported = residual.export(path, "onnx", out=tmp_path / "files")
    answers = [
        list(residual.predict(file, tmp_path / "photo.png")[0].probabilities.values())
        for file in (path, exported.files[0])
    ]
    np.testing.assert_allclose(*answers, atol=1e-5)
    assert not any(".predict." in file.name for file in exported.files)  # they scale in another way


def test_published_files_are_known_by_their_content(tmp_path, monkeypatch):
    path = write_safetensors(tmp_path / "renamed.safetensors", small_state())
    digits = hashlib.sha256(path.read_bytes()).hexdigest()[:8]
    usual = known.find_by_name("torchvision/resnet50.v2")
    found = known.KnownWeights("torchvision/mine.v1", digits, usual.preprocessing, "bsd-3-clause")
    monkeypatch.setattr(known, "list_known", lambda: (found,))
    imported = residual.load_weights("torch-resnet", path)
    assert (imported.origin, imported.license) == ("torchvision/mine.v1", "bsd-3-clause")
    assert (imported.preprocessing.resize_to, imported.model.input_shape) == (232, (None, 224, 224, 3))


@pytest.mark.parametrize(
    ("name", "height", "resize_to", "interpolation", "license"),
    [
        ("torchvision/resnet50.v1", 224, 256, "bilinear", "bsd-3-clause"),
        ("torchvision/resnet50.v2", 224, 232, "bilinear", "bsd-3-clause"),
        ("timm/resnet50.a1_in1k", 224, 235, "bicubic", "apache-2.0"),
        ("resnet101d.ra2_in1k", 256, 269, "bicubic", "apache-2.0"),
        ("resnet18.fb_swsl_ig1b_ft_in1k", 224, 256, "bilinear", "cc-by-nc-4.0"),
        ("resnetv2_50x1_bit.goog_in21k_ft_in1k", 448, 448, "bilinear", "apache-2.0"),
    ],
)
def test_the_table_of_published_weights(name, height, resize_to, interpolation, license):
    found = known.find_by_name(name)
    p = found.preprocessing
    assert (p.height, p.resize_to, p.interpolation, found.license) == (
        height, resize_to, interpolation, license,
    )  # fmt: skip
    assert p.mean == ((127.5,) * 3 if "bit" in name else (123.675, 116.28, 103.53))
