"""A small engine, and clients of applications that serve it."""

import contextlib
import io
import warnings
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image

from residual.engines import open_engine
from residual.engines.engine import Engine
from residual.serving.app import make_app
from residual.serving.options import ServeOptions
from tests.support.small_onnx import write_small_onnx

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # newer versions would rather have httpx2, older ones know only httpx
    from starlette.testclient import TestClient


def encode_image(image: Image.Image | np.ndarray, kind: str = "PNG", **options) -> bytes:
    """The bytes of an image file."""
    file = io.BytesIO()
    picture = image if isinstance(image, Image.Image) else Image.fromarray(image)
    picture.save(file, kind, **options)
    return file.getvalue()


RED = encode_image(Image.new("RGB", (40, 30), (200, 40, 30)))
BLUE = encode_image(Image.new("RGB", (20, 30), (10, 40, 220)), "JPEG")


@pytest.fixture(scope="session")
def engine(tmp_path_factory) -> Engine:
    """The network that names the strongest of three colours."""
    return open_engine(write_small_onnx(tmp_path_factory.mktemp("engine") / "colours.onnx"), threads=1)


@contextlib.contextmanager
def open_client(engine: Engine, samples=(), raises: bool = True, **options) -> Iterator[TestClient]:
    """A client of an application with these options."""
    app = make_app(engine, ServeOptions(**options), samples)
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=raises) as client:
        yield client


@pytest.fixture(scope="session")
def client(engine) -> Iterator[TestClient]:
    """A client of an application with the usual options."""
    with open_client(engine) as opened:
        yield opened


@pytest.fixture
def client_with(engine) -> Iterator[Callable[..., TestClient]]:
    """Makes clients of applications with other options."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(open_client(engine, **options))
