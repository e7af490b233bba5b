"""A spec: what it accepts, how its errors read, and its way through a table and back."""

import math
import tomllib

import msgspec
import numpy as np
import pytest
import tomli_w

from residual.errors import NetworkError
from residual.models import zoo
from residual.models.spec import NetworkSpec

# The [network.spec] table of a run of version 0.1, as TOML gives it back.
VERSION_0_1 = {
    "name": "cifar-resnet8",
    "blocks": [1, 1, 1],
    "widths": [16, 32, 64],
    "outputs": [16, 32, 64],
    "strides": [1, 2, 2],
    "block": "basic",
    "preactivation": False,
    "stem": "cifar",
    "stem_width": 16,
    "stem_end": "norm-relu",
    "shortcut": "zero-pad",
    "shortcut_norm": True,
    "project_from": "activated",
    "stride_on": "3x3",
    "stride_block": "first",
    "bias": "none",
    "padding": "symmetric",
    "epsilon": 1e-05,
    "initializer": "he_normal",
    "l2": 0.0,
    "names": "residual",
    "source": "He et al. 2015, arXiv:1512.03385, section 4.2",
}


def test_outputs_and_strides_have_defaults():
    basic = NetworkSpec("mine", (1, 2), (8, 12))
    assert (basic.outputs, basic.strides) == ((8, 12), (1, 2))
    assert NetworkSpec("mine", (1, 2, 1), (8, 12, 16), block="bottleneck").outputs == (32, 48, 64)


@pytest.mark.parametrize("widths", [[8, 12], np.array([8, 12]), [np.int64(8), 12]])
def test_lists_become_tuples_and_specs_are_values(widths):
    spec = NetworkSpec("mine", [1, 2], widths)
    assert spec == NetworkSpec("mine", (1, 2), (8, 12))
    assert len({spec, NetworkSpec("mine", (1, 2), (8, 12))}) == 1
    with pytest.raises(AttributeError):
        spec.name = "other"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"groups": 4}, "mine: groups needs bottlenecks whose widths are multiples of it; got groups 4, block basic"),
        ({"norm": "group"}, 'mine: norm "group" has 32 groups, so that all channels must be multiples of it; got '),
        ({"norm": "layer"}, "mine: norm must be batch or group; got 'layer'"),
        ({"squeeze": -1}, "mine: squeeze must be a whole number from 0; got -1"),
        ({"blocks": (1, 2, 3)}, "mine: blocks, widths, outputs and strides need one entry per stage, got 3, 2,"),
        ({"blocks": (), "widths": ()}, "need one entry per stage, got 0, 0, 0 and 1."),
        ({"blocks": (0, 1)}, "blocks must be a list, each entry a whole number from 1; got (0, 1)."),
        ({"widths": (8, 1.5)}, "widths must be a list, each entry a whole number from 1; got (8, 1.5)."),
        ({"blocks": 3}, "blocks must be a list, each entry a whole number from 1; got 3."),
        ({"stem_width": True}, "stem_width must be a whole number from 1; got True."),
        ({"shortcut": "skip"}, "shortcut must be one of zero-pad, projection, projection-all, pooled-projection"),
        ({"block": None}, "block must be one of basic, bottleneck, single; got None."),
        ({"preactivation": 1}, "preactivation must be true or false; got 1."),
        ({"epsilon": 0}, "epsilon must be a number above 0 and at most 1; got 0."),
        ({"epsilon": math.nan}, "epsilon must be a number above 0 and at most 1; got nan."),
        ({"l2": math.inf}, "l2 must be a number from 0 to 1; got inf."),
        ({"name": ""}, "NetworkSpec: name must be text that is not empty; got ''."),
        ({"names": "course", "blocks": (1, 27)}, "blocks may be at most 26; got 27. Use names=\"residual\"."),
    ],
)  # fmt: skip
def test_wrong_specs(changes, message):
    values = {"name": "mine", "blocks": (1, 1), "widths": (8, 16)} | changes
    with pytest.raises(NetworkError) as error:
        NetworkSpec(**values)
    assert message in str(error.value)


def test_a_changed_copy_is_checked_too():
    with pytest.raises(NetworkError, match="shortcut must be one of"):
        msgspec.structs.replace(zoo.find_spec("resnet18"), shortcut="skip")


@pytest.mark.parametrize("family", zoo.FAMILIES, ids=lambda family: family.pattern)
def test_a_spec_goes_through_toml_and_back(family):
    spec = zoo.find_spec(family.examples[0])
    assert NetworkSpec.from_table(tomllib.loads(tomli_w.dumps(spec.to_table()))) == spec


def test_the_table_of_a_run_of_version_0_1_is_read():
    assert NetworkSpec.from_table(VERSION_0_1) == zoo.find_spec("cifar-resnet8")
    assert list(zoo.find_spec("cifar-resnet8").to_table()) == list(VERSION_0_1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "mine", "blocks": [1]}, "network: lacks widths."),
        ({}, "network: lacks name, blocks, widths."),
        ({**VERSION_0_1, "lanes": 4}, "network: unknown key lanes; allowed are name, blocks, "),
        ({**VERSION_0_1, "lanes": 4}, ", source."),
        (["mine"], "network: must be a table; got ['mine']."),
        ({**VERSION_0_1, "strides": [1, "2", 2]}, "cifar-resnet8: strides must be a list,"),
    ],
)
def test_wrong_tables(table, message):
    with pytest.raises(NetworkError) as error:
        NetworkSpec.from_table(table)
    assert message in str(error.value)
