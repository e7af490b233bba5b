"""Where the windows of convolutions and poolings lie, in numbers, and which padding of Keras that is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import keras

from residual.errors import RunError
from residual.importers.onnx_weights.file import Node


@dataclass(frozen=True)
class Windows:
    """The windows of one operator.

    Attributes:
        sides: height and width of what it reads.
        kernel, strides, dilations: of the windows, two numbers each.
        before, after: what is added at the top and left, and at the bottom and right.
    """

    sides: tuple[int, int]
    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    before: tuple[int, int]
    after: tuple[int, int]

    @classmethod
    def read(cls, node: Node, sides: Sequence[int], kernel: Sequence[int]) -> Self:
        """The windows that a node's attributes describe.

        Raises:
            RunError: they contradict the kernel, or are not of two dimensions.
        """
        a = node.attributes
        given = tuple(a.get("kernel_shape", kernel))
        strides, dilations = tuple(a.get("strides", (1, 1))), tuple(a.get("dilations", (1, 1)))
        pads = tuple(a.get("pads", (0, 0, 0, 0)))
        if (
            given != tuple(kernel)
            or len(given) != 2
            or len(strides) != 2
            or len(dilations) != 2
            or len(pads) != 4
        ):
            raise RunError(
                f"its kernel_shape {list(given)}, strides {list(strides)} and pads {list(pads)} do not fit"
            )
        made = cls((sides[0], sides[1]), given, strides, dilations, pads[:2], pads[2:])
        word = a.get("auto_pad", "NOTSET")
        if word in ("SAME_UPPER", "SAME_LOWER"):
            made = made._fill(word == "SAME_LOWER")
        return made._round_up() if a.get("ceil_mode") else made

    def _fill(self, is_lower: bool) -> Self:
        """With what is added so that the result has the size divided by the stride."""
        totals = [self._measure_same(axis) for axis in (0, 1)]
        small, large = tuple(t // 2 for t in totals), tuple(t - t // 2 for t in totals)
        return replace(self, before=large if is_lower else small, after=small if is_lower else large)

    def _measure_same(self, axis: int) -> int:
        """What "same" of TensorFlow adds along an axis."""
        side, stride = self.sides[axis], self.strides[axis]
        return max((-(-side // stride) - 1) * stride + self._reach(axis) - side, 0)

    def _reach(self, axis: int) -> int:
        return (self.kernel[axis] - 1) * self.dilations[axis] + 1

    def _round_up(self) -> Self:
        """With as much after as the last window needs that begins within the image (ceil_mode)."""
        after = []
        for axis in (0, 1):
            whole = self.sides[axis] + self.before[axis] + self.after[axis]
            steps = -(-(whole - self._reach(axis)) // self.strides[axis])
            if steps * self.strides[axis] >= self.sides[axis] + self.before[axis]:
                steps -= 1
            after.append(self.after[axis] + max(steps * self.strides[axis] + self._reach(axis) - whole, 0))
        return replace(self, after=tuple(after))

    @property
    def is_plain(self) -> bool:
        """Whether nothing is added."""
        return not any(self.before + self.after)

    @property
    def is_same(self) -> bool:
        """Whether it adds what "same" of Keras adds."""
        totals = [self._measure_same(axis) for axis in (0, 1)]
        return self.before == tuple(t // 2 for t in totals) and self.after == tuple(
            t - t // 2 for t in totals
        )

    @property
    def covers_image(self) -> bool:
        """Whether there is one window, the whole image."""
        return self.is_plain and self.kernel == self.sides and self.dilations == (1, 1)

    def find_conv_padding(self) -> str:
        """ "valid", "same", or "explicit" if zeros must be added apart. A strided "same" depends on the size."""
        if self.is_plain:
            return "valid"
        return "same" if self.is_same and self.strides == (1, 1) else "explicit"

    def pad(self, x: Any, name: str) -> Any:
        """The images with zeros around them."""
        if min(self.before + self.after) < 0:
            raise RunError(f"it cuts images (pads {[*self.before, *self.after]})")
        rows, columns = zip(self.before, self.after, strict=True)
        return keras.layers.ZeroPadding2D((rows, columns), name=f"{name}_pad")(x)
