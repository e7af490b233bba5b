"""HDF5 models of older versions of Keras."""
