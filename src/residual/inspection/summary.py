"""Summarize a network: its layers by stage and block, with sizes, parameters and multiply-adds."""

from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import keras

from residual._console import preformat_html
from residual._keras_graph import find_calls, is_functional
from residual._text import format_shape
from residual.errors import NetworkError
from residual.inspection.costs import is_weighted
from residual.inspection.layer_rows import Row, list_rows
from residual.inspection.model_graph import measure_depth
from residual.models import zoo
from residual.models.build import build_network
from residual.models.keras_file import load_model
from residual.models.spec import NetworkSpec


class _Totals:
    """Sums over `rows`."""

    rows: tuple[Row, ...]

    @property
    def trainable(self) -> int:
        return sum(row.trainable for row in self.rows)

    @property
    def non_trainable(self) -> int:
        return sum(row.non_trainable for row in self.rows)

    @property
    def parameters(self) -> int:
        return self.trainable + self.non_trainable

    @property
    def multiply_adds(self) -> int:
        return sum(row.multiply_adds for row in self.rows)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        return self.rows[-1].output_shape


@dataclass(frozen=True)
class Block(_Totals):
    """The layers of one block; or, named "", layers that follow each other outside blocks."""

    name: str
    rows: tuple[Row, ...]

    @property
    def shortcut(self) -> str:
        """What is added to F(x): "identity", "projection" (a convolution), "zero-pad" (the input,
        subsampled or padded without parameters) or "none"."""
        if not any(row.kind == "Add" for row in self.rows):
            return "none"
        shortcut = [row for row in self.rows if row.on_shortcut]
        if any(row.multiply_adds for row in shortcut):
            return "projection"
        return "zero-pad" if shortcut else "identity"


@dataclass(frozen=True)
class Repeat:
    """Neighbouring blocks that are alike in all but names."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Section(_Totals):
    """The layers of one group: the stem, a stage or the head."""

    name: str
    rows: tuple[Row, ...]

    @property
    def blocks(self) -> tuple[Block, ...]:
        found = groupby(self.rows, key=lambda row: row.block)
        return tuple(Block(name, tuple(rows)) for name, rows in found)

    @property
    def block_count(self) -> int:
        return sum(1 for block in self.blocks if block.name)

    @property
    def repeats(self) -> tuple[Repeat, ...]:
        """The blocks in order; neighbours that are alike are one `Repeat`."""
        alike = groupby(self.blocks, key=lambda block: (bool(block.name), [r.likeness for r in block.rows]))
        return tuple(Repeat(tuple(blocks)) for _, blocks in alike)


@dataclass(frozen=True, repr=False)
class Summary(_Totals):
    """A network in numbers. `str` is the table of its layers; a notebook shows that table.

    Attributes:
        name: of the model.
        input_shapes: of its inputs, without the batch.
        depth: convolutions and dense layers on the longest path. A name may count otherwise:
            wide-resnet28-10, of depth 26, counts projections too.
        rows: every layer, in the model's order.
    """

    name: str
    input_shapes: tuple[tuple[int, ...], ...]
    depth: int
    rows: tuple[Row, ...]

    @property
    def input_text(self) -> str:
        return " and ".join(format_shape(shape) for shape in self.input_shapes)

    @property
    def sections(self) -> tuple[Section, ...]:
        """The groups in the order in which they first appear."""
        names = dict.fromkeys(row.group for row in self.rows)
        return tuple(Section(name, tuple(row for row in self.rows if row.group == name)) for name in names)

    def __repr__(self) -> str:
        from residual.inspection.summary_text import format_title

        return f"Summary({format_title(self)})"

    def __str__(self) -> str:
        from residual.inspection.summary_text import format_summary

        return format_summary(self)

    def _repr_html_(self) -> str:
        return preformat_html(str(self))

    def plot(self, path: str | Path) -> None:
        """Draw the network with its shortcuts to a .png or .svg file, as `diagram.save_diagram` does.

        Raises:
            NetworkError: another suffix, or a network without residual or plain blocks.
            OSError: the file cannot be written.
        """
        from residual.inspection.diagram import save_diagram

        save_diagram(self, path)

    def to_dict(self) -> dict[str, Any]:
        """Everything as dicts, lists, strings and numbers."""
        return {
            "name": self.name,
            "input_shapes": [list(shape) for shape in self.input_shapes],
            "depth": self.depth,
            **_count_all(self),
            "sections": [
                {"name": section.name, "blocks": section.block_count, **_count_all(section)}
                for section in self.sections
            ],
            "layers": [asdict(row) | {"output_shape": list(row.output_shape)} for row in self.rows],
        }


def _count_all(part: _Totals) -> dict[str, Any]:
    return {
        "output_shape": list(part.output_shape),
        "parameters": part.parameters,
        "trainable": part.trainable,
        "non_trainable": part.non_trainable,
        "multiply_adds": part.multiply_adds,
    }


def summarize(
    network: keras.Model | str | Path | NetworkSpec,
    *,
    image_size: int | None = None,
    classes: int | None = None,
) -> Summary:
    """Every layer of a network, with sizes, parameters and multiply-adds.

    Multiply-adds are those of convolutions and dense layers, as `costs.count_multiply_adds` counts them. A layer
    that is called twice counts twice, its parameters once. Models inside the model are opened.

    Args:
        network: a name such as "resnet50", a NetworkSpec, the path of a .keras file, or a model: of this package,
            of keras.applications, or any functional or built Sequential one. Its layer names show its stages and
            blocks.
        image_size: pixels a side of a network that is a name or a spec; None takes what it was published for.
        classes: outputs of a network that is a name or a spec; None takes what it was published for.

    Returns:
        The summary. Print it, or see its `rows`, `parameters`, `multiply_adds` and `depth`.

    Raises:
        NetworkError: an unknown name, a model without a graph or with an input size that varies, or a size for a
            network that has one.
        RunError: the .keras file is missing or damaged.
    """
    model = _open_network(network, image_size, classes)
    if not is_functional(model):
        raise NetworkError(
            f"{model.name} must be a functional model, or a Sequential one that is built; "
            f"got {type(model).__name__} without inputs and outputs. Build it with an input size."
        )
    inputs = tuple(tuple(tensor.shape[1:]) for tensor in model.inputs)
    if any(None in shape for shape in inputs):
        raise NetworkError(
            f"The multiply-adds of {model.name} depend on its input size, which varies: "
            f"{' and '.join(map(format_shape, inputs))}. Build the network with a fixed input size, such as "
            "input_shape=(224, 224, 3)."
        )
    calls = find_calls(model)
    return Summary(model.name, inputs, measure_depth(calls, is_weighted), list_rows(model, calls))


def _open_network(network: Any, image_size: int | None, classes: int | None) -> keras.Model:
    if isinstance(network, Path) or (isinstance(network, str) and network.endswith(".keras")):
        network, _ = load_model(network)
    if isinstance(network, keras.Model):
        if image_size is not None or classes is not None:
            raise NetworkError(
                f"{network.name} has an image size and classes already: leave out `image_size` and `classes`."
            )
        return network
    if not isinstance(network, str | NetworkSpec):
        raise NetworkError(
            f"A network is a name, a NetworkSpec, a .keras file or a keras.Model; got {type(network).__name__}."
        )
    spec = zoo.resolve_spec(network)
    default_size, default_classes = zoo.default_input(spec)
    side = image_size or default_size
    return build_network(spec, (side, side, 3), classes or default_classes)
