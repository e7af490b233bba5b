"""The Open Inference Protocol: JSON, bytes after the JSON, and Triton's own client."""

import json

import numpy as np
import pytest

from residual.serving.tensors import HEADER
from tests.support.live_server import run_server

IMAGES = np.random.default_rng(1).integers(0, 256, (3, 8, 8, 3)).astype(np.uint8)
PATH = "/v2/models/colours/infer"


def make_input(**changes) -> dict:
    return {
        "name": "image",
        "shape": [3, 8, 8, 3],
        "datatype": "UINT8",
        "data": IMAGES.ravel().tolist(),
        **changes,
    }


def test_the_server_and_the_network_describe_themselves(client):
    for path in (
        "/v2/health/live",
        "/v2/health/ready",
        "/v2/models/colours/ready",
        "/v2/models/colours/versions/1/ready",
    ):
        assert client.get(path).status_code == 200
    assert client.get("/v2").json()["name"] == "residual"
    assert client.get("/v2/models/colours").json() == {
        "name": "colours",
        "versions": ["1"],
        "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "UINT8", "shape": [-1, 8, 8, 3]}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 3]}],
    }


@pytest.mark.parametrize("data", [IMAGES.ravel().tolist(), IMAGES.tolist()], ids=["flat", "nested"])
def test_json_tensors(client, engine, data):
    answer = client.post(PATH, json={"id": "7", "inputs": [make_input(data=data)]}).json()
    values = answer["outputs"][0].pop("data")
    assert answer == {
        "model_name": "colours",
        "model_version": "1",
        "id": "7",
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [3, 3]}],
    }
    assert np.array_equal(np.float32(values).reshape(3, 3), engine.predict(IMAGES))


def test_bytes_come_after_the_json(client, engine):
    given = make_input(parameters={"binary_data_size": IMAGES.size})
    del given["data"]
    head = json.dumps({"inputs": [given], "parameters": {"binary_data_output": True}}).encode()
    answer = client.post(PATH, content=head + IMAGES.tobytes(), headers={HEADER: str(len(head))})
    split = int(answer.headers[HEADER])
    assert answer.headers["content-type"] == "application/octet-stream"
    output = json.loads(answer.content[:split])["outputs"][0]
    assert output["parameters"] == {"binary_data_size": 36}
    assert np.array_equal(np.frombuffer(answer.content[split:], "<f4").reshape(3, 3), engine.predict(IMAGES))


@pytest.mark.parametrize(
    "inputs",
    [
        [],
        [make_input(), make_input()],
        [make_input(name="other")],
        [make_input(datatype="FP32")],
        [make_input(datatype="BYTES")],
        [make_input(shape=[3, 9, 8, 3])],
        [make_input(shape=[0, 8, 8, 3], data=[])],
        [make_input(shape=[-3, 8, 8, 3])],
        [make_input(shape=[3, 8, 24])],
        [make_input(shape=[2, 8, 8, 3])],
        [make_input(shape=[10**30, 8, 8, 3])],
        [make_input(data=None)],
        [make_input(data="abc")],
        [make_input(data=[1.5] * 576)],
        [make_input(data=[256] * 576)],
        [make_input(data=[-1] * 576)],
        [make_input(data=[10**30] * 576)],
        [make_input(data=[None] * 576)],
        [make_input(data=[True] * 576)],
        [make_input(data=["1"] * 576)],
        [make_input(data=[[1], [1, 2]])],
        [make_input(parameters={"binary_data_size": 5})],
        [make_input(parameters={"binary_data_size": 1e300})],
        [make_input(parameters=5)],
        [5],
        "image",
    ],
)
def test_wrong_tensors_are_refused(client, inputs):
    answer = client.post(PATH, json={"inputs": inputs})
    assert answer.status_code in (400, 413), answer.text
    assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    "changes",
    [
        {"outputs": [{"name": "other"}]},
        {"outputs": [{"name": "probabilities", "parameters": {"classification": 2}}]},
        {"parameters": {"binary_data_output": 1}},
        {"inputs": None},
    ],
)
def test_what_is_asked_in_vain_is_refused(client, changes):
    assert client.post(PATH, json={"inputs": [make_input()], **changes}).status_code == 400


@pytest.mark.parametrize("header", ["-1", "x", "1e3", "99999", "9" * 30, ""])
def test_a_wrong_length_of_the_json_is_refused(client, header):
    body = json.dumps({"inputs": [make_input()]}).encode()
    assert client.post(PATH, content=body, headers={HEADER: header}).status_code == 400


def test_deep_json_is_refused(client):
    body = b'{"inputs":[{"name":"image","shape":[1,8,8,3],"datatype":"UINT8","data":' + b"[" * 50_000
    assert client.post(PATH, content=body).status_code == 400
    nested = "[" * 90 + "]" * 90
    body = body[:-50_000] + f"{nested}}}]}}".encode()
    assert client.post(PATH, content=body).status_code == 400


def test_more_images_than_places_are_refused(client_with):
    client = client_with(queue=2)
    assert client.post(PATH, json={"inputs": [make_input()]}).status_code == 413


def test_triton_s_client_gets_the_same_numbers(engine):
    http = pytest.importorskip("tritonclient.http", reason="pip install 'tritonclient[http]'")
    with run_server(engine) as (port, _):
        triton = http.InferenceServerClient(f"localhost:{port}")
        assert triton.is_server_live()
        assert triton.is_server_ready()
        assert triton.is_model_ready("colours")
        assert triton.get_server_metadata()["extensions"] == ["binary_tensor_data"]
        assert triton.get_model_metadata("colours", "1")["inputs"][0]["shape"] == [-1, 8, 8, 3]
        for binary in (True, False):
            image = http.InferInput("image", [3, 8, 8, 3], "UINT8")
            image.set_data_from_numpy(IMAGES, binary_data=binary)
            output = http.InferRequestedOutput("probabilities", binary_data=binary)
            found = triton.infer("colours", [image], outputs=[output], request_id="a").as_numpy(
                "probabilities"
            )
            assert np.array_equal(found, engine.predict(IMAGES))
        assert np.array_equal(
            triton.infer("colours", [image]).as_numpy("probabilities"), engine.predict(IMAGES)
        )
        triton.close()
