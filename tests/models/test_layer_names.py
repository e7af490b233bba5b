"""Layer names: what they say about the place of a layer, and that blocks name their layers so."""

import pytest

from residual.models import zoo
from residual.models.layer_names import block_names, find_block, find_group


@pytest.mark.parametrize(
    ("layer", "group"),
    [
        ("stem_conv", "stem"),
        ("stage2_block1_conv1", "stage2"),
        ("stage12_block1_add", "stage12"),
        ("res3b_branch2a", "stage3"),
        ("bn3b_branch2a", "stage3"),
        ("res5c_relu", "stage5"),
        ("conv1", "stem"),
        ("bn_conv1", "stem"),
        ("conv2_block3_out", "stage2"),
        ("fc6", "head"),
        ("head_pool", "head"),
        ("predictions", "head"),
    ],
)
def test_find_group(layer, group):
    assert find_group(layer) == group


@pytest.mark.parametrize(
    ("layer", "block"),
    [
        ("stage2_block1_conv1", "stage2_block1"),
        ("res3b_branch2a", "3b"),
        ("bn3b_branch1", "3b"),
        ("conv2_block3_out", "conv2_block3"),
        ("stem_conv", ""),
        ("max_pooling2d_3", ""),
    ],
)
def test_find_block(layer, block):
    assert find_block(layer) == block


@pytest.mark.parametrize("name", ["resnet50", "course-resnet50"])
def test_a_block_is_found_in_the_names_that_it_gives(name):
    names = block_names(zoo.find_spec(name), 1, 2)
    given = [names.conv(1), names.norm(2), names.relu(1), names.shortcut("conv"), names.add(), names.out()]
    stage, block = ("stage2", "stage2_block3") if name == "resnet50" else ("stage3", "3c")
    assert {find_group(layer) for layer in given} == {stage}
    assert {find_block(layer) for layer in given} == {block}
