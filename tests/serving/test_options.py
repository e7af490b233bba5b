"""What the server is asked is checked before it starts."""

import socket
from pathlib import Path

import pytest

from residual.errors import ResidualError, RunError
from residual.serving.options import ServeOptions
from residual.serving.quantities import parse_bytes, parse_seconds
from residual.serving.server import find_engine_file, open_socket


@pytest.mark.parametrize(
    ("text", "value"), [("20MB", 20_000_000), ("1.5 kB", 1500), ("1GiB", 2**30), ("512", 512), ("3b", 3)]
)
def test_sizes(text, value):
    assert parse_bytes("max_body", text) == value


@pytest.mark.parametrize("text", ["", "MB", "-1MB", "0", "1TB", "1e3", "nan", "20 M B"])
def test_what_is_no_size(text):
    with pytest.raises(ResidualError, match='max_body must be a size such as "20MB"'):
        parse_bytes("max_body", text)


@pytest.mark.parametrize(
    ("text", "value"), [("3ms", 0.003), ("0.5s", 0.5), ("2m", 120), ("0", 0), ("1 min", 60)]
)
def test_times(text, value):
    assert parse_seconds("window", text) == pytest.approx(value)


@pytest.mark.parametrize("text", ["", "3", "ms", "-3ms", "1h", "inf"])
def test_what_is_no_time(text):
    with pytest.raises(ResidualError, match='window must be a time such as "3ms"'):
        parse_seconds("window", text)


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 65_536},
        {"port": -1},
        {"queue": 0},
        {"window": 2.0},
        {"max_batch": 0},
        {"max_body": 10},
        {"threads": -1},
        {"header_timeout": 0.0},
        {"root_path": "signs"},
        {"root_path": "/signs/"},
        {"allow_origins": ["a.example"]},
        {"max_pixels": 10**9},
    ],
)
def test_values_out_of_range_are_named(wrong):
    with pytest.raises(ResidualError, match=f"{next(iter(wrong))} must be "):
        ServeOptions(**wrong)


def test_only_addresses_of_this_machine_are_local():
    for host in ("127.0.0.1", "localhost", "::1", "127.1.2.3"):
        options = ServeOptions(host=host)
        assert options.is_local
        assert "localhost" in options.hosts
    for host in ("0.0.0.0", "::", "example.org"):
        options = ServeOptions(host=host)
        assert not options.is_local
        assert options.hosts is None


def test_a_port_that_is_taken_is_named():
    with open_socket(ServeOptions(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ResidualError, match=f"cannot listen on `host` 127.0.0.1, `port` {port}.*another `port`"
        ):
            open_socket(ServeOptions(port=port))


def test_an_address_of_another_machine_is_refused():
    with pytest.raises(ResidualError, match="cannot listen on `host` 203.0.113.1"):
        open_socket(ServeOptions(host="203.0.113.1"))


@pytest.mark.skipif(not socket.has_ipv6, reason="this Python has no IPv6")
def test_an_address_of_version_6():
    try:
        opened = open_socket(ServeOptions(host="::1", port=0))
    except ResidualError:
        pytest.skip("this machine has no IPv6")
    with opened:
        assert opened.getsockname()[0] == "::1"


def test_a_run_serves_the_network_beside_its_model(tmp_path):
    run = tmp_path / "runs" / "first-try"
    run.mkdir(parents=True)
    (run / "run.toml").write_text("")
    with pytest.raises(RunError, match="first-try has no engine.onnx.*residual export first-try --to onnx"):
        find_engine_file("first-try")
    (run / "engine.onnx").write_bytes(b"")
    assert find_engine_file("first-try").resolve() == run / "engine.onnx"
    assert find_engine_file("other/file.ONNX") == Path("other/file.ONNX")
    with pytest.raises(RunError, match="There is no run or model 'second'"):
        find_engine_file("second")
