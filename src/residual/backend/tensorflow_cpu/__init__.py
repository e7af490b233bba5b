"""Layers, updates and switches that are faster on TensorFlow and a CPU; the mathematics is that of Keras."""
