"""The stages of a network: how many, how many blocks in each, with which filters and stride."""

from residual.checker.difference import Difference
from residual.checker.rules.filters import FilterRule
from residual.checker.rules.rule import Found, Rule
from residual.checker.rules.strides import StrideRule
from residual.checker.stages import NetworkPair, StagePair, common_filters, common_stride
from residual.checker.steps import count_noun


class StageCount(Rule):
    id = "stage-count"
    example = "a stage forgotten"
    message = "the network has {got}, not {expected}."
    fix = "each stage starts with a convolutional block."
    changes_shape = True

    def find_in_network(self, pair: NetworkPair) -> Found:
        there, here = pair.stages
        if pair.counts_compare and len(there) != len(here) and len(pair.ref.blocks) != len(pair.got.blocks):
            yield self.at("network", f"{len(there)} stages", count_noun(len(here), "stage"))


class BlockCount(Rule):
    id = "block-count"
    example = "an identity block forgotten"
    message = "{place} has {got}, not {expected}."
    fix = "call the identity block once more or once less there."
    changes_shape = True

    def find_in_network(self, pair: NetworkPair) -> Found:
        there, here = pair.stages
        if not pair.counts_compare or len(there) != len(here) or len(pair.ref.blocks) == len(pair.got.blocks):
            return
        for number, (ref, got) in enumerate(zip(there, here, strict=True), pair.first_stage):
            if len(ref) != len(got):
                expected, found = count_noun(len(ref), "block"), count_noun(len(got), "block")
                yield self.at(f"stage {number}", expected, found)


class StageFilters(Rule):
    id = "stage-filters"
    example = "[64, 64, 256] again in stage 3"
    message = "{place} has other filters."
    fix = "give it filters {expected}."
    changes_shape = True

    def find_in_stage(self, pair: StagePair) -> Found:
        there, here = common_filters(pair.ref), common_filters(pair.got)
        if here is not None and there != here:
            yield self.at(pair.stage_name, str(there), str(here), pair.got.convs[0], block=pair.block_name)

    def explains(self, mine: Difference, other: Difference) -> bool:
        return mine.block == other.block and isinstance(other.rule, FilterRule)


class StageStride(Rule):
    id = "stage-stride"
    example = "s=2 in stage 2"
    message = "{place} has another stride."
    fix = "give it s={expected}."
    changes_shape = True

    def find_in_stage(self, pair: StagePair) -> Found:
        there, here = common_stride(pair.ref), common_stride(pair.got)
        if here is not None and there != here and not pair.lacks_projection:
            yield self.at(pair.stage_name, str(there), str(here), pair.got.convs[0], block=pair.block_name)

    def explains(self, mine: Difference, other: Difference) -> bool:
        return mine.block == other.block and isinstance(other.rule, StrideRule)
