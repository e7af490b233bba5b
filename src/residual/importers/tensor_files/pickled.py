"""The restricted unpickler of torch.save: tensors, tables, lists, strings and numbers. Nothing in the pickle is run."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from residual.data.pickled import ArraysOnly
from residual.errors import RunError

_STORAGES = {
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "LongStorage": "int64",
    "IntStorage": "int32",
    "ShortStorage": "int16",
    "CharStorage": "int8",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}


@dataclass(frozen=True, slots=True)
class StorageType:
    """What stands in for a storage class of torch: the type of its numbers."""

    dtype: str


@dataclass(frozen=True, slots=True)
class Storage:
    """The numbers that tensors lie in, by their key in the archive.

    Attributes:
        key: of the numbers in the archive.
        dtype: of them.
        count: how many they are.
        start: the first of them, if the storage is a part of that of the key.
    """

    key: str
    dtype: str
    count: int
    start: int = 0


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor in a pickle: a view of a storage, in numbers, not bytes."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _StandIn:
    """What is called in the place of a function of torch. It cannot be changed by a pickle."""

    function: Callable[..., Any]

    def __call__(self, *arguments: Any) -> Any:
        return self.function(*arguments)


class TensorsOnly(ArraysOnly):
    """Unpickles what a state dict is made of.

    Raises:
        RunError: from `load`, for anything else that the pickle asks to load. A damaged one raises almost anything.
    """

    def find_class(self, module: str, name: str) -> Any:
        """What stands in for a function or class of torch."""
        if module in ("torch", "torch.storage") and name in _STORAGES:
            return StorageType(_STORAGES[name])
        if (module, name) not in _STAND_INS:
            raise RunError(
                f"asks to load {module}.{name}, which weights do not need: refused, nothing was run. Save the weights "
                "alone, with torch.save(model.state_dict(), path) or as safetensors."
            )
        return _STAND_INS[module, name]

    def persistent_load(self, pid: Any) -> Storage:
        """The storage that a persistent id stands for: ("storage", type, key, location, count, part)."""
        kind, storage_type, key, _location, count, *view = pid
        part = view[0] if view else None
        start = part[1] if part else 0
        length = part[2] if part else count
        if kind not in ("storage", b"storage") or not isinstance(storage_type, StorageType):
            raise ValueError("a persistent id that is no storage")
        return Storage(str(key), storage_type.dtype, _check_whole(length), _check_whole(start))


def _rebuild_tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> StoredTensor:
    if not isinstance(storage, Storage):
        raise ValueError("a tensor without storage")
    shape, strides = (tuple(map(_check_whole, numbers)) for numbers in (size, stride))
    if len(shape) != len(strides):
        raise ValueError("a tensor whose shape and strides differ in length")
    return StoredTensor(storage, _check_whole(offset), shape, strides)


def _rebuild_parameter(tensor: Any, *_: Any) -> Any:
    return tensor


def _check_whole(number: Any) -> int:
    if type(number) is not int or number < 0:
        raise ValueError("a size that is no whole number from 0")
    return number


_STAND_INS: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor"): _StandIn(_rebuild_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): _StandIn(_rebuild_tensor),
    ("torch._utils", "_rebuild_parameter"): _StandIn(_rebuild_parameter),
    ("torch", "Size"): _StandIn(tuple),
    ("argparse", "Namespace"): OrderedDict,  # options of the training, beside the weights
}
