"""What a weights importer is asked for, what it returns, and what `convert` makes of that."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import keras

from residual.data.preprocessing import Preprocessing


@dataclass(frozen=True)
class ImportOptions:
    """How a file is to be imported.

    Attributes:
        raw_pixels: divide the pixels by 255 in a first layer.
        image_size: pixels a side, if the file does not say; None takes what the network is usually used with.
        stem_end: what follows the first convolution of the course's ResNet-50, if the file does not say.
    """

    raw_pixels: bool = False
    image_size: int | None = None
    stem_end: Literal["norm-relu", "norm"] = "norm-relu"


@dataclass(frozen=True)
class Imported:
    """A network with the weights of a file.

    Attributes:
        model: functional, of stock layers.
        network: its name in the table of networks, or "its own configuration".
        arrays: how many arrays the file holds; all are in the model.
        notes: what the user should know about the file and the network.
        usual_pixels: what such networks usually expect of pixels, in words; the file does not say.
        preprocessing: what the weights expect of a photo; its mean and standard deviation are the first layer of
            `model` already. None if nobody knows.
        license: of the weights, such as "bsd-3-clause"; None if nobody knows.
        origin: where the weights come from, such as "torchvision ResNet50_Weights.IMAGENET1K_V2".
        classes: names of the outputs in their order, if the file says them.
    """

    model: keras.Model
    network: str
    arrays: int
    notes: tuple[str, ...]
    usual_pixels: str = "pixels divided by 255"
    preprocessing: Preprocessing | None = None
    license: str | None = None
    origin: str | None = None
    classes: tuple[str, ...] | None = None


class Importer(Protocol):
    """A module that imports one format. It loads its libraries when it needs them.

    Attributes:
        LABEL: the format, for messages: "an HDF5 model of Keras (.h5, .hdf5)".
    """

    LABEL: str

    def matches(self, path: Path) -> bool:
        """Whether the file is of this format; cheap: the name, the first bytes."""
        ...

    def load(self, path: Path, options: ImportOptions) -> Imported:
        """The network in the file, with every array in its place.

        Raises:
            RunError: the file is damaged, incomplete, or fits no network.
        """
        ...


@dataclass(frozen=True, repr=False)
class Converted:
    """A converted model. `str` gives the lines that `residual convert` prints.

    Attributes:
        source: the old file.
        target: the .keras file.
        model: functional, of stock layers, with the old file's weights.
        network: the network's name in the table, or "its own configuration".
        arrays: how many arrays the old file holds; all are in the model.
        parameters: numbers in those arrays.
        notes: what the user should know: what the network expects, and what the file does not say.
        preprocessing, license, origin: as `Imported` has them.
    """

    source: Path
    target: Path
    model: keras.Model
    network: str
    arrays: int
    parameters: int
    notes: tuple[str, ...]
    preprocessing: Preprocessing | None = None
    license: str | None = None
    origin: str | None = None

    def __repr__(self) -> str:
        files = f"{str(self.source)!r} -> {str(self.target)!r}"
        return f"Converted({files}, {self.network}, {self.parameters:,} parameters)"

    def __str__(self) -> str:
        lines = [f"{self.source} -> {self.target}", f"network    {self.network}"]
        lines += [f"arrays     {self.arrays}, all placed; {self.parameters:,} parameters"]
        known = {"photos": self.preprocessing, "license": self.license, "origin": self.origin}
        lines += [f"{name:<10} {value}" for name, value in known.items() if value is not None]
        return "\n".join([*lines, *(f"note       {note}" for note in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Everything but the model, as strings, numbers and lists."""
        return {
            "target": str(self.target),
            "network": self.network,
            "arrays": self.arrays,
            "parameters": self.parameters,
            "notes": list(self.notes),
            "preprocessing": None if self.preprocessing is None else self.preprocessing.to_dict(),
            "license": self.license,
            "origin": self.origin,
        }
