"""Which layer of a network each torch tensor belongs to, and how its numbers are laid out there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from residual.importers.tensor_files import Tensor
from residual.importers.torch_weights.shapes import block_prefix
from residual.models.blocks import count_squeezed
from residual.models.layer_names import block_names
from residual.models.spec import NetworkSpec

# Name of a tensor within its layer -> name of the weight in Keras.
KERNEL = {"weight": "kernel"}
KERNEL_AND_BIAS = {"weight": "kernel", "bias": "bias"}
NORM = {"weight": "gamma", "bias": "beta"}
BATCH_NORM = {**NORM, "running_mean": "moving_mean", "running_var": "moving_variance"}
STANDARDIZED_EPSILON = 1e-8  # of BiT's standardized convolutions
COUNTER = "num_batches_tracked"  # of torch's batch norm; nothing is computed with it


@dataclass(frozen=True)
class Place:
    """A layer with arrays.

    Attributes:
        theirs: what the names of its tensors begin with, such as "layer1.0.conv1".
        ours: the name of the layer in the network.
        roles: name of a tensor -> name of the weight in Keras.
        shape: of its tensor "weight", as torch has it; the others are vectors of the first of these sizes.
    """

    theirs: str
    ours: str
    roles: Mapping[str, str]
    shape: tuple[int, ...]

    def find_shape(self, suffix: str) -> tuple[int, ...]:
        """The shape of one of its tensors, such as "bias"."""
        return self.shape if suffix == "weight" else self.shape[:1]


@dataclass(frozen=True, eq=False)
class TorchArray:
    """A tensor as `assign_arrays` takes it: laid out as Keras lays it out.

    Attributes:
        name: of the tensor.
        owner: of the layer in the file.
        role: of the weight in Keras.
        tensor: with its numbers.
        flat: whether it is the kernel of a Dense layer, also if it has the shape of a 1x1 convolution.
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
        shape = self.tensor.shape
        if self.flat:
            return (shape[1], shape[0])
        return (*shape[2:], shape[1], shape[0]) if len(shape) == 4 else shape

    def read(self) -> np.ndarray:
        """The numbers, with the outputs of a kernel last."""
        numbers = self.tensor.read()
        if self.is_standardized:
            numbers = standardize(numbers)
        if self.flat:
            return numbers.reshape(self.tensor.shape[:2]).T
        return numbers.transpose(2, 3, 1, 0) if numbers.ndim == 4 else numbers


def standardize(kernel: np.ndarray) -> np.ndarray:
    """A kernel (outputs, ...) with mean 0 and variance 1 for each output, as BiT's convolutions compute with it."""
    axes = tuple(range(1, kernel.ndim))
    wide = kernel.astype(np.float64)
    centred = wide - wide.mean(axes, keepdims=True)
    variance = np.square(centred).mean(axes, keepdims=True)
    return (centred / np.sqrt(variance + STANDARDIZED_EPSILON)).astype(np.float32)


def list_places(spec: NetworkSpec, classes: int) -> list[Place]:
    """The layers with arrays of a network, in the order of the network.

    Args:
        spec: the network.
        classes: its outputs.
    """
    is_v2 = spec.preactivation
    places, inputs = [*_list_stem(spec, is_v2)], spec.stem_width
    for stage, count in enumerate(spec.blocks):
        for block in range(count):
            places += _list_block(spec, is_v2, stage, block, inputs)
            inputs = spec.outputs[stage]
    if is_v2:
        places.append(_norm(spec, "norm", "head_norm", inputs))
    # timm's classifier of v2 networks is a 1x1 convolution.
    shape = (classes, inputs, 1, 1) if is_v2 else (classes, inputs)
    return [*places, Place("head.fc" if is_v2 else "fc", "head_dense", KERNEL_AND_BIAS, shape)]


def _norm(spec: NetworkSpec, theirs: str, ours: str | None, channels: int) -> Place:
    return Place(theirs, str(ours), BATCH_NORM if spec.norm == "batch" else NORM, (channels,))


def _conv(theirs: str, ours: str | None, inputs: int, outputs: int, side: int, groups: int = 1) -> Place:
    return Place(theirs, str(ours), KERNEL, (outputs, inputs // groups, side, side))


def _list_stem(spec: NetworkSpec, is_v2: bool) -> Iterator[Place]:
    if spec.stem == "imagenet":
        yield _conv("stem.conv" if is_v2 else "conv1", "stem_conv", 3, spec.stem_width, 7)
    else:
        inputs = 3
        for i, width in enumerate(spec.deep_stem_widths, 1):
            conv, norm = (
                (f"stem.conv{i}", f"stem.norm{i}") if is_v2 else (f"conv1.{3 * i - 3}", f"conv1.{3 * i - 2}")
            )
            yield _conv(conv, f"stem_conv{i}", inputs, width, 3)
            if i < 3:
                yield _norm(spec, norm, f"stem_norm{i}", width)
            inputs = width
    if not is_v2:
        yield _norm(spec, "bn1", "stem_norm", spec.stem_width)
    if spec.stem_pool == "conv":
        yield _conv("maxpool.0", "stem_pool_conv", spec.stem_width, spec.stem_width, 3)
        yield _norm(spec, "maxpool.1", "stem_pool_norm", spec.stem_width)


def _list_block(spec: NetworkSpec, is_v2: bool, stage: int, block: int, inputs: int) -> Iterator[Place]:
    prefix, names = block_prefix(is_v2, stage, block), block_names(spec, stage, block)
    width, output = spec.widths[stage], spec.outputs[stage]
    if spec.block == "bottleneck":
        convs = [(inputs, width, 1, 1), (width, width, 3, spec.groups), (width, output, 1, 1)]
    else:
        convs = [(inputs, width, 3, 1), (width, output, 3, 1)]
    for i, (read, made, side, groups) in enumerate(convs, 1):
        yield _conv(f"{prefix}conv{i}", names.conv(i), read, made, side, groups)
        norm = f"{prefix}norm{i}" if is_v2 else f"{prefix}bn{i}"
        yield _norm(spec, norm, names.norm(i), read if is_v2 else made)
    if spec.squeeze:
        inner = count_squeezed(output, spec.squeeze)
        for i, (read, made) in enumerate(((output, inner), (inner, output)), 1):
            theirs, ours = f"{prefix}se.fc{i}", str(names.squeeze(f"conv{i}"))
            yield Place(theirs, ours, KERNEL_AND_BIAS, (made, read, 1, 1))
    if inputs == output:
        return
    first = 1 if spec.shortcut == "pooled-projection" else 0
    conv = f"{prefix}downsample.conv" if is_v2 else f"{prefix}downsample.{first}"
    yield _conv(conv, names.shortcut("conv"), inputs, output, 1)
    if not is_v2:
        yield _norm(spec, f"{prefix}downsample.{first + 1}", names.shortcut("norm"), output)
