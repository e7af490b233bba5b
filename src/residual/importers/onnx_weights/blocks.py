"""Find the residual blocks of a graph, and name its layers after their place, as networks of the zoo do.

A block ends where two computed tensors are added. What both sums of the first block share is the stem; what no
addition follows is the head. A stage is a run of blocks at one resolution.
"""

import re
from collections import Counter
from collections.abc import Sequence

from residual.importers.onnx_weights.file import Node

_KINDS = {
    "Conv": "conv",
    "BatchNormalization": "norm",
    "Relu": "relu",
    "LeakyRelu": "relu",
    "Clip": "relu",
    "MaxPool": "pool",
    "AveragePool": "pool",
    "GlobalAveragePool": "pool",
    "ReduceMean": "pool",
    "Gemm": "dense",
    "MatMul": "dense",
    "Add": "add",
    "Mul": "scale",
    "Softmax": "softmax",
}
_ACTIVATIONS = ("Relu", "LeakyRelu", "Clip")


def name_layers(nodes: Sequence[Node], computed: set[str]) -> tuple[list[str], int]:
    """A layer name for each node, and how many residual blocks there are.

    Args:
        nodes: each after those that it reads.
        computed: the tensors that depend on the image.

    Returns:
        Names such as "stem_conv", "stage1_block2_conv1", "stage2_block1_shortcut_conv" and "head_dense", each once; in
        a graph without blocks the nodes' own.
    """
    graph = _Graph(nodes, computed)
    if not graph.joins:
        wanted = [
            re.sub(r"[^A-Za-z0-9_.-]", "_", node.name).strip("_.-") or node.op.lower() for node in nodes
        ]
    else:
        wanted = [graph.name_place(index) for index in range(len(nodes))]
    counts = Counter(wanted)
    seen: Counter[str] = Counter()
    names = []
    for name in wanted:
        seen[name] += 1
        names.append(f"{name}{seen[name]}" if counts[name] > 1 else name)
    return names, len(graph.joins)


class _Graph:
    """Nodes with their makers, the additions that end blocks, and the place of each node."""

    def __init__(self, nodes: Sequence[Node], computed: set[str]):
        self.nodes = nodes
        self.makers = {name: index for index, node in enumerate(nodes) for name in node.outputs}
        self.reads = [
            [self.makers[name] for name in node.inputs if name in computed and name in self.makers]
            for node in nodes
        ]
        self.joins = [
            index
            for index, node in enumerate(nodes)
            if node.op == "Add" and len(node.inputs) == 2 and set(node.inputs) <= computed
        ]
        self.ends = self._find_ends()
        self.stages = self._number_stages()
        self.shared, self.shortcuts = self._find_branches()

    def _find_ends(self) -> list[int | None]:
        """The addition that ends the block of each node; None in the head."""
        ends: list[int | None] = [None] * len(self.nodes)
        joins = set(self.joins)
        for index in reversed(range(len(self.nodes))):
            reached = index if index in joins else ends[index]
            for read in self.reads[index]:
                if reached is not None and (ends[read] is None or reached < ends[read]):
                    ends[read] = reached
        for index in range(len(self.nodes)):
            if index in joins:
                ends[index] = index
            elif self._is_out(index):
                ends[index] = self.reads[index][0]
        return ends

    def _is_out(self, index: int) -> bool:
        """Whether a node is the activation that follows an addition."""
        reads = self.reads[index]
        return self.nodes[index].op in _ACTIVATIONS and len(reads) == 1 and reads[0] in self.joins

    def _number_stages(self) -> dict[int, tuple[int, int]]:
        """Addition -> (stage, block), both from 1: another resolution begins another stage."""
        scales = []
        for node, reads in zip(self.nodes, self.reads, strict=True):
            strides = (
                node.attributes.get("strides", [1]) if node.op in ("Conv", "MaxPool", "AveragePool") else [1]
            )
            scales.append(max((scales[read] for read in reads), default=1) * int(strides[0]))
        places: dict[int, tuple[int, int]] = {}
        stage, block, before = 0, 0, None
        for join in self.joins:
            stage, block = (stage, block + 1) if scales[join] == before else (stage + 1, 1)
            places[join], before = (stage, block), scales[join]
        return places

    def _find_branches(self) -> tuple[set[int], set[int]]:
        """The nodes before the first block, and those on shortcuts: the branch with fewer convolutions."""
        shared: set[int] = set()
        shortcuts: set[int] = set()
        for join in self.joins:
            branches = [self._find_branch(read, join) for read in self.reads[join]]
            both = branches[0] & branches[1] if len(branches) == 2 else set()
            shared |= both if join == self.joins[0] else set()
            own = [branch - both for branch in branches]
            own.sort(key=lambda branch: sum(self.nodes[index].op == "Conv" for index in branch))
            shortcuts |= own[0] if len(own) == 2 else set()
        return shared, shortcuts

    def _find_branch(self, start: int, join: int) -> set[int]:
        """The nodes of a block that lead to one input of its addition."""
        found, waiting = set(), [start]
        while waiting:
            index = waiting.pop()
            if index in found or self.ends[index] != join:
                continue
            found.add(index)
            waiting += self.reads[index]
        return found

    def name_place(self, index: int) -> str:
        """The name of the layer that a node becomes."""
        kind = _KINDS.get(self.nodes[index].op, self.nodes[index].op.lower())
        end = self.ends[index]
        if end is None:
            return f"head_{kind}"
        if index in self.shared:
            return f"stem_{kind}"
        stage, block = self.stages[end]
        part = "out" if self._is_out(index) else f"shortcut_{kind}" if index in self.shortcuts else kind
        return f"stage{stage}_block{block}_{part}"
