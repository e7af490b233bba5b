"""Images that grow over the epochs: which side they have when, and a network that takes each of them."""

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from residual.augment.resize import find_scaled_size
from residual.errors import RecipeError, ResidualWarning
from residual.training.batches import Batches
from residual.training.recipe import Recipe


def list_starts(recipe: Recipe, whole: int) -> list[tuple[int, int | None]]:
    """When images of another side begin: (first epoch, side in pixels), None for the whole image.

    Args:
        recipe: how to train.
        whole: the shorter side of the images, in pixels.

    Raises:
        RecipeError: if the recipe names a larger side.
    """
    if too_large := [side for _, side in recipe.sizes if side > whole]:
        raise RecipeError(
            f"sizes of recipe {recipe.name} must be at most {whole} pixels, the side of the images; got "
            f"{too_large[0]}. Set `image_size` to larger images, or `sizes` to smaller ones."
        )
    # Of those that begin together the last one counts; it has one epoch, however few there are.
    starts: dict[int, int | None] = {}
    for share, side in recipe.sizes:
        starts[min(round(share * recipe.epochs), recipe.epochs - 1)] = None if side == whole else side
    return list(starts.items()) or [(0, None)]


class Sides:
    """Changes the size of the training images, and the training step that was compiled for it.

    A step is compiled once for each size. The network itself stays the same: the layers of a convolutional network take
    images of any size.

    Args:
        model: the network, made for the whole images.
        recipe: how to train.
        batches: what it is trained on.

    Attributes:
        starts: as `list_starts` returns them.
        seconds: of a step, by side; empty until `forecast` has measured them.

    Raises:
        RecipeError: if a size is larger than the images, or the network does not take it.
    """

    def __init__(self, model: keras.Model, recipe: Recipe, batches: Batches):
        self._model: Any = model
        self._batches, self._recipe = batches, recipe
        self._size = batches.images.x.shape[1:3]
        self.starts = list_starts(recipe, min(self._size))
        self.seconds: dict[int | None, float] = {}
        self._functions: dict[int | None, Callable[..., Any] | None] = {}
        self._spec = None if self.list_all() == [None] else model.input_spec
        if self._spec is not None:
            _let_sizes_vary(model)
            self._check()
        if self.starts[-1][1] is not None:
            last, whole = self.starts[-1][1], min(self._size)
            warnings.warn(
                f"The images have {whole} pixels, and recipe {recipe.name} ends with {last}: the network is never "
                f"trained on whole images, on which it is judged. Give `image_size` {last}, or let `sizes` end with "
                f"{whole}.",
                ResidualWarning,
                stacklevel=2,
            )

    def _check(self) -> None:
        for side in self.list_all():
            if side is None:
                continue
            height, width = find_scaled_size(self._size, side)
            try:
                self._model(np.zeros((1, height, width, 3), np.float32), training=False)
            except Exception:  # whatever a layer raises for images that it does not take
                raise RecipeError(
                    f"sizes of the recipe cannot be used with {self._model.name}, which does not take images of "
                    f"{height}x{width} pixels. Choose larger `sizes`, none, or a network that ends in global average "
                    "pooling."
                ) from None

    def list_all(self) -> list[int | None]:
        """The sides that occur, each once, in the order of their epochs."""
        return list(dict.fromkeys(side for _, side in self.starts))

    def of_epoch(self, epoch: int) -> int | None:
        """The side of an epoch, counted from 0."""
        return next(side for start, side in reversed(self.starts) if start <= epoch)

    def list_seconds(self) -> list[float]:
        """Seconds of a step in each epoch; 1 while they are not known."""
        return _list_values(self.starts, self.seconds, self._recipe.epochs)

    def find_extra_seconds(self, epochs: int) -> float:
        """How much longer so many epochs of one step each take than as many average ones of the recipe."""
        own = self.list_seconds()
        starts = list_starts(self._recipe.in_epochs(epochs), min(self._size))
        return sum(_list_values(starts, self.seconds, epochs)) - epochs * sum(own) / len(own)

    def use(self, side: int | None) -> None:
        """Let the next `fit` have images of this side, and the step that was compiled for them, if there is one."""
        if side == self._batches.side:
            return
        self._functions[self._batches.side] = self._model.train_function
        self._model.train_function = self._functions.get(side)
        self._batches.side = side

    def restore(self) -> None:
        """Let the network take the whole images alone again."""
        if self._spec is not None:
            self._model.input_spec, self._batches.side = self._spec, None

    def forget(self) -> None:
        """Drop the compiled steps: the network was compiled anew."""
        self._functions.clear()


def _list_values(
    starts: list[tuple[int, int | None]], values: Mapping[int | None, float], epochs: int
) -> list[float]:
    """The value of the side that each epoch has; the largest for a side without one, and 1 if none is known."""
    largest = max(values.values(), default=1.0)
    ends = [*(start for start, _ in starts[1:]), epochs]
    return [
        values.get(side, largest)
        for (start, side), end in zip(starts, ends, strict=True)
        for _ in range(start, end)
    ]


def _let_sizes_vary(model: keras.Model) -> None:
    """Let a functional model be called on images of other sizes than it was made for; its file stays the same."""
    shape = model.inputs[0].shape
    model.input_spec = [keras.layers.InputSpec(shape=(None, None, None, shape[-1]))]
