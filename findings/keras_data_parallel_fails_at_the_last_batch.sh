#!/usr/bin/env bash
# Keras 3.15.1 on JAX 0.10.2: DataParallel trains a whole epoch and then fails at a last batch that does not divide.
#
# Behaviour: under `keras.distribution.DataParallel` on two devices, `fit` with 83 images in batches of 32 takes the two
# whole batches, updates the weights, and raises `IndivisibleError` when it places the last batch of 19 images. Nothing
# warns before. The compiler has no such limit: inside a compiled function, `jax.lax.with_sharding_constraint` takes 19
# images on two devices, and masks what fills up the second share, so that means and gradients are right.
#
# Why it matters: on ImageNet the error comes after an hour, and the epoch is lost. The usual advice, to drop the rest or
# to choose another batch size, changes what is trained. To place a batch that is filled up with zeros, and to cut it back
# inside the compiled step, gives the numbers of one device.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   keras 3.15.1, jax 0.10.2, 2 devices
#   batches that were trained before the error: 2 of 3
#   error: IndivisibleError
#   mean of 19 images on two devices, cut inside the compiled function: right
# Exits with 1 if that changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 jax==0.10.2
cat > "$room/last.py" <<'PY'
import os
import sys

os.environ["KERAS_BACKEND"] = "jax"
import jax

jax.config.update("jax_num_cpu_devices", 2)
import keras
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec


class Count(keras.callbacks.Callback):
    batches = 0

    def on_train_batch_end(self, batch, logs=None):
        Count.batches += 1


rng = np.random.default_rng(0)
x, y = rng.random((83, 8)).astype("float32"), rng.random((83, 1)).astype("float32")
keras.distribution.set_distribution(keras.distribution.DataParallel())
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
print(f"keras {keras.__version__}, jax {jax.__version__}, {jax.device_count()} devices")
found = "none"
try:
    model.fit(x, y, batch_size=32, epochs=1, shuffle=False, verbose=0, callbacks=[Count()])
except Exception as error:
    found = type(error).__name__
print(f"batches that were trained before the error: {Count.batches} of 3")
print("error:", found)

split = NamedSharding(Mesh(np.array(jax.devices()), ("batch",)), PartitionSpec("batch"))
filled = jax.device_put(np.concatenate([x[64:], np.full((1, 8), 1e6, "float32")]), split)
mean = jax.jit(lambda data: jax.lax.with_sharding_constraint(data[:19], split).mean(0))(filled)
right = bool(np.allclose(mean, x[64:].mean(0), atol=1e-6))
print("mean of 19 images on two devices, cut inside the compiled function:", "right" if right else "wrong")
sys.exit(not (Count.batches == 2 and found == "IndivisibleError" and right))
PY
"$room/venv/bin/python" "$room/last.py"
