"""The phases of a training: in each, as many parts of the network are frozen as the recipe says."""

from collections.abc import Callable

import keras

from residual.training.depth import freeze_parts, list_phases
from residual.training.recipe import Recipe


def is_plain(recipe: Recipe) -> bool:
    """Whether a recipe trains the whole network all the time."""
    return recipe.freeze == "none" and not recipe.unfreeze and recipe.statistics == "batch"


class Phases:
    """Freezes and compiles a network for the phase that an epoch belongs to.

    Each phase has an optimizer of its own, because Keras's optimizers belong to one list of variables; its count of
    steps, and with it the schedule, continues.

    Args:
        model: the network.
        recipe: how to train.
        compile_model: compiles the network with a new optimizer.
        steps: per epoch.

    Raises:
        RecipeError: if the recipe freezes a part that the network does not have.
    """

    def __init__(
        self, model: keras.Model, recipe: Recipe, compile_model: Callable[[], None], steps: int
    ) -> None:
        self.model, self.recipe, self._compile, self._steps = model, recipe, compile_model, steps
        self.phases = [(0, 0)] if is_plain(recipe) else list_phases(model, recipe)
        self._current: int | None = None
        self._freeze(self.phases[-1][1])

    def _freeze(self, frozen: int) -> None:
        if not is_plain(self.recipe):
            freeze_parts(self.model, frozen, self.recipe.statistics)

    def enter(self, epoch: int) -> None:
        """Make the network ready for an epoch, counted from 0; nothing changes within a phase."""
        number = max(i for i, (start, _) in enumerate(self.phases) if start <= epoch)
        if number == self._current:
            return
        self._current = number
        start, frozen = self.phases[number]
        self._freeze(frozen)
        self._compile()
        if len(self.phases) > 1:
            self.model.optimizer.build(self.model.trainable_variables)
            self.model.optimizer.iterations.assign(start * self._steps)

    def enter_last(self) -> None:
        """Make the network ready for the phase that trains most, which takes longest."""
        self.enter(self.recipe.epochs)

    def end_of(self, epoch: int) -> int:
        """The epoch before which the phase of an epoch ends."""
        return min((start for start, _ in self.phases if start > epoch), default=self.recipe.epochs)

    def begins_at(self, epoch: int) -> bool:
        """Whether a phase other than the first begins with an epoch."""
        return any(start == epoch for start, _ in self.phases[1:])
