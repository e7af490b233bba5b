"""Small image files, zips of them and a CIFAR-10 archive, for the tests of all readers."""

import io
import pickle
import tarfile
import zipfile

import numpy as np
from PIL import Image


def png(grey: int, size=(8, 8)) -> bytes:
    """A PNG of one grey."""
    file = io.BytesIO()
    Image.new("RGB", size, (grey, grey, grey)).save(file, "PNG")
    return file.getvalue()


def pack(path, files: dict[str, bytes]):
    """Write a zip of these files; its path."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def photos(*folders: str, start: int = 0) -> dict[str, bytes]:
    """Four images for each folder, by their names, all different."""
    return {
        f"{folder}/{i}.png": png(start + 10 * n + i) for n, folder in enumerate(folders) for i in range(4)
    }


def write_cifar(path, change=None, compression="w:gz"):
    """Write an archive of four images for each batch; `change` is (batch, other content)."""
    rng = np.random.default_rng(0)
    with tarfile.open(path, compression) as archive:
        for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch", "batches.meta"):
            batch = {b"data": rng.integers(0, 256, (4, 3072), np.uint8), b"labels": [0, 1, 2, 9]}
            content = pickle.dumps(batch) if change is None or name != change[0] else change[1]
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path
