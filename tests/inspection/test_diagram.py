"""The diagram: files that open, the marks it shows, and what it refuses."""

from xml.etree import ElementTree

import keras
import pytest
from PIL import Image

from residual.errors import NetworkError
from residual.inspection.canvas import Canvas
from residual.inspection.diagram import save_diagram
from residual.inspection.summary import summarize
from residual.models import zoo
from residual.models.build import build_network

ORANGE, GREEN = (217, 115, 13), (47, 143, 78)


def summary_of(name: str):
    return summarize(build_network(zoo.find_spec(name), (32, 32, 3), 10))


def colours(path) -> set:
    """Every colour of a picture, (red, green, blue)."""
    with Image.open(path) as image:
        return {colour for _, colour in image.convert("RGB").getcolors(2**24)}


@pytest.fixture
def words(monkeypatch) -> list[str]:
    """The texts of the next diagram."""
    written: list[str] = []
    text = Canvas.text

    def listen(self, x, y, content, **options):
        written.append(content)
        text(self, x, y, content, **options)

    monkeypatch.setattr(Canvas, "text", listen)
    return written


@pytest.mark.parametrize(
    ("name", "projection", "identity"),
    [
        ("cifar-resnet20", False, True),
        ("notebook-resnet20v2", True, True),
        ("cifar-resnet20-plain", False, False),
        ("resnet18d", True, True),
    ],
)
def test_png_shows_the_shortcuts_that_there_are(tmp_path, name, projection, identity):
    path = tmp_path / "new" / "net.png"
    save_diagram(summary_of(name), path)
    found = colours(path)
    assert (ORANGE in found, GREEN in found) == (projection, identity)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert min(image.size) > 800
    assert [file.name for file in path.parent.iterdir()] == ["net.png"]


def test_words(tmp_path, words):
    save_diagram(summary_of("cifar-resnet20"), tmp_path / "net.png")
    assert words[:2] == ["cifar-resnet20", "271k parameters, 40.6M multiply-adds at 32x32x3, depth 20"]
    assert {"stage2", "16x16x32", "3 blocks", "block 1", "blocks 2 to 3: × 2", "3x3 /2", "64"} <= set(words)
    assert "/2, +16 zero channels" in words
    assert "order (v1): convolution, norm, relu; the last relu comes after the +" in words


def test_preactivation_is_explained(tmp_path, words):
    save_diagram(summary_of("notebook-resnet20v2"), tmp_path / "net.png")
    assert "order (v2, pre-activation): norm, relu, convolution; nothing comes after the +" in words


def test_plain_networks_have_no_plus(tmp_path, monkeypatch, words):
    drawn = []
    monkeypatch.setattr(Canvas, "plus", lambda self, x, y: drawn.append((x, y)))
    save_diagram(summary_of("cifar-resnet20-plain"), tmp_path / "plain.png")
    assert drawn == []
    assert "no shortcuts: the plain twin of the network" in words
    save_diagram(summary_of("cifar-resnet20"), tmp_path / "net.png")
    assert len(drawn) == 5  # one for each run of alike blocks: 1 + 2 + 2


def test_keras_applications(tmp_path, words):
    model = keras.applications.ResNet50V2(weights=None, input_shape=(64, 64, 3), classes=10)
    save_diagram(summarize(model), tmp_path / "keras.png")
    assert {"blocks 2 to 5: × 4", "block 6", "/2"} <= set(words)


def test_svg_is_the_same_every_time(tmp_path):
    summary = summary_of("cifar-resnet8")
    for name in ("a.svg", "b.SVG"):
        save_diagram(summary, tmp_path / name)
    root = ElementTree.parse(tmp_path / "a.svg").getroot()
    assert root.tag.endswith("svg")
    assert sum(element.tag.endswith("path") for element in root.iter()) > 50
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.SVG").read_bytes()


def test_errors(tmp_path):
    summary = summary_of("cifar-resnet8")
    with pytest.raises(NetworkError, match=r"ending in \.png or \.svg; got 'net\.pdf'"):
        save_diagram(summary, "net.pdf")
    image = keras.Input((4, 4, 3))
    other = summarize(keras.Model(image, keras.layers.Conv2D(2, 3)(image), name="other"))
    with pytest.raises(NetworkError, match="other has no blocks"):
        save_diagram(other, tmp_path / "other.png")
    assert not list(tmp_path.iterdir())


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "net.png"
    path.write_bytes(b"old")
    monkeypatch.setattr("os.replace", _no_space)
    with pytest.raises(OSError, match="no space"):
        save_diagram(summary_of("cifar-resnet8"), path)
    assert path.read_bytes() == b"old"
    assert [file.name for file in tmp_path.iterdir()] == ["net.png"]


def _no_space(*_):
    raise OSError("no space")
