"""The phases of a training: in each, the recipe says which parts are frozen and how large the images are."""

from collections.abc import Callable

import keras

from residual.training.batches import Batches
from residual.training.depth import freeze_parts, list_phases
from residual.training.recipe import Recipe
from residual.training.sides import Sides


def is_plain(recipe: Recipe) -> bool:
    """Whether a recipe trains the whole network all the time."""
    return recipe.freeze == "none" and not recipe.unfreeze and recipe.statistics == "batch"


class Phases:
    """Freezes and compiles a network for the phase that an epoch belongs to, and sets the size of its images.

    A phase in which other parts are frozen has an optimizer of its own, because Keras's optimizers belong to one list
    of variables; its count of steps, and with it the schedule, continues. A phase with images of another size keeps the
    optimizer.

    Args:
        model: the network.
        recipe: how to train.
        compile_model: compiles the network with a new optimizer.
        batches: what it is trained on.

    Attributes:
        sides: the sizes of images, and when they change.

    Raises:
        RecipeError: if the recipe freezes a part that the network does not have, or has sizes that do not suit it.
    """

    def __init__(
        self, model: keras.Model, recipe: Recipe, compile_model: Callable[[], None], batches: Batches
    ) -> None:
        self.model, self.recipe, self._compile, self._steps = model, recipe, compile_model, batches.steps
        self.phases = [(0, 0)] if is_plain(recipe) else list_phases(model, recipe)
        self.sides = Sides(model, recipe, batches)
        self._current: int | None = None
        self._freeze(self.phases[-1][1])

    def _freeze(self, frozen: int) -> None:
        if not is_plain(self.recipe):
            freeze_parts(self.model, frozen, self.recipe.statistics)

    def enter(self, epoch: int) -> None:
        """Make the network ready for an epoch, counted from 0; nothing changes within a phase."""
        number = max(i for i, (start, _) in enumerate(self.phases) if start <= epoch)
        if number != self._current:
            self._current = number
            start, frozen = self.phases[number]
            self._freeze(frozen)
            self._compile()
            self.sides.forget()
            if len(self.phases) > 1:
                self.model.optimizer.build(self.model.trainable_variables)
                self.model.optimizer.iterations.assign(start * self._steps)
        self.sides.use(self.sides.of_epoch(epoch))

    def enter_last(self) -> None:
        """Make the network ready for the phase that trains most, which takes longest."""
        self.enter(self.recipe.epochs)

    def end_of(self, epoch: int) -> int:
        """The epoch before which the phase of an epoch ends."""
        starts = [start for start, _ in (*self.phases, *self.sides.starts)]
        return min((start for start in starts if start > epoch), default=self.recipe.epochs)

    def begins_at(self, epoch: int) -> bool:
        """Whether a phase with an optimizer of its own, other than the first, begins with an epoch."""
        return any(start == epoch for start, _ in self.phases[1:])
