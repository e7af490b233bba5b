"""Imported state dicts give the logits of a reference network in torch, for every family."""

from pathlib import Path

import numpy as np
import pytest

from residual.importers import torch_weights
from residual.importers.imported import ImportOptions
from tests.backends import OTHERS, run_on

torch = pytest.importorskip("torch")
from tests.support.torch_reference import ResNet, ResNetV2, draw_photo, normalize, settle  # noqa: E402

SIDE = 36  # pixels: the second stage reads odd sides, so that every padding shows
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FAMILIES = {
    "basic": lambda: ResNet(widths=(16, 24), outputs=(16, 24)),
    "ResNeXt": lambda: ResNet(widths=(16, 32), groups=8),
    "RS": lambda: ResNet(stem="deep", pooled=True, conv_pool=True, squeeze=4),
    "v2 basic, deep": lambda: ResNetV2(widths=(16, 24), outputs=(16, 24), deep=True),
    "BiT": lambda: ResNetV2(widths=(32, 64), outputs=(64, 128), is_bit=True),
    "bottleneck": ResNet,
    "wide": lambda: ResNet(widths=(16, 32)),
    "D": lambda: ResNet(stem="deep", pooled=True),
    "T": lambda: ResNet(stem="tiered", pooled=True),
    "SE": lambda: ResNet(outputs=(64, 128), squeeze=16),
    "group norm": lambda: ResNet(widths=(32, 64), outputs=(64, 128), stem_width=32, kind="group"),
    "v2": ResNetV2,
}  # fmt: skip
QUICK = 5  # families, which have every kind of layer between them


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    return np.stack([draw_photo(SIDE, SIDE, seed) for seed in range(3)])


@pytest.mark.parametrize(
    "family",
    [pytest.param(name, marks=[pytest.mark.slow] * (i >= QUICK)) for i, name in enumerate(FAMILIES)],
)
def test_logits_are_those_of_torch(family, photos, tmp_path):
    reference = settle(FAMILIES[family]())
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    imported = torch_weights.load(tmp_path / "weights.pth", ImportOptions(image_size=SIDE))
    with torch.no_grad():
        logits = reference(normalize(photos, MEAN, STD)).numpy()
    answers = np.asarray(imported.model(photos.astype("float32"), training=False))
    found = np.log(answers) - np.log(answers).mean(1, keepdims=True)
    expected = logits - logits.mean(1, keepdims=True)
    assert np.abs(expected).max() > 0.5
    np.testing.assert_allclose(found, expected, atol=1e-4)


SCRIPT = Path(__file__).parents[2] / "support" / "imported_answers.py"


@pytest.mark.slow
@pytest.mark.parametrize("family", ["RS", "v2 basic, deep", "BiT"])
@pytest.mark.parametrize("backend", OTHERS)
def test_other_backends_give_the_same(backend, family, photos, tmp_path):
    reference = settle(FAMILIES[family]())
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    np.save(tmp_path / "photos.npy", photos)
    got = run_on(backend, str(SCRIPT), str(tmp_path / "weights.pth"), str(tmp_path / "photos.npy"))
    with torch.no_grad():
        expected = torch.softmax(reference(normalize(photos, MEAN, STD)), 1).numpy()
    np.testing.assert_allclose(got["answers"], expected, atol=1e-4)
