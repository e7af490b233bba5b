"""Weights in several files: an index says which file holds which tensor."""

import json
from collections.abc import Callable
from pathlib import Path

from residual.errors import RunError
from residual.importers.tensor_files.tensors import Tensor, TensorSet

_MOST_INDEX = 32 * 2**20  # bytes


def open_shards(path: Path, open_one: Callable[[Path], TensorSet]) -> TensorSet:
    """The tensors that an index such as model.safetensors.index.json lists.

    Args:
        path: the index.
        open_one: opens a file of tensors.

    Raises:
        RunError: the index is damaged, a file is missing or lies elsewhere, or a file lacks a tensor.
    """
    if path.stat().st_size > _MOST_INDEX:
        raise RunError(f"{path} is too large for an index of weights.")
    try:
        places = json.loads(path.read_bytes())["weight_map"]
        wanted = {str(name): Path(file) for name, file in places.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise RunError(f"{path} is damaged: it must be JSON with a weight_map from names to files.") from None
    opened: dict[Path, TensorSet] = {}
    for name, file in wanted.items():
        if file.name != str(file):
            raise RunError(f"{path}: {name} is said to be in {file}; shards must lie beside their index.")
        if file not in opened:
            if not (path.parent / file).is_file():
                raise RunError(f"{path}: its shard {file} is missing. Put all shards into {path.parent}.")
            opened[file] = open_one(path.parent / file)
    tensors: dict[str, Tensor] = {}
    for name, file in wanted.items():
        if name not in opened[file].tensors:
            raise RunError(f"{path}: {name} should be in {file}, which does not hold it.")
        tensors[name] = opened[file].tensors[name]
    unlisted = [name for shard in opened.values() for name in shard.tensors if name not in wanted]
    if unlisted:
        raise RunError(f"{path} does not list {', '.join(sorted(unlisted)[:3])}, which its shards hold.")
    return TensorSet(tensors, files=tuple(path.parent / file for file in opened))
