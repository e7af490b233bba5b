"""A server that `serving.py` compares with: LitServe, with batches of 32 and the window of `residual serve`.

python benchmarks/serving_litserve.py network.onnx PORT
"""

import litserve
import numpy as np
from fastapi import UploadFile
from serving_peers import PORT, decode, open_network


class Network(litserve.LitAPI):
    """Decodes, stacks, computes: LitServe calls the methods in this order."""

    def setup(self, device):
        self.session, self.name, self.card = open_network()

    def decode_request(self, request: UploadFile):
        return decode(request.file.read(), self.card["image_size"])

    def batch(self, inputs):
        return np.stack(inputs)

    def predict(self, batch):
        return self.session.run(None, {self.name: batch})[0]

    def unbatch(self, output):
        return list(output)

    def encode_response(self, output):
        return {label: float(value) for label, value in zip(self.card["classes"], output, strict=True)}


if __name__ == "__main__":
    server = litserve.LitServer(Network(max_batch_size=32, batch_timeout=0.003), accelerator="cpu")
    server.run(port=PORT, log_level="error", generate_client_file=False)
