"""Networks that other programs wrote: old HDF5 model files."""

from residual.interop.old_h5 import Converted, convert

__all__ = ["Converted", "convert"]
