"""Download weights with the means of the library that publishes them, and find what it has downloaded before.

Each function raises ImportError if the library is not installed, and whatever the library raises without a network.
"""

import os
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any


def list_caches(library: str, file: str) -> Iterator[Path]:
    """Where a library keeps a file that it has downloaded before."""
    if library == "torchvision":
        home = Path(os.environ.get("TORCH_HOME", "~/.cache/torch")).expanduser()
        yield home / "hub" / "checkpoints" / file
    if library == "keras-applications":
        yield Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "models" / file


def download_torchvision(name: str) -> Path:
    """The .pth file of "resnet50.v2"."""
    import torch
    from torchvision.models import get_model_weights

    network, _, version = name.rpartition(".")
    weights: Any = get_model_weights(network)[f"IMAGENET1K_{version.upper()}"]
    place = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rsplit("/", 1)[-1]
    place.parent.mkdir(parents=True, exist_ok=True)
    torch.hub.download_url_to_file(weights.url, str(place), progress=False)
    return place


def download_timm(name: str) -> Path:
    """The folder of "resnet50.a1_in1k"."""
    return _download_repository(f"timm/{name}")


def download_hf(name: str) -> Path:
    """The folder of "microsoft/resnet-50"."""
    return _download_repository(name)


def _download_repository(name: str) -> Path:
    from huggingface_hub import snapshot_download

    wanted = ["config.json", "preprocessor_config.json", "model.safetensors", "README.md"]
    return Path(snapshot_download(name, allow_patterns=wanted))


def download_keras_hub(name: str) -> Path:
    """The folder of the preset "resnet_50_imagenet"."""
    import kagglehub

    # Named as text, because type checkers take a plain import for the package of this name beside this file.
    presets = import_module("keras_hub.models").ResNetBackbone.presets
    if name not in presets:
        raise ValueError(f"keras-hub has no preset {name}; it has {', '.join(presets)}")
    return Path(kagglehub.model_download(presets[name]["kaggle_handle"].removeprefix("kaggle://")))


def download_applications(name: str) -> Path:
    """The .h5 file of "resnet50" or "resnet50v2"."""
    import keras

    class_name = name.replace("resnet", "ResNet").replace("v2", "V2")
    getattr(keras.applications, class_name)(weights="imagenet")
    return next(list_caches("keras-applications", f"{name}_weights_tf_dim_ordering_tf_kernels.h5"))
