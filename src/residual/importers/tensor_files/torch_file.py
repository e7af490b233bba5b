"""The files of torch.save: a zip archive since torch 1.6, and the format before it."""

import io
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from residual._text import first_line, format_bytes
from residual._zip_file import is_zip
from residual.errors import RunError
from residual.importers.tensor_files.pickled import Storage, StoredTensor, TensorsOnly
from residual.importers.tensor_files.tensors import NUMPY, Tensor, TensorSet

_MOST_PICKLE = 64 * 2**20  # bytes; that of a ResNet-152 has 0.1 MB
_LEGACY_MAGIC = 0x1950A86A20F9469CFC6C
LEGACY_HEAD = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."  # that number as a pickle
_AGAIN = "Open it in torch and save its state_dict() again."
# Where programs keep weights within a checkpoint, the first that is there is read; averaged weights come first.
_TABLES = ("state_dict_ema", "model_ema", "ema_state_dict", "state_dict", "model_state_dict", "model", "net")
_PREFIXES = ("module.", "_orig_mod.", "model.")

# What zipfile raises for damaged archives.
_DAMAGED = (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, ValueError, RuntimeError)

# (storage) -> its numbers.
LoadStorage = Callable[[Storage], np.ndarray]


def open_torch_file(path: Path) -> TensorSet:
    """The tensors of a file that torch.save wrote: of a state dict, or of a checkpoint with one inside.

    Raises:
        RunError: the file is damaged, holds more than weights, or is none of torch.save.
    """
    if is_zip(path):
        root, load = _open_zip(path)
    else:
        root, load = _open_legacy(path)
    table, notes = _find_table(path, root)
    return TensorSet(
        {name: _make_tensor(path, name, stored, load) for name, stored in table.items()},
        notes,
        (path,),
    )


def _unpickle(path: Path, file: BinaryIO) -> Any:
    try:
        return TensorsOnly(file, encoding="latin1").load()
    except RunError as error:
        raise RunError(f"{path} {error}") from None
    except Exception as error:  # a damaged pickle raises whatever the damage leads to
        raise RunError(f"{path} is damaged: its pickle cannot be read ({first_line(error)}).") from None


def _open_zip(path: Path) -> tuple[Any, LoadStorage]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = {member.filename: member for member in archive.infolist()}
            pickles = [name for name in members if name.count("/") == 1 and name.endswith("/data.pkl")]
            if any("/code/" in name for name in members):
                raise RunError(f"{path} is a TorchScript program, not weights. {_AGAIN}")
            if len(pickles) != 1:
                raise RunError(f"{path} is a zip archive, but not one of torch.save: it has no data.pkl.")
            if members[pickles[0]].file_size > _MOST_PICKLE:
                size = format_bytes(members[pickles[0]].file_size)
                raise RunError(f"{path}: data.pkl in it has {size}; that of weights has less than 64 MB.")
            content = archive.read(pickles[0])
            folder = pickles[0].removesuffix("data.pkl")
            order = members.get(f"{folder}byteorder")
            is_big = order is not None and order.file_size == 3 and archive.read(order) == b"big"
    except _DAMAGED as error:
        raise RunError(f"{path} is damaged: its archive cannot be read ({first_line(error)}).") from None

    def load(storage: Storage) -> np.ndarray:
        dtype = NUMPY[storage.dtype]
        member = members.get(f"{folder}data/{storage.key}")
        if member is None:
            raise RunError(f"{path}: data/{storage.key} is not in the archive: it is incomplete.")
        needed = (storage.start + storage.count) * dtype.itemsize
        if member.compress_type != zipfile.ZIP_STORED or member.file_size < needed:
            raise RunError(
                f"{path}: data/{storage.key} must have {needed:,} bytes, uncompressed; got {member.file_size:,}."
            )
        try:
            with zipfile.ZipFile(path) as archive:
                numbers = np.frombuffer(archive.read(member), dtype.newbyteorder(">") if is_big else dtype)
        except _DAMAGED as error:
            raise RunError(f"{path}: data/{storage.key} is damaged ({first_line(error)}).") from None
        return numbers[storage.start : storage.start + storage.count].astype(dtype, copy=False)

    return _unpickle(path, io.BytesIO(content)), load


def _open_legacy(path: Path) -> tuple[Any, LoadStorage]:
    """The format before torch 1.6: pickles of magic, version, machine, object and keys, then the storages."""
    with path.open("rb") as file:
        if file.read(len(LEGACY_HEAD)) != LEGACY_HEAD:
            raise RunError(f"{path} is not a file of torch.save. {_AGAIN}")
        version, machine = _unpickle(path, file), _unpickle(path, file)
        if version != 1001 or not isinstance(machine, dict) or not machine.get("little_endian", True):
            raise RunError(f"{path} has a form of torch.save that is not read. {_AGAIN}")
        reader = TensorsOnly(file, encoding="latin1")
        storages: dict[str, Storage] = {}
        make = reader.persistent_load

        def remember(pid: Any) -> Storage:
            storage = make(pid)
            whole = Storage(storage.key, storage.dtype, pid[4])
            storages[storage.key] = whole
            return storage

        reader.persistent_load = remember  # type: ignore[method-assign]
        root = _load(path, reader)
        keys = _unpickle(path, file)
        places = _find_places(path, file, keys, storages)

    def load(storage: Storage) -> np.ndarray:
        dtype = NUMPY[storage.dtype]
        if storage.key not in places or places[storage.key][1] < storage.start + storage.count:
            raise RunError(f"{path}: storage {storage.key} is not in the file: it is incomplete.")
        offset = places[storage.key][0] + storage.start * dtype.itemsize
        return np.fromfile(path, dtype, storage.count, offset=offset)

    return root, load


def _load(path: Path, reader: TensorsOnly) -> Any:
    try:
        return reader.load()
    except RunError as error:
        raise RunError(f"{path} {error}") from None
    except Exception as error:
        raise RunError(f"{path} is damaged: its pickle cannot be read ({first_line(error)}).") from None


def _find_places(
    path: Path, file: BinaryIO, keys: Any, storages: Mapping[str, Storage]
) -> dict[str, tuple[int, int]]:
    """Key -> (offset in bytes, numbers) of each storage that follows."""
    size, places = path.stat().st_size, {}
    if not isinstance(keys, list) or not all(isinstance(key, str) and key in storages for key in keys):
        raise RunError(f"{path} is damaged: the keys of its storages cannot be read.")
    for key in keys:
        count = int.from_bytes(file.read(8), "little")
        start, length = file.tell(), count * NUMPY[storages[key].dtype].itemsize
        if start + length > size:
            raise RunError(
                f"{path} is cut short: storage {key} should end at byte {start + length:,}; the file has {size:,}."
            )
        places[key] = (start, count)
        file.seek(length, 1)
    return places


def _find_table(path: Path, root: Any) -> tuple[dict[str, StoredTensor], tuple[str, ...]]:
    """The state dict in what was saved, and a note if it is one of several things there."""
    notes: list[str] = []
    if isinstance(root, dict) and not any(isinstance(value, StoredTensor) for value in root.values()):
        inside = [key for key in _TABLES if isinstance(root.get(key), dict) and root[key]]
        if inside:
            notes.append(f"The weights are those under {inside[0]!r} in the checkpoint.")
            root = root[inside[0]]
    if not isinstance(root, dict) or not any(isinstance(value, StoredTensor) for value in root.values()):
        raise RunError(f"{path} holds no weights by name. Save a state_dict() with torch.save.")
    table = {str(key): value for key, value in root.items() if isinstance(value, StoredTensor)}
    others = [str(key) for key, value in root.items() if not isinstance(value, StoredTensor)]
    if others:
        notes.append(f"{', '.join(others[:5])} beside the weights is no tensor, and is not imported.")
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in table):
            table = {name.removeprefix(prefix): value for name, value in table.items()}
    return table, tuple(notes)


def _make_tensor(path: Path, name: str, stored: StoredTensor, load: LoadStorage) -> Tensor:
    storage = stored.storage
    steps = zip(stored.shape, stored.strides, strict=True)
    last = stored.offset + sum((side - 1) * stride for side, stride in steps)
    needed = math.prod(stored.shape) * NUMPY[storage.dtype].itemsize
    if needed > path.stat().st_size:  # strides of 0 let a few bytes stand for gigabytes
        raise RunError(
            f"{path}: {name} of shape {stored.shape} has more numbers than the file: it is damaged."
        )
    if 0 not in stored.shape and last >= storage.count:
        raise RunError(
            f"{path}: {name} of shape {stored.shape} reaches number {last:,} of its storage, which has "
            f"{storage.count:,}: the file is damaged."
        )

    def read() -> np.ndarray:
        numbers = load(storage)
        if len(numbers) < storage.count:
            raise RunError(f"{path}: {name} cannot be read: the file is cut short.")
        strides = tuple(stride * numbers.itemsize for stride in stored.strides)
        view = np.lib.stride_tricks.as_strided(numbers[stored.offset :], stored.shape, strides)
        return np.ascontiguousarray(view).reshape(stored.shape)

    return Tensor(name, stored.shape, storage.dtype, read)
