"""The helper module of the course's notebooks of 2022 and later, `resnets_utils`: data, and its own batch norm.

Older notebooks import `BatchNormalization` from Keras, so `from residual.course import *` and the eras have Keras's.
"""

from residual.course.data import convert_to_one_hot, load_dataset
from residual.course.networks import BatchNormalization

__all__ = ["BatchNormalization", "convert_to_one_hot", "load_dataset"]
