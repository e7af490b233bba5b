"""The header of a .safetensors file, and its tensors.

The file has 8 bytes with the length of the header, the header as JSON, and the numbers of all tensors without gaps.
"""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np

from residual._text import describe_value
from residual.errors import RunError
from residual.importers.tensor_files.tensors import NUMPY, Tensor, TensorSet

_MOST_HEADER = 100 * 2**20  # bytes, the limit of the format's own library
_TYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


def open_safetensors(path: Path) -> TensorSet:
    """The tensors of a .safetensors file.

    Raises:
        RunError: the file is cut short, its header is damaged, or a tensor is of a type that is not read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(_MOST_HEADER, size - 8):
            raise RunError(
                f"{path} is no whole safetensors file: its header would have {length:,} bytes, the file has {size:,}."
            )
        header = _parse_header(path, file.read(length))
    start, tensors, end = 8 + length, {}, 0
    places = sorted((_find_place(path, name, entry) for name, entry in header.items()), key=lambda x: x[2])
    for name, dtype, first, last, shape in places:
        if first != end or start + last > size:
            reason = "the file is cut short" if first == end else "its place overlaps others or leaves a gap"
            raise RunError(
                f"{path}: {name} should stand in bytes {start + first:,} to {start + last:,}; {reason} "
                f"(the file has {size:,} bytes)."
            )
        end = last
        tensors[name] = Tensor(name, shape, dtype, _make_loader(path, start + first, shape, dtype))
    if start + end != size:
        raise RunError(f"{path} has {size - start - end:,} bytes after its last tensor: it is damaged.")
    return TensorSet(tensors, files=(path,))


def _parse_header(path: Path, content: bytes) -> dict[str, Any]:
    try:
        header = json.loads(content)
    except (ValueError, RecursionError):
        raise RunError(f"{path} is damaged: its header must be JSON.") from None
    if not isinstance(header, dict):
        raise RunError(f"{path} is damaged: its header must be a table; got {describe_value(header)}.")
    header.pop("__metadata__", None)
    return header


def _find_place(path: Path, name: str, entry: Any) -> tuple[str, str, int, int, tuple[int, ...]]:
    """(name, type, first byte, byte after the last, shape) of an entry of the header."""
    try:
        kind, shape, (first, last) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        whole = all(type(number) is int and number >= 0 for number in (*shape, first, last))
    except (KeyError, TypeError, ValueError):
        whole, kind, shape, first, last = False, None, (), 0, 0
    if not whole:
        raise RunError(f"{path}: the header's entry for {name} is damaged: {describe_value(entry)}.")
    if kind not in _TYPES:
        raise RunError(
            f"{path}: {name} is of type {kind}; weights must be {', '.join(_TYPES)}. Save them as float32 or float16."
        )
    dtype = _TYPES[kind]
    if math.prod(shape) * NUMPY[dtype].itemsize != last - first:
        raise RunError(
            f"{path}: {name} of shape {shape} and type {kind} needs {math.prod(shape) * NUMPY[dtype].itemsize:,} "
            f"bytes; the header gives it {last - first:,}."
        )
    return name, dtype, first, last, shape


def _make_loader(path: Path, offset: int, shape: tuple[int, ...], dtype: str):
    def load() -> np.ndarray:
        return np.fromfile(path, NUMPY[dtype], math.prod(shape), offset=offset).reshape(shape)

    return load
