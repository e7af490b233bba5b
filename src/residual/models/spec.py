"""What a residual network is, as one frozen value."""

from dataclasses import dataclass
from typing import Literal, get_args, get_origin, get_type_hints

from residual.errors import NetworkError

Shortcut = Literal["zero-pad", "projection", "projection-all", "pooled-projection", "none"]
SHORTCUTS: dict[str, str] = {
    "zero-pad": "identity; where the shape changes, subsample and pad channels with zeros (option A)",
    "projection": "identity; where the channels change, a 1x1 convolution (option B)",
    "projection-all": "a 1x1 convolution around every block (option C)",
    "pooled-projection": "as projection, with average pooling in place of the stride (ResNet-D)",
    "none": "no shortcut: the plain twin of the network",
}


@dataclass(frozen=True)
class NetworkSpec:
    """A residual network: stem, stages of blocks, head.

    Only what makes one published network differ from another is a field. Sizes are channels; a stage
    is a run of blocks at one resolution.

    Attributes:
        name: what the network is called, e.g. "resnet50".
        blocks: blocks in each stage, e.g. (3, 4, 6, 3).
        widths: filters of the inner convolutions of each stage, e.g. (64, 128, 256, 512).
        outputs: channels that each stage hands on; empty means `widths` (basic) or 4x (bottleneck).
        strides: stride of each stage, applied in the block that `stride_block` names; empty means
            1 for the first stage and 2 for the others.
        block: "basic" (two 3x3) or "bottleneck" (1x1, 3x3, 1x1).
        preactivation: v2 order, norm-relu-conv, with nothing after the addition (arXiv:1603.05027).
        stem: "imagenet" (7x7/2, pool), "course" (the same, unpadded pool), "deep" (three 3x3, pool;
            arXiv:1812.01187) or "cifar" (one 3x3).
        stem_width: channels of the stem.
        stem_end: what follows the stem's convolution: "norm-relu", "norm" or "none".
        shortcut: a key of `SHORTCUTS`.
        shortcut_norm: whether a projection is followed by a norm (v1 order only).
        project_from: v2 order only: a projection reads the "activated" input (as the paper) or the "raw".
        stride_on: in a bottleneck, the convolution that strides: "1x1" (v1) or "3x3" (v1.5).
        stride_block: "first" or "last" block of a stage strides.
        bias: which convolutions have biases: "none", "all", or "unnormalised" (those that no norm follows).
        padding: of strided 3x3 convolutions: "symmetric" (Caffe, torch) or "same" (TensorFlow).
        epsilon: added to the variance in every batch norm.
        initializer: of the convolution kernels, by Keras name.
        l2: weight decay as a loss on the convolution kernels (0 leaves it to the recipe).
        names: layer names: "residual" (stage1_block1_conv1) or "course" (res2a_branch2a).
        source: where the network comes from.
    """

    name: str
    blocks: tuple[int, ...]
    widths: tuple[int, ...]
    outputs: tuple[int, ...] = ()
    strides: tuple[int, ...] = ()
    block: Literal["basic", "bottleneck"] = "basic"
    preactivation: bool = False
    stem: Literal["imagenet", "course", "deep", "cifar"] = "imagenet"
    stem_width: int = 64
    stem_end: Literal["norm-relu", "norm", "none"] = "norm-relu"
    shortcut: Shortcut = "projection"
    shortcut_norm: bool = True
    project_from: Literal["activated", "raw"] = "activated"
    stride_on: Literal["1x1", "3x3"] = "3x3"
    stride_block: Literal["first", "last"] = "first"
    bias: Literal["none", "all", "unnormalised"] = "none"
    padding: Literal["symmetric", "same"] = "symmetric"
    epsilon: float = 1e-5
    initializer: str = "he_normal"
    l2: float = 0.0
    names: Literal["residual", "course"] = "residual"
    source: str = ""

    def __post_init__(self):
        expansion = 4 if self.block == "bottleneck" else 1
        if not self.outputs:
            object.__setattr__(self, "outputs", tuple(expansion * width for width in self.widths))
        if not self.strides:
            object.__setattr__(self, "strides", (1,) + (2,) * (len(self.blocks) - 1))
        lengths = {len(self.blocks), len(self.widths), len(self.outputs), len(self.strides)}
        if len(lengths) != 1 or 0 in lengths:
            raise NetworkError(
                f"{self.name}: blocks, widths, outputs and strides need one entry per stage, got "
                f"{len(self.blocks)}, {len(self.widths)}, {len(self.outputs)} and {len(self.strides)}."
            )
        if min(self.blocks + self.widths + self.outputs + self.strides) < 1:
            raise NetworkError(f"{self.name}: blocks, widths, outputs and strides must all be at least 1.")
        for field, allowed in get_type_hints(type(self)).items():
            if get_origin(allowed) is Literal and getattr(self, field) not in get_args(allowed):
                raise NetworkError(
                    f"{self.name}: {field} must be one of {', '.join(get_args(allowed))}; got {getattr(self, field)!r}."
                )

    @property
    def depth(self) -> int:
        """Convolutions and dense layers on the longest path, the number in a ResNet's name."""
        return sum(self.blocks) * (3 if self.block == "bottleneck" else 2) + 2

    @property
    def total_stride(self) -> int:
        """Input pixels per pixel of the last stage: also the smallest side that the network takes."""
        stride = 1 if self.stem == "cifar" else 4
        for stage in self.strides:
            stride *= stage
        return stride
