"""Explain what is lost in an HDF5 file that ends too early: an interrupted copy or download.

The HDF5 library refuses such a file as a whole. If the file is filled up in memory, the part that is there can be
read, and the layers that lie beyond the end can be named.
"""

import io
import struct
from pathlib import Path
from typing import cast

import h5py

# Byte offset of the end-of-file address in the superblock, by its version.
# Source: HDF5 File Format Specification Version 3.0, section II.A.
_END_AT = {0: 40, 1: 44, 2: 28, 3: 28}

# Largest file to fill up in memory, in bytes; the announced size may itself be damaged.
_MOST = 1 << 32


def explain_truncation(path: Path, error: OSError) -> str:
    """One sentence on why HDF5 cannot open `path`, naming the first layer that is lost."""
    data = path.read_bytes()
    whole = _read_announced_size(data)
    if whole is None or whole <= len(data):
        return f"{path} cannot be opened: {error}"
    return f"{path} is cut short: {len(data):,} of its {whole:,} bytes are there, and {_describe_loss(data, whole)}."


def _read_announced_size(data: bytes) -> int | None:
    """The size that the file's first bytes announce."""
    at = _END_AT.get(data[8]) if len(data) > 8 else None
    if at is None or len(data) < at + 8:
        return None
    (end,) = struct.unpack_from("<Q", data, at)
    return end


def _describe_loss(data: bytes, whole: int) -> str:
    """What lies beyond the end, in words."""
    if whole > _MOST:
        return "the rest is lost"
    # The filling is not a structure that the library knows, so it raises something. (In zeros it may loop for
    # ever: a length of zero leads nowhere.)
    try:
        with h5py.File(io.BytesIO(data.ljust(whole, b"\xff")), "r") as file:
            root = cast(h5py.Group, file.get("model_weights", file))
            names = [name.decode() if isinstance(name, bytes) else name for name in root.attrs["layer_names"]]
            lost = [name for name in names if not _is_complete(root, name, len(data))]
    except Exception:  # h5py raises whatever the filling decodes to
        return "the list of its layers is lost"
    if not lost:
        return "the loss lies behind the last layer"
    return (
        f"{len(lost)} of its {len(names)} layers are lost: {', '.join(lost[:3])}{', ...' * (len(lost) > 3)}"
    )


def _is_complete(root: h5py.Group, layer: str, size: int) -> bool:
    """Whether `layer` can be looked up and its arrays lie within the first `size` bytes."""
    try:
        group = root[layer]
        return all(_find_end(group[name]) <= size for name in group.attrs["weight_names"])
    except Exception:  # as above: a layer that cannot be looked up is lost
        return False


def _find_end(data: h5py.Dataset) -> int:
    start = data.id.get_offset()
    return 0 if start is None else start + data.id.get_storage_size()
