"""A real server on a real port: slow, endless and many connections, load, and the end."""

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.serving.conftest import BLUE, RED
from tests.support.live_server import exchange, read_all, run_server, wait_until
from tests.support.small_onnx import write_small_onnx

HEAD = b"POST /predict HTTP/1.1\r\nHost: localhost\r\n"


def ask(port: int, body: bytes = RED, path: str = "/predict") -> tuple[int, dict]:
    """Status and JSON of one request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("POST", path, body)
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def strict(engine):
    """A server that has little patience."""
    limits = {"header_timeout": 0.3, "body_timeout": 0.3, "max_body": 20_000, "max_connections": 40}
    with run_server(engine, **limits) as (port, server):
        server.config.timeout_keep_alive = 0.3  # type: ignore[assignment]
        yield port, server


@pytest.fixture(autouse=True)
def goes_on(request):
    """After each test of the strict server it has no connections and answers."""
    yield
    if "strict" in request.fixturenames:
        port, server = request.getfixturevalue("strict")
        wait_until(lambda: not server.server_state.connections)
        assert ask(port)[0] == 200


def split(answer: bytes) -> tuple[int, str]:
    """Status and error of a raw response."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


@pytest.mark.parametrize("sent", [b"", b"POST /pre", HEAD, HEAD + b"X: y"])
def test_a_head_that_does_not_end_is_given_up(strict, sent):
    assert split(exchange(strict[0], sent)) == (
        408,
        "The head of the request must arrive within 0.3 seconds.",
    )


def test_a_head_in_drops_is_given_up(strict):
    with socket.create_connection(("127.0.0.1", strict[0]), 5) as slow:
        started = time.monotonic()
        for byte in HEAD * 10:
            try:
                slow.send(bytes([byte]))
            except ConnectionError:
                break
            time.sleep(0.02)
        assert time.monotonic() - started < 2


def test_a_body_that_does_not_come_is_given_up(strict):
    status, error = split(exchange(strict[0], HEAD + b"Content-Length: 100\r\n\r\nabc"))
    assert (status, error) == (408, "The body must arrive within 0.3 seconds.")


def test_a_body_in_drops_is_given_up(strict):
    with socket.create_connection(("127.0.0.1", strict[0]), 5) as slow:
        slow.sendall(HEAD + b"Content-Length: 1000\r\n\r\n")
        started = time.monotonic()
        while time.monotonic() - started < 3:
            try:
                slow.send(b"x")
            except ConnectionError:
                break
            time.sleep(0.02)
        assert time.monotonic() - started < 2


def test_an_endless_body_in_chunks_is_refused_and_the_connection_closed(strict):
    chunk = b"1000\r\n" + bytes(0x1000) + b"\r\n"
    with socket.create_connection(("127.0.0.1", strict[0]), 5) as endless:
        endless.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        started = time.monotonic()
        while time.monotonic() - started < 3:
            try:
                endless.sendall(chunk)
            except ConnectionError:
                break
            time.sleep(0.001)
        assert time.monotonic() - started < 2


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(strict):
    with socket.create_connection(("127.0.0.1", strict[0]), 5) as eager:
        eager.sendall(HEAD + b"Content-Length: 100000000\r\nExpect: 100-continue\r\n\r\n")
        assert split(read_all(eager)) == (413, "The body must be at most 20.0 kB.")


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n\x00\xff nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",  # no Host
        HEAD + b"Content-Length: -5\r\n\r\n",
        HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /" + b"a" * 30_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        HEAD + b"X: " + b"a" * 30_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
    ],
)
def test_what_is_not_http_is_refused(strict, sent):
    answer = exchange(strict[0], sent)
    assert answer == b"" or split(answer)[0] in (400, 408, 431)


def test_connections_beyond_the_limit_are_refused(strict):
    port, server = strict
    idle = []
    try:
        for _ in range(40):
            idle.append(socket.create_connection(("127.0.0.1", port), 5))
        wait_until(lambda: len(server.server_state.connections) == 40)
        refused = [split(exchange(port, b"")) for _ in range(5)]
        assert refused == [(503, "The server has too many connections. Try again in a second.")] * 5
    finally:
        for connection in idle:
            connection.close()


def test_who_does_not_read_the_answers_is_cut_off(strict):
    port, server = strict
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", port))
        lazy.settimeout(1)
        with pytest.raises(OSError, match=r"timed out|reset|Broken pipe"):
            lazy.sendall(b"GET /docs HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1_000_000)
        wait_until(lambda: not server.server_state.connections, 5)


def test_32_clients_get_their_own_answers_in_batches(engine):
    sizes = []

    def count(images):
        sizes.append(len(images))
        return compute(images)

    def work(number: int) -> list[str]:
        connection, labels = http.client.HTTPConnection("127.0.0.1", port, timeout=20), []
        for turn in range(6):
            connection.request("POST", "/predict?top=1", RED if (number + turn) % 2 else BLUE)
            labels.append(json.loads(connection.getresponse().read())["predictions"][0]["label"])
        connection.close()
        return labels

    with run_server(engine) as (port, server):
        batcher = server.config.app.state.service.batcher
        compute, batcher._predict = batcher._predict, count
        with ThreadPoolExecutor(32) as clients:
            found = list(clients.map(work, range(32)))
        assert not server.server_state.tasks
    assert found == [
        [("red" if (number + turn) % 2 else "blue") for turn in range(6)] for number in range(32)
    ]
    assert sum(sizes) == 32 * 6
    assert len(sizes) < 32 * 6


def test_more_requests_than_places_get_503_and_the_others_their_answer(engine):
    started, allowed = threading.Event(), threading.Event()

    def block(images):
        started.set()
        assert allowed.wait(10)
        return compute(images)

    with run_server(engine, queue=4) as (port, server):
        service = server.config.app.state.service
        compute, service.batcher._predict = service.batcher._predict, block
        with ThreadPoolExecutor(5) as clients:
            accepted = [clients.submit(ask, port) for _ in range(4)]
            wait_until(lambda: service.batcher.length == 4)
            assert ask(port)[0] == 503
            allowed.set()
            assert [one.result()[0] for one in accepted] == [200] * 4


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 0)])
def test_the_command_serves_without_keras_and_finishes_what_it_accepted(tmp_path, number, code):
    file = write_small_onnx(tmp_path / "colours.onnx")
    script = (
        "import sys, residual.cli\n"
        "sys.modules['openvino'] = None\n"  # so that nothing is measured, whatever is installed
        "try: residual.cli.main()\n"
        "finally: print(sorted({'keras', 'tensorflow', 'torch', 'jax', 'scipy', 'matplotlib'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", script, "serve", str(file), "--port", "0"]
    settings = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=settings) as process,
        contextlib.ExitStack() as ending,
    ):
        ending.callback(process.kill)  # a failure must not wait for a server
        assert process.stdout.readline() == f"colours: linear, 3 classes, {_runtime()}\n"
        port = int(
            re.fullmatch(
                r"serving at http://127\.0\.0\.1:(\d+)  \(Ctrl-C stops\)\n", process.stdout.readline()
            )[1]
        )
        assert ask(port)[1]["predictions"][0]["label"] == "red"
        with socket.create_connection(("127.0.0.1", port), 10) as unfinished:
            unfinished.sendall(HEAD + f"Content-Length: {len(RED)}\r\n\r\n".encode() + RED[:30])
            time.sleep(0.1)
            process.send_signal(number)
            time.sleep(0.2)
            unfinished.sendall(RED[30:])
            answer = read_all(unfinished)
        assert answer.startswith(b"HTTP/1.1 200")
        assert process.stdout.read() == "[]\n"
        assert process.wait(20) == code


def _runtime() -> str:
    import onnxruntime

    return f"ONNX Runtime {onnxruntime.__version__}"
