"""Which layer of a network each torch tensor belongs to, and how its numbers are laid out there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from residual.importers.tensor_files import Tensor
from residual.importers.torch_weights.shapes import block_prefix
from residual.models.layer_names import block_names
from residual.models.spec import NetworkSpec

# Name of a tensor within its layer -> name of the weight in Keras, for each kind of layer.
ROLES = {
    "conv": {"weight": "kernel", "bias": "bias"},
    "norm": {
        "weight": "gamma",
        "bias": "beta",
        "running_mean": "moving_mean",
        "running_var": "moving_variance",
    },
}
STANDARDIZED_EPSILON = 1e-8  # of BiT's standardized convolutions
COUNTER = "num_batches_tracked"  # of torch's batch norm; nothing is computed with it


@dataclass(frozen=True)
class Place:
    """A layer with arrays.

    Attributes:
        theirs: what the names of its tensors begin with, such as "layer1.0.conv1".
        ours: the name of the layer in the network.
        kind: a key of `ROLES`.
    """

    theirs: str
    ours: str
    kind: str


@dataclass(frozen=True, eq=False)
class TorchArray:
    """A tensor as `assign_arrays` takes it: laid out as Keras lays it out.

    Attributes:
        name: of the tensor.
        owner: of the layer in the file.
        role: of the weight in Keras.
        tensor: with its numbers.
        flat: whether the layer takes vectors (a Dense layer).
        is_standardized: whether the network standardizes the kernel whenever it is used: it is done here, once.
    """

    name: str
    owner: str
    role: str
    tensor: Tensor
    flat: bool = False
    is_standardized: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return lay_out_shape(self.tensor.shape, self.flat)

    def read(self) -> np.ndarray:
        """The numbers, with the outputs of a kernel last."""
        numbers = self.tensor.read()
        if self.is_standardized:
            numbers = standardize(numbers)
        if numbers.ndim == 4 and not self.flat:
            return numbers.transpose(2, 3, 1, 0)
        return numbers.reshape(self.tensor.shape[:2]).T if self.role == "kernel" else numbers


def lay_out_shape(shape: Sequence[int], flat: bool) -> tuple[int, ...]:
    """A shape of torch as Keras has it: (outputs, inputs, height, width) becomes (height, width, inputs, outputs)."""
    if len(shape) == 4 and not flat:
        return (*shape[2:], shape[1], shape[0])
    return (shape[1], shape[0]) if flat and len(shape) in (2, 4) else tuple(shape)


def standardize(kernel: np.ndarray) -> np.ndarray:
    """A kernel (outputs, ...) with mean 0 and variance 1 for each output, as BiT's convolutions compute with it."""
    axes = tuple(range(1, kernel.ndim))
    wide = kernel.astype(np.float64)
    centred = wide - wide.mean(axes, keepdims=True)
    variance = np.square(centred).mean(axes, keepdims=True)
    return (centred / np.sqrt(variance + STANDARDIZED_EPSILON)).astype(np.float32)


def list_places(spec: NetworkSpec) -> list[Place]:
    """The layers with arrays of a network, in the order of the network."""
    is_v2 = spec.preactivation
    places = [*_list_stem(spec, is_v2)]
    inputs = spec.stem_width
    for stage, count in enumerate(spec.blocks):
        for block in range(count):
            projects = block == 0 and inputs != spec.outputs[stage]
            places += _list_block(spec, is_v2, stage, block, projects)
        inputs = spec.outputs[stage]
    if is_v2:
        places.append(Place("norm", "head_norm", "norm"))
    return [*places, Place("head.fc" if is_v2 else "fc", "head_dense", "conv")]


def _list_stem(spec: NetworkSpec, is_v2: bool) -> Iterator[Place]:
    if spec.stem == "imagenet":
        yield Place("stem.conv" if is_v2 else "conv1", "stem_conv", "conv")
    else:
        numbered = (1, 2, 3) if is_v2 else (0, 3, 6)
        for i, number in enumerate(numbered, 1):
            yield Place(f"stem.conv{number}" if is_v2 else f"conv1.{number}", f"stem_conv{i}", "conv")
            if i < 3:
                norm = f"stem.norm{number}" if is_v2 else f"conv1.{number + 1}"
                yield Place(norm, f"stem_norm{i}", "norm")
    if not is_v2:
        yield Place("bn1", "stem_norm", "norm")
    if spec.stem_pool == "conv":
        yield Place("maxpool.0", "stem_pool_conv", "conv")
        yield Place("maxpool.1", "stem_pool_norm", "norm")


def _list_block(spec: NetworkSpec, is_v2: bool, stage: int, block: int, projects: bool) -> Iterator[Place]:
    prefix, names = block_prefix(is_v2, stage, block), block_names(spec, stage, block)
    norm = "norm" if is_v2 else "bn"
    for i in range(1, 4 if spec.block == "bottleneck" else 3):
        yield Place(f"{prefix}conv{i}", names.conv(i), "conv")
        yield Place(f"{prefix}{norm}{i}", names.norm(i), "norm")
    if spec.squeeze:
        yield Place(f"{prefix}se.fc1", names.squeeze("conv1"), "conv")
        yield Place(f"{prefix}se.fc2", names.squeeze("conv2"), "conv")
    if not projects:
        return
    if is_v2:
        yield Place(f"{prefix}downsample.conv", names.shortcut("conv"), "conv")
        return
    first = 1 if spec.shortcut == "pooled-projection" else 0
    yield Place(f"{prefix}downsample.{first}", names.shortcut("conv"), "conv")
    yield Place(f"{prefix}downsample.{first + 1}", names.shortcut("norm"), "norm")
