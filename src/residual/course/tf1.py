"""The names of notebooks of TensorFlow 1 and Keras 2 (to 2019): `from residual.course.tf1 import *`.

As `residual.course`, and in addition: `tf` has sessions, placeholders and feed dictionaries; `glorot_uniform` and
`random_uniform` draw what TensorFlow 1 drew; `keras` and `K` have the old names. `docs/course.md` lists them all.
"""

from residual.course._names import make_loader

__all__, __getattr__ = make_loader(__name__, 1)
