"""Files of tensors, whole and harmful, written without torch."""

import json
import struct
import zipfile
from pathlib import Path

import numpy as np

TYPES = {"float32": "F32", "float16": "F16", "float64": "F64", "int64": "I64", "uint16": "BF16"}


def write_safetensors(path: Path, arrays: dict[str, np.ndarray], **changes) -> Path:
    """A .safetensors file; uint16 stands for bfloat16. `changes` replace entries of its header."""
    header, content = {}, b""
    for name, array in arrays.items():
        start, content = len(content), content + np.ascontiguousarray(array).tobytes()
        header[name] = {
            "dtype": TYPES[str(array.dtype)],
            "shape": list(array.shape),
            "data_offsets": [start, len(content)],
        }
    text = json.dumps({**header, "__metadata__": {"format": "pt"}, **changes}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + content)
    return path


def call(module: str, name: str, argument: str) -> bytes:
    """A pickle that calls a function with one text."""
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"X" + struct.pack("<I", len(argument)) + (
        argument.encode() + b"\x85R."
    )  # fmt: skip


def write_pth(path: Path, pickle: bytes, **members: bytes) -> Path:
    """A zip archive as torch.save writes it, around any pickle."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", pickle)
        for name, content in members.items():
            archive.writestr(f"archive/{name}", content)
    return path


def small_state(seed: int = 0) -> dict[str, np.ndarray]:
    """The arrays of a ResNet of torchvision with two stages of one basic block, 2 classes."""
    rng, state = np.random.default_rng(seed), {}

    def conv(name: str, *shape: int) -> None:
        state[f"{name}.weight"] = rng.normal(0, 0.2, shape).astype(np.float32)

    def norm(name: str, channels: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{name}.{part}"] = rng.uniform(0.5, 1.5, channels).astype(np.float32)
        state[f"{name}.num_batches_tracked"] = np.array(7, np.int64)

    conv("conv1", 8, 3, 7, 7)
    norm("bn1", 8)
    for stage, (inputs, width) in enumerate(((8, 8), (8, 12)), 1):
        for i, channels in ((1, inputs), (2, width)):
            conv(f"layer{stage}.0.conv{i}", width, channels, 3, 3)
            norm(f"layer{stage}.0.bn{i}", width)
        if inputs != width:
            conv(f"layer{stage}.0.downsample.0", width, inputs, 1, 1)
            norm(f"layer{stage}.0.downsample.1", width)
    conv("fc", 2, 12)
    state["fc.bias"] = np.array([0.5, -0.5], np.float32)
    return state
