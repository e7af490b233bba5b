"""Two networks side by side: their stages, and the blocks that belong to each other."""

from collections.abc import Iterator
from dataclasses import dataclass

from residual.checker.layout import Block, Layout
from residual.checker.pairs import BlockPair
from residual.checker.steps import pick_steps


@dataclass(frozen=True)
class StagePair(BlockPair):
    """Two blocks at the same place of a network.

    Attributes:
        stage: number of the stage.
        number: of the block in its stage, from 1.
    """

    stage: int
    number: int

    @property
    def stage_name(self) -> str:
        return f"stage {self.stage}"

    @property
    def block_name(self) -> str:
        return f"stage {self.stage}, block {self.number}"

    @property
    def lacks_projection(self) -> bool:
        """Whether the learner has an identity block at the place of a convolutional one."""
        return self.has_shortcut and self.ref.projects and not self.got.projects


@dataclass(frozen=True)
class NetworkPair:
    """The reference's network and the learner's.

    Attributes:
        ref: the reference's layout.
        got: the learner's.
        first_stage: number of the first stage: 2 in the course's ResNet-50, 1 in the CIFAR networks.
        relu_in_stem: whether the text that the learner follows has a ReLU in the stem.
    """

    ref: Layout
    got: Layout
    first_stage: int = 1
    relu_in_stem: bool = True

    @property
    def is_plain(self) -> bool:
        """Whether the learner's network has no residual block at all."""
        return self.got.complete and not self.got.blocks

    @property
    def counts_compare(self) -> bool:
        """Whether the numbers of blocks say something: the network was built to its end."""
        return self.got.complete and bool(self.got.blocks)

    @property
    def stages(self) -> tuple[list[list[Block]], list[list[Block]]]:
        return split_stages(self.ref.blocks), split_stages(self.got.blocks)

    def block_pairs(self) -> Iterator[StagePair]:
        """Blocks that belong to each other; if their numbers differ, those at the same place of each stage."""
        there, here = self.stages
        if self.counts_compare and len(self.ref.blocks) != len(self.got.blocks):
            for n, (stage, other) in enumerate(zip(there, here, strict=False)):
                for i, (ref, got) in enumerate(zip(stage, other, strict=False), 1):
                    yield StagePair(ref, got, self.first_stage + n, i)
            return
        places = [(n, i) for n, stage in enumerate(there) for i in range(1, len(stage) + 1)]
        for (n, i), ref, got in zip(places, self.ref.blocks, self.got.blocks, strict=False):
            yield StagePair(ref, got, self.first_stage + n, i)


def split_stages(blocks: list[Block]) -> list[list[Block]]:
    """Blocks by stage: a stage starts at the first block and at each that projects its shortcut."""
    stages: list[list[Block]] = []
    for block in blocks:
        if block.projects or not stages:
            stages.append([])
        stages[-1].append(block)
    return stages


def common_filters(block: Block) -> list[int] | None:
    """The filters of a block whose two paths agree; None if they do not."""
    filters = [conv.values["filters"] for conv in block.convs]
    ends = [conv.values["filters"] for conv in pick_steps(block.shortcut, "conv")]
    return filters if filters and all(end == filters[-1] for end in ends) else None


def common_stride(block: Block) -> int | None:
    """The stride of a block that has it on its first convolution and its shortcut alike; else None."""
    strides = [conv.values["stride"][0] for conv in block.convs]
    ends = [conv.values["stride"][0] for conv in pick_steps(block.shortcut, "conv")]
    agree = strides and all(stride == 1 for stride in strides[1:]) and all(end == strides[0] for end in ends)
    return strides[0] if agree else None
