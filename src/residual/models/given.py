"""A Keras model given from Python, in the place of a NetworkSpec. Keras is not imported here."""

from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, eq=False)
class GivenNetwork:
    """A Keras model of the user's own. `residual.models.given_model` checks it and makes the network that trains.

    Attributes:
        model: the model; it is not changed.
    """

    model: Any
    source: ClassVar[str] = "a Keras model given from Python"

    @property
    def name(self) -> str:
        """The model's own name."""
        return str(self.model.name)

    @property
    def side(self) -> int | None:
        """The side of the square images that the model takes; None if it takes others, or several sizes."""
        shape = getattr(self.model, "input_shape", ())
        square = isinstance(shape, tuple) and len(shape) == 4 and shape[1] == shape[2]
        return shape[1] if square else None
