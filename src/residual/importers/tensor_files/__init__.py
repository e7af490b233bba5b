"""Files of named tensors, read as arrays: safetensors, files of torch.save, and sets of shards. Nothing in them is run.

tensors      a tensor that is read when it is needed; numbers of each type as float32
safetensors  header and offsets
pickled      the restricted unpickler of torch.save
torch_file   the archives of torch.save: zip and the format before torch 1.6
shards       an index of several files
opening      which of them a file is
"""

from residual.importers.tensor_files.opening import SUFFIXES, is_tensor_file, open_tensors
from residual.importers.tensor_files.tensors import Tensor, TensorSet

__all__ = ["SUFFIXES", "Tensor", "TensorSet", "is_tensor_file", "open_tensors"]
