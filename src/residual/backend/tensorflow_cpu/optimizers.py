"""Keras's optimizers for TensorFlow on a CPU, one pass over memory per variable.

The same formulas and variables as Keras's; only the loose elementwise operations of an update are one kernel of
TensorFlow, which starts as soon as the gradient of its variable is there. AdamW on 23.5 M weights: 96 ms become
45 on two cores (benchmarks/step.py measures the whole step).
"""

import keras
import tensorflow as tf


def _resource(variable) -> tf.Variable:
    """TensorFlow's variable behind one of Keras's, or the one that is given."""
    return variable if isinstance(variable, tf.Variable) else variable.value


class _Decay(keras.optimizers.Optimizer):
    """Decoupled weight decay: w - rate * decay * w, before the update."""

    def _apply_weight_decay(self, variables) -> None:
        if self.weight_decay is None:
            return
        shrink = tf.cast(self.learning_rate * self.weight_decay, "float32")
        for variable in variables:
            if self._use_weight_decay(variable):
                weights = _resource(variable)
                weights.assign_sub(weights * tf.cast(shrink, weights.dtype))


class SGD(_Decay, keras.optimizers.SGD):
    """`keras.optimizers.SGD` with momentum."""

    def update_step(self, gradient, variable, learning_rate):
        tf.raw_ops.ResourceApplyKerasMomentum(
            var=_resource(variable).handle,
            accum=_resource(self.momentums[self._get_variable_index(variable)]).handle,
            lr=tf.cast(learning_rate, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
            momentum=tf.cast(self.momentum, variable.dtype),
            use_nesterov=self.nesterov,
        )


class _Adam(_Decay, keras.optimizers.Adam):
    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        step = tf.cast(self.iterations + 1, "float32")
        self._powers = (
            tf.pow(self.beta_1, step),
            tf.pow(self.beta_2, step),
        )  # once, and not for every variable
        super()._backend_update_step(grads, trainable_variables, learning_rate)
        del self._powers

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        tf.raw_ops.ResourceApplyAdam(
            var=_resource(variable).handle,
            m=_resource(self._momentums[index]).handle,
            v=_resource(self._velocities[index]).handle,
            beta1_power=tf.cast(self._powers[0], variable.dtype),
            beta2_power=tf.cast(self._powers[1], variable.dtype),
            lr=tf.cast(learning_rate, variable.dtype),
            beta1=tf.cast(self.beta_1, variable.dtype),
            beta2=tf.cast(self.beta_2, variable.dtype),
            epsilon=tf.cast(self.epsilon, variable.dtype),
            grad=tf.cast(gradient, variable.dtype),
        )


class Adam(_Adam):
    """`keras.optimizers.Adam`."""


class AdamW(_Adam, keras.optimizers.AdamW):
    """`keras.optimizers.AdamW`."""


FUSED_CLASSES = {keras.optimizers.SGD: SGD, keras.optimizers.Adam: Adam, keras.optimizers.AdamW: AdamW}


def has_fused(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether an optimizer has a fused update: not AMSGrad, and not SGD without momentum."""
    plain = not getattr(optimizer, "amsgrad", False) and getattr(optimizer, "momentum", True)
    return bool(plain and type(optimizer) in FUSED_CLASSES)
