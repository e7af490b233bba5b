"""The names of a network's layers: how a block names its own, and what a name says about the place of a layer."""

import re
from dataclasses import dataclass

from residual.models.spec import NetworkSpec

_LETTERS = "abcdefghijklmnopqrstuvwxyz"

_STAGE = re.compile(r"(?:stage(\d+)_)|(?:(?:res|bn)(\d)[a-z]_?)|(?:conv([2-5])_block)")
_BLOCK = re.compile(r"(stage\d+_block\d+|conv[2-5]_block\d+)_|(?:res|bn)(\d[a-z])_")
_HEAD = re.compile(r"head_|avg_pool|fc\d+$|predictions$|post_(bn|relu)")


@dataclass(frozen=True)
class Names:
    """The layer names of one block, made from its own name, e.g. "stage1_block2". None leaves them to Keras."""

    block: str | None = None

    def _name(self, part: str) -> str | None:
        return self.block and f"{self.block}_{part}"

    def conv(self, i: int):
        return self._name(f"conv{i}")

    def norm(self, i: int):
        return self._name(f"norm{i}")

    def relu(self, i: int):
        return self._name(f"relu{i}")

    def shortcut(self, part: str):
        return self._name(f"shortcut_{part}")

    def squeeze(self, part: str):
        return self._name(f"squeeze_{part}")

    def add(self):
        return self._name("add")

    def out(self):
        return self._name("out")


class CourseNames(Names):
    """The course's layer names, e.g. res2a_branch2a and bn2a_branch2a for block "2a"."""

    def _branch(self, prefix: str, branch: str, suffix: str = "") -> str:
        return f"{prefix}{self.block}_branch{branch}{suffix}"

    def conv(self, i: int):
        return self._branch("res", f"2{_LETTERS[i - 1]}")

    def norm(self, i: int):
        return self._branch("bn", f"2{_LETTERS[i - 1]}")

    def relu(self, i: int):
        return self._branch("res", f"2{_LETTERS[i - 1]}", "_relu")

    def shortcut(self, part: str):
        branches = {"conv": ("res", ""), "norm": ("bn", "")}
        prefix, suffix = branches.get(part, ("res", f"_{part}"))
        return self._branch(prefix, "1", suffix)

    def squeeze(self, part: str):
        return f"res{self.block}_squeeze_{part}"

    def add(self):
        return f"res{self.block}_add"

    def out(self):
        return f"res{self.block}_relu"


def block_names(spec: NetworkSpec, stage: int, block: int) -> Names:
    """The layer names of a block; `stage` and `block` count from 0."""
    if spec.names == "course":
        return CourseNames(f"{stage + 2}{_LETTERS[block]}")
    return Names(f"stage{stage + 1}_block{block + 1}")


def find_group(layer_name: str) -> str:
    """The part of the network that a layer belongs to: "stem", "stage1", ..., "head".

    The course counts its stem as stage 1, so its blocks stand in stage2 to stage5. keras.applications' names are
    understood too.
    """
    match = _STAGE.match(layer_name)
    if match:
        return f"stage{next(group for group in match.groups() if group)}"
    return "head" if _HEAD.match(layer_name) else "stem"


def find_block(layer_name: str) -> str:
    """The block that a layer belongs to, e.g. "stage1_block2" or "2b"; "" outside blocks."""
    match = _BLOCK.match(layer_name)
    return next(part for part in match.groups() if part) if match else ""
