#!/usr/bin/env bash
# Keras 3.15.1: `predict` with the callback SwapEMAWeights leaves the averaged weights in the model.
#
# Behaviour: the callback puts the moving averages of an optimizer with `use_ema=True` into the model for an evaluation and
# takes them out again at its end. For `predict` it puts them in, and its `on_predict_end` asks for the opposite condition
# of its `on_test_end`, so that it does not take them out. From then on the model holds the averages, and the optimizer's
# averages are the weights of the training. An `evaluate` with the same callback is right.
#
# Why it matters: a `fit` after such a `predict` trains the averages and averages them with weights of another place; a
# second `predict` with a new callback answers with the weights of the training.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64), one weight that was 8 after some steps, with an average of 6:
#   before: weight 8.0, average 6.0
#   after evaluate: weight 8.0, average 6.0
#   after predict: weight 6.0, average 8.0
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2
cat > "$room/swap.py" <<'PY'
import keras
import numpy as np

x, y = np.ones((4, 1), "float32"), np.zeros((4, 1), "float32")
optimizer = keras.optimizers.SGD(0.0, use_ema=True, ema_momentum=0.5)
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
model.compile(optimizer=optimizer, loss="mse")
weight = model.trainable_variables[0]
weight.assign([[4.0]])
model.fit(x, y, batch_size=4, verbose=0)  # the average begins with 4
model.optimizer._model_variables_moving_average[0].assign([[6.0]])
weight.assign([[8.0]])


def show(when):
    average = optimizer._model_variables_moving_average[0]
    print(f"{when}: weight {float(np.asarray(weight)[0, 0])}, average {float(np.asarray(average)[0, 0])}")


show("before")
model.evaluate(x, y, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])
show("after evaluate")
model.predict(x, verbose=0, callbacks=[keras.callbacks.SwapEMAWeights()])
show("after predict")
PY
seen=$(KERAS_BACKEND=jax "$room/venv/bin/python" "$room/swap.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "before: weight 8.0, average 6.0
after evaluate: weight 8.0, average 6.0
after predict: weight 6.0, average 8.0" ]
