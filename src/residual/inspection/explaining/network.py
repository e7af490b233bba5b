"""A classifier cut in two for its maps: from the image to the maps of one layer, and from there to a score."""

from dataclasses import dataclass
from typing import Any

import keras

from residual._keras_graph import Call, call_again, find_calls, is_functional
from residual.errors import NetworkError
from residual.models.build import raise_recursion_limit
from residual.models.head import find_head

FINE = 7  # a side of the maps from which on a heat map shows a place, not a corner


@dataclass(frozen=True)
class Cut:
    """A tensor that everything passes on its way from the image to the output.

    Attributes:
        layer: the name of the layer that makes it.
        tensor: the Keras tensor (n, height, width, channels).
    """

    layer: str
    tensor: Any

    @property
    def side(self) -> int:
        """The shorter side of its maps."""
        return min(self.tensor.shape[1:3])


class ExplainedNetwork:
    """A functional network, the models inside it opened; its layers and weights are those of the network itself.

    Args:
        model: takes (n, height, width, 3) and returns (n, classes).

    Attributes:
        model: the same network without models inside it.
        scorer: from the image to what the weights of a score multiply: features if the network ends in a Dense layer
            and a softmax, else probabilities.
        kernel: (d, classes) of that Dense layer; None of another network.

    Raises:
        NetworkError: if it is not functional.
    """

    def __init__(self, model: keras.Model):
        if not is_functional(model) or len(model.inputs) != 1 or len(model.outputs) != 1:
            raise NetworkError(
                f"{model.name} has no graph of layers from one image to one output: only functional and Sequential "
                "models can be explained."
            )
        self.model: Any = _open_models(model)
        self._head = find_head(self.model)
        self._output = self._head.features if self._head else self.model.outputs[0]
        self.scorer: Any = keras.Model(self.model.inputs[0], self._output)

    @property
    def kernel(self) -> Any:
        """(d, classes) as NumPy has it; None if the network does not end in a Dense layer and a softmax."""
        return None if self._head is None else keras.ops.convert_to_numpy(self._head.dense.kernel)

    def list_cuts(self) -> list[Cut]:
        """The tensors with maps larger than one pixel that everything passes, from the image to the output."""
        return find_cuts(self.model)

    def choose_cut(self, layer: str | None = None) -> Cut:
        """The last cut whose maps are fine enough, or that of a layer.

        Args:
            layer: its name; None chooses the last one with maps of `FINE` pixels a side, or else the last one.

        Raises:
            NetworkError: if there is none.
        """
        cuts = self.list_cuts()
        if layer is not None:
            found = [cut for cut in cuts if cut.layer == layer]
            if not found:
                names = ", ".join(cut.layer for cut in cuts[-12:])
                raise NetworkError(
                    f"layer must be one whose maps everything passes, such as {names}; got {layer!r}."
                )
            return found[-1]
        if not cuts:
            raise NetworkError(
                f"{self.model.name} has no layer with maps that everything passes. Use the method occlusion, which "
                "needs none."
            )
        return next((cut for cut in reversed(cuts) if cut.side >= FINE), max(cuts, key=lambda cut: cut.side))

    def split(self, cut: Cut) -> tuple[Any, Any]:
        """Two models: from the image to the maps of a cut, and from them to what the scorer returns."""
        with raise_recursion_limit():
            return keras.Model(self.model.inputs[0], cut.tensor), keras.Model(cut.tensor, self._output)


def _open_models(model: keras.Model) -> keras.Model:
    """The same network without models inside it, its layers shared."""
    if not any(is_functional(layer) for layer in model.layers):
        return model
    pixels = keras.Input(model.inputs[0].shape[1:])
    with raise_recursion_limit():
        outputs = call_again(model, [pixels], lambda layer, args, kwargs: layer(*args, **kwargs))
        return keras.Model(pixels, outputs[0], name=model.name)


def find_cuts(model: keras.Model) -> list[Cut]:
    """The tensors (n, height, width, channels) of one model that every path from input to output passes.

    Args:
        model: functional, without models inside it.
    """
    calls = find_calls(model)
    last_use = {id(tensor): place for place, call in enumerate(calls) for tensor in call.inputs}
    cuts, open_until = [], 0  # where the last reader of all earlier tensors stands
    for place, call in enumerate(calls):
        if open_until <= place and _has_maps(call):
            cuts.append(Cut(str(call.layer.name), call.outputs[0]))
        open_until = max(open_until, *(last_use.get(id(tensor), place) for tensor in call.outputs))
    return [cut for cut in cuts if cut.tensor is not model.inputs[0]]


def _has_maps(call: Call) -> bool:
    shape = call.outputs[0].shape
    return len(call.outputs) == 1 and len(shape) == 4 and None not in shape[1:] and min(shape[1:3]) > 1
