"""A Keras model as an ONNX graph, written layer by layer: one small function for each kind of layer.

Nothing here needs TensorFlow: the model may run on any backend. `write_graph` is the way in, `layers.LAYERS` the table.
"""

from residual.exporters.onnx_graph.walk import write_graph

__all__ = ["write_graph"]
