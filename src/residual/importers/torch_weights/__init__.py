"""Weights of torchvision's and timm's ResNets: .pth files, .safetensors files, sets of shards, and timm's folders."""

from residual.importers.torch_weights.importer import LABEL, load, matches

__all__ = ["LABEL", "load", "matches"]
