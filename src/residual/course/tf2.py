"""The names of notebooks of TensorFlow 2 before Keras 3 (2019 to 2023): `from residual.course.tf2 import *`.

As `residual.course`, and in addition: `tf.random.set_seed` restarts the streams from which `glorot_uniform` and
`random_uniform` draw what TensorFlow 2.9 drew; `K` and `tf.keras` have the old names. `docs/course.md` lists them all.
"""

from residual.course._names import make_loader

__all__, __getattr__ = make_loader(__name__, 2)
