"""Imported state dicts give the logits of a reference network in torch, for every family."""

import numpy as np
import pytest

from residual.importers import torch_weights
from residual.importers.imported import ImportOptions
from tests.support.torch_reference import ResNet, ResNetV2, draw_photo, normalize, settle

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FAMILIES = {
    "basic": lambda: ResNet(widths=(16, 24, 32, 40), outputs=(16, 24, 32, 40)),
    "bottleneck": ResNet,
    "ResNeXt": lambda: ResNet(widths=(16, 32, 48, 64), groups=8),
    "wide": lambda: ResNet(widths=(16, 32, 48, 64)),
    "D": lambda: ResNet(stem="deep", pooled=True),
    "T": lambda: ResNet(stem="tiered", pooled=True),
    "SE": lambda: ResNet(outputs=(64, 128, 192, 256), squeeze=16),
    "RS": lambda: ResNet(stem="deep", pooled=True, conv_pool=True, squeeze=4),
    "group norm": lambda: ResNet(
        blocks=(1, 2), widths=(32, 64), outputs=(64, 128), stem_width=32, kind="group"
    ),
    "v2": ResNetV2,
    "v2 basic, deep": lambda: ResNetV2(widths=(16, 24, 32), outputs=(16, 24, 32), deep=True),
    "BiT": lambda: ResNetV2(widths=(32, 64, 96), outputs=(64, 128, 192), is_bit=True),
}


@pytest.fixture(scope="module")
def photos() -> np.ndarray:
    return np.stack([draw_photo(72, 72, seed) for seed in range(3)])


@pytest.mark.parametrize("family", FAMILIES)
def test_logits_are_those_of_torch(family, photos, tmp_path):
    """At 72 pixels the stages have odd sides, so that every padding shows."""
    reference = settle(FAMILIES[family]())
    torch.save(reference.state_dict(), tmp_path / "weights.pth")
    imported = torch_weights.load(tmp_path / "weights.pth", ImportOptions(image_size=72))
    with torch.no_grad():
        logits = reference(normalize(photos, MEAN, STD)).numpy()
    answers = np.asarray(imported.model(photos.astype("float32"), training=False))
    found = np.log(answers) - np.log(answers).mean(1, keepdims=True)
    assert np.abs(logits).max() > 0.5
    np.testing.assert_allclose(found, logits - logits.mean(1, keepdims=True), atol=1e-4)
