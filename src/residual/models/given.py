"""A Keras model in the place of a NetworkSpec: one of the user's own, or trained weights. Keras is not imported."""

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


@dataclass(frozen=True, eq=False)
class Pretrained:
    """A trained network from elsewhere: a run, a .keras file, or a file of another library.

    Attributes:
        model: a Keras model.
        name: as the user names it: "cifar10-1", "torchvision/resnet50.v2".
        image_size: (height, width) that it was trained on; None if nobody knows.
        weights_sha256: of all its weights in order.
        network: the name of its architecture, such as "resnet50"; "" for the model's own.
        takes_raw_pixels: whether whoever opened it knows that it takes raw RGB pixels, 0 to 255.
        license: of the weights; "" if nobody says.
        notes: what the user should know, a sentence for each.
    """

    model: Any
    name: str
    image_size: tuple[int, int] | None
    weights_sha256: str
    network: str = ""
    takes_raw_pixels: bool = False
    license: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class PretrainedNetwork(GivenNetwork):
    """A trained network with a new head. `residual.models.transfer` makes it.

    Attributes:
        model: the body with its new head.
        origin: the trained network; None if the network was read from start.keras of a run.
    """

    origin: Pretrained | None = None
    source: ClassVar[str] = "trained weights with a new head"
