#!/usr/bin/env bash
# TensorFlow 2.21.0 on a CPU: the gradient of a bias in bfloat16 is wrong by up to 99%.
#
# Behaviour: `tf.raw_ops.BiasAddGrad` sums bfloat16 numbers in bfloat16. A sum that has reached 256 does not grow any more
# if 1 is added, because bfloat16 has 8 bits of precision. The sum of 131,072 ones is given as 512 by two threads, 256
# by each. `tf.reduce_sum` of the same bfloat16 numbers and a cast to float32 before the sum give 131,072. There
# is no warning.
#
# Why it matters: a convolution or a dense layer with a bias that trains in bfloat16 on a CPU gets this gradient. With
# 128 images of 32x32 pixels the bias of a convolution hardly learns. A batch norm behind the layer hides it, because the
# gradient of such a bias is zero; networks with a bias before a ReLU do not have that luck.
#
# Output seen (2026-11-28, Python 3.11, Linux x86-64):
#   tensorflow 2.21.0
#   sum of 131,072 ones, float32:                131072
#   sum of 131,072 ones, bfloat16, BiasAddGrad:  512
#   sum of 131,072 ones, bfloat16, reduce_sum:   131072
# Exits with 1 if BiasAddGrad comes within 10% of the right sum.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install -q tensorflow-cpu==2.21.0
cat > "$room/bias.py" <<'PY'
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf

pixels = 128 * 32 * 32
ones = tf.ones((128, 32, 32, 16), tf.bfloat16)


def first(values):
    """The first number, as an int."""
    return int(tf.cast(values, tf.float32)[0])


whole = first(tf.raw_ops.BiasAddGrad(out_backprop=tf.cast(ones, tf.float32)))
summed = first(tf.raw_ops.BiasAddGrad(out_backprop=ones))
reduced = first(tf.reduce_sum(ones, (0, 1, 2)))
print(f"tensorflow {tf.__version__}")
print(f"sum of {pixels:,} ones, float32:                {whole}")
print(f"sum of {pixels:,} ones, bfloat16, BiasAddGrad:  {summed}")
print(f"sum of {pixels:,} ones, bfloat16, reduce_sum:   {reduced}")
raise SystemExit(0 if whole == pixels and summed < 0.9 * pixels else 1)
PY
"$room/venv/bin/python" "$room/bias.py" 2>/dev/null
