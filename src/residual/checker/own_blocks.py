"""The blocks of a network that is like none of the reference's: what is wrong in them all the same."""

from residual.checker.apply_rules import find_block_differences
from residual.checker.difference import Difference
from residual.checker.layout import Layout
from residual.checker.network_reference import CLASSES, build_reference
from residual.checker.rules.addition import AddedToItself, MainPathUnused
from residual.checker.rules.norm_order import NormAfterRelu
from residual.checker.rules.rule import Rule
from residual.checker.rules.wrong_tensor import (
    MainPathFromShortcut,
    ShortcutFromMainPath,
    ShortcutKeptAsMainPath,
)
from residual.checker.stages import StagePair, split_stages

# What is wrong in a block, however large it is and wherever it stands.
_WRONG_ANYWHERE = (
    *(AddedToItself, MainPathUnused, NormAfterRelu),
    *(MainPathFromShortcut, ShortcutFromMainPath, ShortcutKeptAsMainPath),
)
_NETWORK_OF = {2: "ResNet18", 3: "ResNet50"}  # by the convolutions of its blocks


def find_in_own_blocks(layout: Layout) -> list[Difference]:
    """The mistakes in a network's blocks that no design explains, each once."""
    found: dict[Rule, Difference] = {}
    for stage, blocks in enumerate(split_stages(layout.blocks), 1):
        for number, block in enumerate(blocks, 1):
            if len(block.convs) not in _NETWORK_OF:
                continue
            network = _NETWORK_OF[len(block.convs)]
            _, reference = build_reference(network, None, (64, 64, 3), CLASSES, "norm-relu")
            ref = next(one for one in reference.blocks if one.projects == block.projects)
            pair = StagePair(ref, block, stage, number)
            for one in find_block_differences(pair):
                found.setdefault(one.rule, one.in_block(pair.block_name))
    return [one for one in found.values() if isinstance(one.rule, _WRONG_ANYWHERE)]
