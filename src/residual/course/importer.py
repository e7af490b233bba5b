"""The imports of a learner's file: modules of old Keras and TensorFlow, and those that courses hand out."""

import builtins
import importlib
from collections.abc import Callable

from residual.course.old_modules import find_old_module

# Modules that courses hand out with their notebooks, and where their names are here.
HELPERS = {
    "resnets_utils": "residual.course.resnets_utils",
    "helping_file": "residual.course",
    "test_utils": "residual.course.testing",
    "public_tests": "residual.course.testing",
    "outputs": "residual.course.testing",
    "kt_utils": "residual.course.resnets_utils",
}
_OLD = ("tensorflow", "tf_keras", "keras", "tensorflow_core")


class Importer:
    """`__import__` for a learner's file: old Keras and TensorFlow on Keras 3, and the helpers of courses.

    Args:
        on_use: called with the name of each function of TensorFlow that is called on a Keras tensor.
    """

    def __init__(self, on_use: Callable[[str], None]):
        self.on_use = on_use

    def __call__(self, name, globals=None, locals=None, fromlist=(), level=0):
        top = name.split(".")[0]
        if name and level == 1:
            level = 0  # the file runs by itself: what is beside it is found there
        if level == 0 and top in _OLD:
            return find_old_module(name if fromlist else top, self.on_use)
        try:
            return builtins.__import__(name, globals, locals, fromlist, level)
        except ModuleNotFoundError:
            if top not in HELPERS or level:
                raise
            return importlib.import_module(HELPERS[top])
