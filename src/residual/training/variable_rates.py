"""Learning rates that differ between the weights of a network, whatever optimizer trains it."""

from collections.abc import Mapping

import keras

from residual.training.batch_norm import norms


def find_bias_rates(model: keras.Model, factor: float) -> dict[int, float]:
    """What the learning rate of each batch norm's bias is multiplied by, by the id of the variable; {} for factor 1."""
    return {} if factor == 1 else {id(layer.beta): factor for layer in norms(model) if layer.center}


def multiply_rates(
    optimizer: keras.optimizers.Optimizer, factors: Mapping[int, float]
) -> keras.optimizers.Optimizer:
    """The optimizer with other learning rates, and as much less or more decay, for some variables; the same object.

    Args:
        optimizer: not built yet; a fused one too.
        factors: of the rate, by the id of the variable; the others have the whole rate.
    """
    if not factors:
        return optimizer
    kind = type(optimizer)
    optimizer.__class__ = type(f"{kind.__name__}ByVariable", (_ByVariable, kind), {})
    optimizer._factors = dict(factors)
    return optimizer


class _ByVariable(keras.optimizers.Optimizer):
    """An optimizer whose learning rate is multiplied by a factor for each variable."""

    _factors: dict[int, float]
    _factor = 1.0  # of the variables whose weights decay now

    def _get_current_learning_rate(self):
        rate = super()._get_current_learning_rate()
        return rate if self._factor == 1 else rate * self._factor

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        for factor, places in self._group(trainable_variables).items():
            super()._backend_update_step(
                [grads[i] for i in places], [trainable_variables[i] for i in places], learning_rate * factor
            )

    def _apply_weight_decay(self, variables):
        # Those that decay alone: Keras on torch fails at a group in which none does.
        variables = [variable for variable in variables if self._use_weight_decay(variable)]
        for factor, places in self._group(variables).items():
            self._factor = factor
            try:
                super()._apply_weight_decay([variables[i] for i in places])
            finally:
                self._factor = 1.0

    def _group(self, variables) -> dict[float, list[int]]:
        """Factor -> the places of its variables."""
        found: dict[float, list[int]] = {}
        for place, variable in enumerate(variables):
            found.setdefault(self._factors.get(id(variable), 1.0), []).append(place)
        return found
