"""A family of networks: one pattern of names, the depths that it has, and how a depth becomes a spec."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from residual.errors import NetworkError
from residual.models.spec import NetworkSpec


@dataclass(frozen=True)
class Family:
    """A row of the table `FAMILIES`.

    Attributes:
        pattern: the names, with `{d}` for the depth and `{k}` for the width, in the family's own measure.
        depths: every depth, or (step, offset) for depth = step * n + offset, n >= 1.
        examples: names to show.
        describe: depth (and k) -> NetworkSpec.
        about: one line on what the family is.
    """

    pattern: str
    depths: list[int] | tuple[int, int]
    examples: tuple[str, ...]
    describe: Callable[..., NetworkSpec]
    about: str

    @property
    def rule(self) -> str:
        """The depths in words: "18, 34, 50" or "6n+2"."""
        if isinstance(self.depths, tuple):
            return "{}n+{}".format(*self.depths)
        return ", ".join(map(str, self.depths))

    def parse_name(self, name: str) -> tuple[int, ...] | None:
        """The depth (and k) in a name, or None if it is not a name of this family."""
        pattern = re.escape(self.pattern).replace(r"\{d\}", r"(\d+)").replace(r"\{k\}", r"(\d+)")
        match = re.fullmatch(pattern, name)
        return tuple(map(int, match.groups())) if match else None

    def make_spec(self, depth: int, *k: int) -> NetworkSpec:
        """The network of this depth.

        Raises:
            NetworkError: the family does not have this depth (the message lists the nearest), or k is 0.
        """
        near = self.find_nearest_depths(depth)
        if depth not in near:
            name = self.pattern.format(d=depth, k=k[0] if k else "")
            ways = " or ".join(self.pattern.format(d=d, k=k[0] if k else "") for d in near)
            raise NetworkError(f"There is no {name}: depth must be {self.rule}, got {depth}. Try {ways}.")
        if k and k[0] < 1:
            shown = self.pattern.format(d=depth, k="K")
            raise NetworkError(f"K in {shown} must be at least 1, got {k[0]}. Try {self.examples[0]}.")
        return self.describe(depth, *k)

    def find_nearest_depths(self, depth: int) -> list[int]:
        """The depths of the family around `depth`: `depth` alone if it is one."""
        if isinstance(self.depths, list):
            return [depth] if depth in self.depths else sorted(self.depths, key=lambda d: abs(d - depth))[:2]
        step, offset = self.depths
        n = (depth - offset) // step
        below, above = step * max(n, 1) + offset, step * max(n + 1, 1) + offset
        return [depth] if below == depth else sorted({below, above})

    def list_names(self) -> list[str]:
        """Names of the family, for "did you mean": its examples, and all if its depths are listed."""
        listed = self.depths if isinstance(self.depths, list) and "{k}" not in self.pattern else []
        return list(dict.fromkeys([*self.examples, *(self.pattern.format(d=depth) for depth in listed)]))
