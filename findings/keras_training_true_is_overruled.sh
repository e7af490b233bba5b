#!/usr/bin/env bash
# Keras 3.15.1: `training=True` that stands in the graph of a functional model holds in `model(x)`, not in `predict`.
#
# Behaviour: a batch norm is called with training=True while the model is made. `model(x)` uses the statistics of the batch
# and changes the moving ones. `model.predict(x)` and `model(x, training=False)` overrule the argument and use the moving
# statistics. In Keras 2 the argument in the graph won everywhere.
#
# Why it matters: notebooks of the Keras 2 era write training=True into their blocks, so that prediction uses the batch. The
# same code answers otherwise in Keras 3, and calling the model without an argument changes its weights.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64), standard deviation of what a batch norm makes of a deviation of 5:
#   predict: 5.0
#   model(x): 1.0
#   model(x, training=False): 4.5
#   moving mean changed: True
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2
cat > "$room/forced.py" <<'PY'
import keras
import numpy as np

source = keras.Input((1,))
norm = keras.layers.BatchNormalization()
model = keras.Model(source, norm(source, training=True))
x = np.array([[-5.0], [5.0]] * 500, "float32") + 1
print(f"predict: {model.predict(x, batch_size=1000, verbose=0).std():.1f}")
before = float(norm.moving_mean.numpy()[0])
print(f"model(x): {np.asarray(model(x)).std():.1f}")
print(f"model(x, training=False): {np.asarray(model(x, training=False)).std():.1f}")
print(f"moving mean changed: {float(norm.moving_mean.numpy()[0]) != before}")
PY
seen=$(KERAS_BACKEND=jax "$room/venv/bin/python" "$room/forced.py" 2>/dev/null)
echo "$seen"
[ "$seen" = "predict: 5.0
model(x): 1.0
model(x, training=False): 4.5
moving mean changed: True" ]
