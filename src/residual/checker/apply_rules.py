"""Run the rules of the table over two blocks or two networks, and keep what stands on its own."""

from collections.abc import Callable, Iterable, Sequence

from residual.checker.difference import Difference
from residual.checker.layout import list_convs, list_norms
from residual.checker.pairs import BlockPair, CallArguments, CaseResult
from residual.checker.rules import RULES
from residual.checker.rules.rule import Rule
from residual.checker.stages import NetworkPair
from residual.checker.steps import pick_steps


def apply_rules(function: Callable[..., Iterable[Difference]], *arguments) -> list[Difference]:
    """What all rules of the table find in one part of a block or network.

    Args:
        function: one of `Rule`, e.g. `Rule.find_in_tail`; each rule has its own.
        arguments: of that function.
    """
    name = function.__name__
    return [found for rule in RULES for found in getattr(rule, name)(*arguments)]


def find_block_differences(pair: BlockPair, arguments: CallArguments | None = None) -> list[Difference]:
    """All differences between two blocks: in the order of their layers, in their settings, in their arguments."""
    found = apply_rules(Rule.find_in_block, pair)
    for component in pair.components():
        found += apply_rules(Rule.find_in_component, component)
    found += apply_rules(Rule.find_in_components, pair)
    if pair.has_end:
        found += apply_rules(Rule.find_in_tail, pair)
    found += apply_rules(Rule.find_in_settings, pair)
    for role, conv in list_convs(pair.got):
        found += apply_rules(Rule.find_in_conv, role, conv)
    for role, norm in list_norms(pair.got):
        found += apply_rules(Rule.find_in_norm, role, norm)
    if arguments is not None:
        found += apply_rules(Rule.find_in_call, arguments)
    return drop_explained(found)


def find_network_differences(pair: NetworkPair) -> list[Difference]:
    """All differences between two networks, from the input to the output."""
    if pair.is_plain:
        return apply_rules(Rule.find_in_network, pair)
    found = apply_rules(Rule.find_in_stem, pair) if pair.got.blocks else []
    found += apply_rules(Rule.find_in_network, pair)
    found += _find_in_all_blocks(pair)
    norms = [("stem's batch norm", step) for step in pick_steps(pair.got.stem, "norm")]
    if pair.got.complete:
        found += apply_rules(Rule.find_in_head, pair)
        norms += [("last batch norm", step) for step in pick_steps(pair.got.head, "norm")]
    for role, norm in norms:
        found += apply_rules(Rule.find_in_norm, role, norm)
    for block in pair.got.blocks:
        norms += list_norms(block)
    return drop_explained(found + apply_rules(Rule.find_in_call, CallArguments(norms)))


def _find_in_all_blocks(pair: NetworkPair) -> list[Difference]:
    """The differences of all blocks; what a stage has in common, once."""
    unique: dict[tuple[Rule, str], Difference] = {}
    for blocks in pair.block_pairs():
        inside = [difference.in_block(blocks.block_name) for difference in find_block_differences(blocks)]
        for difference in drop_explained([*apply_rules(Rule.find_in_stage, blocks), *inside]):
            unique.setdefault((difference.rule, difference.place), difference)
    return list(unique.values())


def merge_cases(cases: Sequence[CaseResult]) -> list[Difference]:
    """The differences of several calls of a block, each once, as the rules that see all calls restate them."""
    merged: dict[tuple[Rule, str], Difference] = {}
    for number, case in enumerate(cases):
        settled = {place for rule, place in merged if rule.settles_place}
        for difference in case.differences:
            if (difference.rule, difference.place) in merged or difference.place in settled:
                continue
            difference = _restate(difference, cases, number)
            if difference.rule.settles_place:
                settled.add(difference.place)
            merged.setdefault((difference.rule, difference.place), difference)
    return drop_explained(list(merged.values()))


def _restate(difference: Difference, cases: Sequence[CaseResult], number: int) -> Difference:
    restated = (rule.restate(difference, cases, number) for rule in RULES)
    return next((other for other in restated if other is not None), difference)


def drop_explained(found: list[Difference]) -> list[Difference]:
    """`found` without the differences that follow from others."""
    return [one for one in found if not any(other.rule.explains(other, one) for other in found)]
