"""Pickles of dicts, lists, strings, numbers and arrays, from whom it may be: nothing in them is run or believed.

Arrays are built here: a pickle that NumPy reads may set the flags of a dtype to what brings NumPy down. And Python's
own unpickler is the one written in Python: in that written in C one number in ten bytes asks for gigabytes.
"""

import pickle
import re
import struct

import numpy as np

from residual.errors import DataError

_NUMBERS = re.compile(r"[iuf][1248]|b1")


class ArraysOnly(pickle._Unpickler):
    """Unpickles dicts, lists, strings, numbers and `Array`s.

    Raises:
        DataError: from `load`, for anything else that the pickle asks to load. A damaged one raises almost anything.
    """

    dispatch = dict(pickle._Unpickler.dispatch)

    def load_bytearray8(self) -> None:
        """Bytes of the length that is told: no more memory than the file has for them."""
        # `load` gives the unpickler its `read` and `append`.
        (length,) = struct.unpack("<Q", self.read(8))  # pyright: ignore[reportAttributeAccessIssue]
        self.append(bytearray(self.read(length)))  # pyright: ignore[reportAttributeAccessIssue]

    dispatch[pickle.BYTEARRAY8[0]] = load_bytearray8

    def find_class(self, module: str, name: str):
        """What stands in for a function or class of NumPy's pickles."""
        if (module, name) not in _STAND_INS:
            raise DataError(
                f"asks to load {module}.{name}, which no CIFAR-10 batch needs: refused, nothing was run. "
                "Download the archive from its official page."
            )
        return _STAND_INS[module, name]


class Array:
    """An array in a pickle.

    Attributes:
        values: the array, not to be written to, of plain numbers.
    """

    values: np.ndarray

    def __setstate__(self, state: tuple) -> None:
        """Take (version, shape, dtype, whether Fortran's order, bytes)."""
        *_, shape, dtype, is_fortran, content = state
        self._fill(content, dtype, shape, "F" if is_fortran else "C")

    def _fill(self, content: bytes | bytearray, dtype: "_Dtype", shape: tuple[int, ...], order: str) -> None:
        if not (isinstance(content, bytes | bytearray) and isinstance(dtype, _Dtype)):
            raise ValueError("an array that is no array of numbers")
        self.values = np.frombuffer(bytes(content), dtype.numpy).reshape(shape, order=order)


def numbers(held: object) -> np.ndarray:
    """An `Array` or a list of numbers as an array.

    Raises:
        ValueError: for anything else; lists of lists among it, as a few bytes of them stand for gigabytes.
    """
    if isinstance(held, Array):
        return held.values
    if isinstance(held, list) and all(isinstance(value, int | float) for value in held):
        return np.asarray(held)
    raise ValueError(f"neither an array nor a list of numbers, but {type(held).__name__}")


class _Dtype:
    """A dtype in a pickle, of plain numbers: dtype("u1", False, True), then a state that gives the byte order."""

    def __init__(self, code: str | bytes, *_):
        text = code.decode("ascii") if isinstance(code, bytes) else code
        if not _NUMBERS.fullmatch(text):
            raise ValueError(f"an array of {text!r}, not of plain numbers")
        self.numpy = np.dtype(text)

    def __setstate__(self, state: tuple) -> None:
        if state[1] in (">", b">"):
            self.numpy = self.numpy.newbyteorder(">")


def _reconstruct(*_) -> Array:
    """What pickles up to protocol 4 call to begin an array."""
    return Array()


def _from_buffer(content: bytes, dtype: _Dtype, shape: tuple[int, ...], order: str, *_) -> Array:
    """What pickles of protocol 5 call to make an array."""
    array = Array()
    array._fill(content, dtype, shape, order)
    return array


def _latin1(text: str, encoding: str = "latin1") -> bytes:
    """What old pickles call to make bytes of text; only that one encoding."""
    return text.encode("latin1")


_STAND_INS = {
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): _Dtype,
    ("_codecs", "encode"): _latin1,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy.core.numeric", "_frombuffer"): _from_buffer,
    ("numpy._core.numeric", "_frombuffer"): _from_buffer,
}
