#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow: each validation with SwapEMAWeights rounds the weights of the training.
#
# Behaviour: on TensorFlow the callback exchanges weights and averages by three additions, a + b, (a + b) - b and so on,
# and once more to take them back. In float32 that does not give the old numbers again: each differs by as much as the
# last bits of the larger of the two. A weight that is small beside its average is lost. On JAX and torch it assigns, and
# nothing changes.
#
# Why it matters: whether and how often a model is validated changes what it learns, and a training with validation cannot
# be compared bit for bit with one without.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64): a weight and an average, before and after one `evaluate`
#   tensorflow: weight 1e-08 with average 1.0 becomes 0; of 1000 ordinary ones some change: True
#   jax: weight 1e-08 with average 1.0 becomes 1e-08; of 1000 ordinary ones some change: False
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2 tensorflow-cpu==2.21.0
cat > "$room/swap.py" <<'PY'
import keras
import numpy as np

x, y = np.ones((4, 1), "float32"), np.zeros((4, 1001), "float32")
optimizer = keras.optimizers.SGD(0.0, use_ema=True)
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1001, use_bias=False)])
model.compile(optimizer=optimizer, loss="mse")
model.fit(x, y, verbose=0)
draw = np.random.default_rng(0)
before = draw.normal(size=(1, 1001)).astype("float32")
average = (before + draw.normal(0, 0.1, size=before.shape)).astype("float32")
before[0, 0], average[0, 0] = 1e-8, 1.0
model.trainable_variables[0].assign(before)
optimizer._model_variables_moving_average[0].assign(average)
model.evaluate(x, y, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])
after = np.asarray(model.trainable_variables[0])
changed = not np.array_equal(before[0, 1:], after[0, 1:])
print(
    f"{keras.backend.backend()}: weight 1e-08 with average 1.0 becomes {after[0, 0]:.3g}; "
    f"of 1000 ordinary ones some change: {changed}"
)
PY
seen=$(for backend in tensorflow jax; do KERAS_BACKEND=$backend "$room/venv/bin/python" "$room/swap.py" 2>/dev/null; done)
echo "$seen"
[ "$seen" = "tensorflow: weight 1e-08 with average 1.0 becomes 0; of 1000 ordinary ones some change: True
jax: weight 1e-08 with average 1.0 becomes 1e-08; of 1000 ordinary ones some change: False" ]
