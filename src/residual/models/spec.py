"""What a residual network is, as one frozen value."""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, structs

from residual._checked import Checked, Count, Whole, read_table
from residual.errors import NetworkError, ResidualError

Shortcut = Literal["zero-pad", "projection", "projection-all", "pooled-projection", "none"]
SHORTCUTS: dict[str, str] = {
    "zero-pad": "identity; if the shape changes, subsample and pad channels with zeros (option A)",
    "projection": "identity; if the channels change, a 1x1 convolution (option B)",
    "projection-all": "a 1x1 convolution around every block (option C)",
    "pooled-projection": "as projection, with average pooling instead of the stride (ResNet-D)",
    "none": "no shortcut: the plain twin of the network",
}

PerStage = tuple[Count, ...]
NORM_GROUPS = 32  # of group norm
CONVOLUTIONS = {"basic": 2, "bottleneck": 3, "single": 1}  # of a block
WHITENED_WIDTH = 24  # channels of a whitened stem: 2 * 2 pixels of three colours, and their negatives
_LATER = (  # fields that came after the first runs
    "groups",
    "squeeze",
    "stem_pool",
    "norm",
    "entry",
    "start",
    "head_pool",
    "feature_scale",
)
_COURSE_LETTERS = 26  # the course names the blocks of a stage a to z


class NetworkSpec(Checked, frozen=True):
    """A residual network: stem, stages of blocks, head.

    Only what makes one published network differ from another is a field. Sizes are channels; a stage
    is a run of blocks at one resolution. `msgspec.structs.replace` makes a changed copy.

    Attributes:
        name: the network's name, e.g. "resnet50".
        blocks: blocks in each stage, e.g. (3, 4, 6, 3).
        widths: filters of the inner convolutions of each stage, e.g. (64, 128, 256, 512).
        outputs: output channels of each stage; empty means `widths` (basic) or 4x (bottleneck).
        strides: stride of each stage, applied in the block that `stride_block` names; empty means
            1 for the first stage and 2 for the others.
        block: "basic" (two 3x3), "bottleneck" (1x1, 3x3, 1x1) or "single" (one 3x3).
        entry: how a stage begins: with a "block" that strides, or "pooled": a 3x3 convolution, max pooling over as many
            pixels as the stride says, norm and ReLU. The blocks after it change no shape.
        start: of the 3x3 kernels: "random", or "identity": each passes on as many channels as it can, and only the
            rest is random (arXiv:2404.00498).
        groups: of the 3x3 convolution of a bottleneck (ResNeXt, arXiv:1611.05431).
        squeeze: squeeze-and-excitation at the end of every block: its inner channels are those of the block divided
            by this (arXiv:1709.01507); 0 for none.
        preactivation: v2 order, norm-relu-conv, with nothing after the addition (arXiv:1603.05027).
        stem: "imagenet" (7x7/2, pool), "course" (the same, unpadded pool), "deep" (three 3x3, pool;
            arXiv:1812.01187), "tiered" (the same, with 3/8 and 1/2 of the channels), "cifar" (one 3x3) or "whitened":
            a 2x2 convolution that is not trained, whose 24 filters make the patches of the training images
            uncorrelated (12 and their negatives), and ReLU; no norm.
        stem_width: channels of the stem.
        stem_pool: "max" (3x3/2 over a border of zeros), "max-inside" (the same, the border does not count) or
            "conv" (a 3x3/2 convolution, norm and ReLU).
        stem_end: what follows the stem's convolution: "norm-relu", "norm" or "none".
        shortcut: a key of `SHORTCUTS`.
        shortcut_norm: whether a norm follows a projection (v1 order only).
        project_from: v2 order only: a projection reads the "activated" input (as in the paper) or the "raw" one.
        stride_on: in a bottleneck, the convolution that strides: "1x1" (v1) or "3x3" (v1.5).
        stride_block: the block of a stage that strides: the "first" or the "last".
        bias: which convolutions have biases: "none", "all", or "unnormalised" (those that no norm follows).
        padding: of strided 3x3 convolutions: "symmetric" (Caffe, torch) or "same" (TensorFlow).
        norm: "batch", or "group" of 32 groups (arXiv:1803.08494).
        epsilon: added to the variance in every norm.
        initializer: of the convolution kernels, by Keras name.
        head_pool: what the head reads of each channel: its "mean" or its "max".
        feature_scale: the head's features are multiplied by it, which also slows its training down.
        l2: weight decay as a loss on the convolution kernels (0 leaves it to the recipe).
        names: layer names: "residual" (stage1_block1_conv1) or "course" (res2a_branch2a).
        source: where the network comes from.

    Raises:
        NetworkError: a field of another type or out of its range, or fields that contradict each other.
    """

    error: ClassVar[type[ResidualError]] = NetworkError

    name: Annotated[str, Meta(min_length=1)]
    blocks: PerStage
    widths: PerStage
    outputs: PerStage = ()
    strides: PerStage = ()
    block: Literal["basic", "bottleneck", "single"] = "basic"
    entry: Literal["block", "pooled"] = "block"
    start: Literal["random", "identity"] = "random"
    groups: Count = 1
    squeeze: Whole = 0
    preactivation: bool = False
    stem: Literal["imagenet", "course", "deep", "tiered", "cifar", "whitened"] = "imagenet"
    stem_width: Count = 64
    stem_pool: Literal["max", "max-inside", "conv"] = "max"
    stem_end: Literal["norm-relu", "norm", "none"] = "norm-relu"
    shortcut: Shortcut = "projection"
    shortcut_norm: bool = True
    project_from: Literal["activated", "raw"] = "activated"
    stride_on: Literal["1x1", "3x3"] = "3x3"
    stride_block: Literal["first", "last"] = "first"
    bias: Literal["none", "all", "unnormalised"] = "none"
    padding: Literal["symmetric", "same"] = "symmetric"
    norm: Literal["batch", "group"] = "batch"
    epsilon: Annotated[float, Meta(gt=0, le=1)] = 1e-5
    initializer: str = "he_normal"
    head_pool: Literal["mean", "max"] = "mean"
    feature_scale: Annotated[float, Meta(gt=0, le=1)] = 1.0
    l2: Annotated[float, Meta(ge=0, le=1)] = 0.0
    names: Literal["residual", "course"] = "residual"
    source: str = ""

    def __post_init__(self):
        super().__post_init__()
        expansion = 4 if self.block == "bottleneck" else 1
        if not self.outputs:
            structs.force_setattr(self, "outputs", tuple(expansion * width for width in self.widths))
        if not self.strides:
            structs.force_setattr(self, "strides", (1,) + (2,) * (len(self.blocks) - 1))
        self._check_stages()

    def describe_kind(self) -> str:
        return str(self.name) or "NetworkSpec"

    def _check_stages(self) -> None:
        counts = [len(field) for field in (self.blocks, self.widths, self.outputs, self.strides)]
        if len(set(counts)) != 1 or 0 in counts:
            raise NetworkError(
                f"{self.name}: blocks, widths, outputs and strides need one entry per stage, got "
                f"{counts[0]}, {counts[1]}, {counts[2]} and {counts[3]}."
            )
        if self.groups > 1 and (
            self.block != "bottleneck" or any(width % self.groups for width in self.widths)
        ):
            raise NetworkError(
                f"{self.name}: groups needs bottlenecks whose widths are multiples of it; got groups {self.groups}, "
                f"block {self.block} and widths {', '.join(map(str, self.widths))}."
            )
        self._check_norm()
        self._check_entry()
        if self.names == "course" and max(self.blocks) > _COURSE_LETTERS:
            raise NetworkError(
                f"{self.name}: the course's layer names have a letter for each block of a stage, so blocks may be at "
                f'most {_COURSE_LETTERS}; got {max(self.blocks)}. Use names="residual".'
            )

    def _check_norm(self) -> None:
        widths = {*self.widths, *self.outputs}
        if self.stem != "whitened":  # which no norm follows
            widths.add(self.stem_width)
        if self.stem in ("deep", "tiered"):
            widths |= {*self.deep_stem_widths}
        odd = sorted(width for width in widths if width % NORM_GROUPS)
        if self.norm == "group" and odd:
            raise NetworkError(
                f'{self.name}: norm "group" has {NORM_GROUPS} groups, so that all channels must be multiples of it; '
                f"got {', '.join(map(str, odd))}."
            )

    def _check_entry(self) -> None:
        if self.stem == "whitened" and self.stem_width != WHITENED_WIDTH:
            raise NetworkError(
                f"{self.name}: a whitened stem has {WHITENED_WIDTH} channels; got stem_width {self.stem_width}."
            )
        if self.entry == "pooled" and (self.preactivation or self.names == "course"):
            raise NetworkError(
                f'{self.name}: entry "pooled" needs blocks of v1 and names="residual"; got preactivation '
                f'{self.preactivation} and names="{self.names}".'
            )

    def to_table(self) -> dict[str, Any]:
        """The fields by name, as run.toml holds them; without those of `_LATER` that have their default."""
        usual = {field.name: field.default for field in structs.fields(self)}
        table = structs.asdict(self)
        return {key: value for key, value in table.items() if key not in _LATER or value != usual[key]}

    @classmethod
    def from_table(cls, table: dict[str, Any]) -> "NetworkSpec":
        """The spec of a table that `to_table` made, also after TOML or JSON have turned its tuples into lists.

        Raises:
            NetworkError: a field that is missing, unknown or out of its range.
        """
        return read_table(cls, table, "network")

    @property
    def deep_stem_widths(self) -> tuple[int, int, int]:
        """Channels of the three convolutions of a deep stem."""
        first = 3 * self.stem_width // 8 if self.stem == "tiered" else self.stem_width // 2
        return first, self.stem_width // 2, self.stem_width

    @property
    def depth(self) -> int:
        """Convolutions and dense layers on the longest path, the number in a ResNet's name."""
        entries = len(self.blocks) if self.entry == "pooled" else 0
        return sum(self.blocks) * CONVOLUTIONS[self.block] + entries + 2

    @property
    def total_stride(self) -> int:
        """Input pixels per pixel of the last stage."""
        stride = 1 if self.stem in ("cifar", "whitened") else 4
        for stage in self.strides:
            stride *= stage
        return stride

    @property
    def smallest_side(self) -> int:
        """Of the images that the network takes: a pixel is left at its end. A whitened stem takes one pixel away."""
        return self.total_stride + (self.stem == "whitened")
