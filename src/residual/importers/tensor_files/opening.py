"""Open a file of tensors, of whatever kind it is."""

from pathlib import Path

from residual._zip_file import is_zip
from residual.errors import RunError
from residual.importers.tensor_files.safetensors import open_safetensors
from residual.importers.tensor_files.shards import open_shards
from residual.importers.tensor_files.tensors import TensorSet
from residual.importers.tensor_files.torch_file import LEGACY_HEAD, open_torch_file

SUFFIXES = (".safetensors", ".pth", ".pt", ".index.json")


def is_tensor_file(path: Path) -> bool:
    """Whether a file is named as weights are, is a zip archive named .bin, or begins as torch.save did before 1.6."""
    if path.name.lower().endswith(SUFFIXES):
        return True
    if path.suffix.lower() == ".bin" and is_zip(path):
        return True
    with path.open("rb") as file:
        return file.read(len(LEGACY_HEAD)) == LEGACY_HEAD


def open_tensors(path: Path) -> TensorSet:
    """The tensors of a file: .safetensors, of torch.save, or an index of shards.

    Raises:
        RunError: the file is damaged, cut short, or holds more than weights.
    """
    if path.stat().st_size == 0:
        raise RunError(f"{path} is empty.")
    if path.name.lower().endswith(".index.json"):
        return open_shards(path, open_tensors)
    if path.suffix.lower() == ".safetensors":
        return open_safetensors(path)
    return open_torch_file(path)
