#!/usr/bin/env bash
# Keras 3.15.1 on TensorFlow 2.21.0: a PyDataset is told that an epoch has ended before the first one begins.
#
# Behaviour: to learn the shapes of a batch, `fit` and `evaluate` take two batches from a `keras.utils.PyDataset`, throw
# them away and call `on_epoch_end`. Only then does the first epoch begin. The documentation says that `on_epoch_end` is
# called at the end of every epoch.
#
# Why it matters: a dataset that counts epochs in `on_epoch_end`, for example to order its images by (seed, epoch), is one
# epoch ahead from the start, and a dataset that is resumed in the middle of an epoch loses its place. It must ignore the
# first call of each `fit`. Two expensive batches are made for nothing in each `fit` and each `evaluate`.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   keras 3.15.1, tensorflow 2.21.0
#   fit:      batch batch on_epoch_end on_epoch_begin 5 batches on_epoch_end
#   evaluate: batch batch on_epoch_end on_epoch_begin 5 batches on_epoch_end
# Exits with 1 if the order changes.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q keras==3.15.1 tensorflow-cpu==2.21.0
cat > "$room/order.py" <<'PY'
import os

os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", KERAS_BACKEND="tensorflow")
import keras
import numpy as np
import tensorflow as tf


class Recorder(keras.utils.PyDataset):
    """Five batches; writes down what Keras asks of it."""

    def __init__(self):
        super().__init__()
        self.calls = []

    def __len__(self):
        return 5

    def __getitem__(self, index):
        self.calls.append("batch")
        return np.ones((2, 3), "float32"), np.ones((2, 1), "float32")

    def on_epoch_begin(self):
        self.calls.append("on_epoch_begin")

    def on_epoch_end(self):
        self.calls.append("on_epoch_end")


model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
expected = ["batch"] * 2 + ["on_epoch_end", "on_epoch_begin"] + ["batch"] * 5 + ["on_epoch_end"]
print(f"keras {keras.__version__}, tensorflow {tf.__version__}")
same = True
for name, method in (("fit", model.fit), ("evaluate", model.evaluate)):
    data = Recorder()
    method(data, verbose=0)
    same = same and data.calls == expected
    print(f"{name + ':':9} {' '.join(data.calls)}".replace(" ".join(["batch"] * 5), "5 batches"))
raise SystemExit(0 if same else 1)
PY
"$room/venv/bin/python" "$room/order.py" 2>/dev/null
