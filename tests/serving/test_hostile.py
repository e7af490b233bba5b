"""What is wrong gets a status and one sentence, and the server goes on."""

import base64
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.serving.conftest import BLUE, RED, encode_image, open_client

HUGE_HEAD = encode_image(Image.new("1", (10, 10)))  # whose size is changed to 60,000 x 60,000


def claim_size(png: bytes, side: int) -> bytes:
    """A PNG file whose head says that it is larger than it is."""
    head = b"IHDR" + side.to_bytes(4, "big") * 2 + png[24:29]
    return png[:12] + head + zlib.crc32(head).to_bytes(4, "big") + png[33:]


def check_refused(answer, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    error = answer.json()["error"]
    assert answer.json() == {"error": error}
    assert all(word in error for word in words), error
    assert "Traceback" not in error
    assert "\n" not in error


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "it is empty"),
        (b"hello", "its content is no known image format"),
        (b"<html></html>", "its content is no known image format"),
        (RED[:60], "not an image that can be read"),
        (BLUE[:-200], "not an image that can be read"),
        (RED[:20] + b"\xff" * 40, "not an image that can be read"),
        (claim_size(HUGE_HEAD, 60_000), "too large to open safely"),
        (b"\xff\xd8\xff" + bytes(500), "not an image that can be read"),
        (np.random.default_rng(0).bytes(5000), "its content is no known image format"),
    ],
)
def test_what_is_no_image_is_refused(client, body, words):
    check_refused(client.post("/predict", content=body), 422, words)
    check_refused(client.post("/explain", content=body), 422, words)


def test_an_image_with_more_pixels_than_allowed_is_not_decoded(client_with):
    client = client_with(max_pixels=1000)
    check_refused(
        client.post("/predict", content=encode_image(Image.new("RGB", (40, 26)))), 422, "over 1,000 pixels"
    )
    assert client.post("/predict", content=encode_image(Image.new("RGB", (40, 25)))).status_code == 200


def test_a_body_that_says_it_is_too_large_is_not_read(client_with):
    client = client_with(max_body=5000)

    def send():
        raise AssertionError("the body was read")
        yield b""

    check_refused(
        client.post("/predict", content=send(), headers={"Content-Length": "100000000"}),
        413,
        "at most 5.0 kB",
    )


def test_a_body_in_chunks_is_read_up_to_the_limit(client_with):
    client = client_with(max_body=5000)
    check_refused(client.post("/predict", content=iter([bytes(1000)] * 6)), 413, "at most 5.0 kB")
    assert client.app.state.service.held_bytes == 0


def test_bodies_of_all_requests_together_are_bounded(client_with):
    client = client_with(max_body=5000)
    service = client.app.state.service
    service.held_bytes = service.max_held_bytes - 10
    check_refused(client.post("/predict", content=RED), 503, "as many uploads")
    assert service.held_bytes == service.max_held_bytes - 10


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/xml", "video/mp4", "nonsense", "multipart/mixed; boundary=a"]
)
def test_other_types_are_refused(client, kind):
    check_refused(
        client.post("/predict", content=RED, headers={"Content-Type": kind}), 415, "The body must be an image"
    )


def test_a_compressed_body_is_refused(client):
    answer = client.post("/predict", content=zlib.compress(RED), headers={"Content-Encoding": "deflate"})
    check_refused(answer, 415, "Content-Encoding")


@pytest.mark.parametrize(
    ("value", "status"),
    [
        ({}, 400),
        ({"image": None}, 400),
        ({"image": "%%%"}, 400),
        ({"image": "abc"}, 400),
        ({"image": "data:image/png,abc"}, 400),
        ({"image": "äöü"}, 400),
        ({"image": ""}, 422),
        ({"image": "aGVsbG8="}, 422),
        ({"images": []}, 400),
        ({"images": "aGVsbG8="}, 400),
        ({"images": [1]}, 400),
        ({"image": "aGVsbG8=", "images": ["aGVsbG8="]}, 400),
        ({"image": "aGVsbG8=", "other": 1}, 400),
        ({"image": base64.b64encode(RED).decode(), "top": 0}, 422),
        ({"image": base64.b64encode(RED).decode(), "top": 1e300}, 400),
        ([], 400),
        (5, 400),
    ],
)
def test_bad_json_is_refused(client, value, status):
    check_refused(client.post("/predict", json=value), status)


@pytest.mark.parametrize(
    "body", [b"", b"{", b'{"image": NaN}', b"\xff\xfe", b"[" * 100_000, b'{"image":"\xff"}']
)
def test_what_is_no_json_is_refused(client, body):
    check_refused(
        client.post("/predict", content=body, headers={"Content-Type": "application/json"}), 400, "JSON"
    )


FIELD = b'--x\r\nContent-Disposition: form-data; name="path"\r\n\r\n/etc/passwd\r\n--x--\r\n'
PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("multipart/form-data", PART + RED + b"\r\n--x--\r\n", 400),
        ("multipart/form-data; boundary=", b"", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"--x--\r\n", 400),
        ("multipart/form-data; boundary=x", PART + RED, 400),
        ("multipart/form-data; boundary=x", b"garbage" + RED, 400),
        ("multipart/form-data; boundary=" + "x" * 5000, PART, 400),
        ("multipart/form-data; boundary=x", PART + b"hello\r\n--x--\r\n", 422),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nhello\r\n--x--\r\n", 400),
        ("multipart/form-data; boundary=x", (PART + b"\r\n") * 400 + b"--x--\r\n", 413),
        ("multipart/form-data; boundary=x", FIELD, 400),
    ],
)  # fmt: skip
def test_bad_forms_are_refused(client, kind, body, status):
    check_refused(client.post("/predict", content=body, headers={"Content-Type": kind}), status)


def test_more_images_than_places_never_fit(client_with):
    client = client_with(queue=2)
    check_refused(client.post("/predict", files=[("image", ("a", RED))] * 3), 413, "at most 2 images")
    assert client.post("/predict", files=[("image", ("a", RED))] * 2).status_code == 200


def test_a_full_queue_answers_503_at_once_and_says_when_to_try_again(client_with):
    client = client_with(queue=1)
    with client.app.state.service.batcher.take_places(1):
        for path in ("/predict", "/explain", "/v2/models/colours/infer"):
            answer = client.post(path, content=RED)
            check_refused(answer, 503, "All 1 places")
            assert answer.headers["retry-after"] == "1"
    assert client.post("/predict", content=RED).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/../../etc/passwd",
        "/assets/../page.py",
        "/assets/%2e%2e/page.py",
        "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/openapi.json",
        "/samples/0",
        "/samples/-1",
        "/samples/99999999999999999999",
        "/v2/models/other",
        "/v2/models/..%2f..%2fetc%2fpasswd/ready",
    ],
)
def test_no_other_file_or_network_is_found(client, path):
    check_refused(client.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/predict"),
        ("POST", "/"),
        ("DELETE", "/model"),
        ("OPTIONS", "/predict"),
        ("TRACE", "/healthz"),
    ],
)
def test_other_methods_are_refused(client, method, path):
    answer = client.request(method, path)
    check_refused(answer, 405, method)
    assert answer.headers["allow"]


def test_other_names_of_this_machine_are_refused(client, client_with):
    for host in (
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "",
        "[::2]",
        "a\x01b",
    ):
        check_refused(client.get("/healthz", headers={"Host": host}), 400, "--allow-host")
    for host in ("localhost", "LOCALHOST:1234", "127.0.0.1:8000", "[::1]:8000"):
        assert client.get("/healthz", headers={"Host": host}).status_code == 200
    named = client_with(allow_hosts=["Signs.example"])
    assert named.get("/healthz", headers={"Host": "signs.example:443"}).status_code == 200
    check_refused(named.get("/healthz", headers={"Host": "evil.example"}), 400)
    assert client_with(host="0.0.0.0").get("/healthz", headers={"Host": "any.example"}).status_code == 200


def test_other_sites_may_use_it_only_if_they_are_named(client, client_with):
    asked = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    assert not [
        name for name in client.get("/model", headers=asked).headers if name.startswith("access-control")
    ]
    named = client_with(allow_origins=["https://a.example"])
    assert (
        named.options("/predict", headers=asked).headers["access-control-allow-origin"] == "https://a.example"
    )
    other = named.get("/model", headers={"Origin": "https://b.example"})
    assert "access-control-allow-origin" not in other.headers


def test_every_answer_has_the_headers_for_safety(client):
    answers = [
        client.get("/"),
        client.get("/nothing"),
        client.post("/predict", content=b""),
        client.get("/assets/page.js"),
    ]
    answers.append(client.get("/", headers={"Host": "evil.example"}))
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "server" not in answer.headers


def test_a_fault_of_ours_is_one_sentence_without_details(engine, monkeypatch):
    with open_client(engine, raises=False) as client:

        def fail(images):
            raise RuntimeError("secret /etc/path")

        monkeypatch.setattr(client.app.state.service.batcher, "_predict", fail)
        answer = client.post("/predict", content=RED)
        check_refused(answer, 500, "Its log has the details")
        assert "secret" not in answer.text
        monkeypatch.undo()
        assert client.post("/predict", content=RED).status_code == 200
