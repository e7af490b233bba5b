"""Names, licences, and the answer that the publishing library gives."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

import residual
from residual.engines.card import ModelCard
from residual.errors import ResidualWarning, RunError
from residual.exporters.export import complete_card
from residual.importers import convert, downloads, names, open_pretrained
from residual.importers.keras_h5.published import CAFFE, TENSORFLOW
from residual.importers.licenses import IMAGENET, find_terms, is_non_commercial, read_model_card
from residual.importers.names import find_published, find_weights, guess_name
from residual.importers.preprocessing import make_pixel_layer, reverse_channels
from residual.importers.zoo_name import name_spec
from residual.models import zoo
from residual.models.keras_file import load_model
from tests.support.onnx_graphs import write_model


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The only folder where weights are looked for; downloads fail as they do without a network."""
    monkeypatch.setenv("RESIDUAL_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(names.platformdirs, "user_data_path", lambda name: tmp_path / "own" / name)
    for name, place in (("TORCH_HOME", "torch"), ("KERAS_HOME", "keras")):
        monkeypatch.setenv(name, str(tmp_path / place))

    def fail(name: str) -> Path:
        raise OSError(f"no route to where {name} lies")

    for name in ("torchvision", "timm", "hf", "keras_hub", "applications"):
        monkeypatch.setattr(downloads, f"download_{name}", fail)
    (tmp_path / "weights").mkdir()
    return tmp_path / "weights"


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("torchvision/resnet50.v2", "torchvision/resnet50-11ad3fa6.pth"),
        ("torchvision/resnet50.v2", "resnet50-11ad3fa6.pth"),
        ("torchvision/resnet50.v1", "torchvision/resnet50.v1.safetensors"),
        ("timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k/config.json"),
        ("timm/resnet50.a1_in1k", "timm/resnet50.a1_in1k.safetensors"),
        ("hf/microsoft/resnet-50", "hf/microsoft/resnet-50/config.json"),
        ("keras-hub/resnet_50_imagenet", "keras-hub/resnet_50_imagenet/config.json"),
        ("keras-applications/resnet50", "resnet50_weights_tf_dim_ordering_tf_kernels.h5"),
        ("torchvision/resnet18.v1", "../torch/hub/checkpoints/resnet18-f37072fd.pth"),
        ("keras-applications/resnet101", "../keras/models/resnet101_weights_tf_dim_ordering_tf_kernels.h5"),
    ],
)
def test_a_name_finds_a_local_file(folder, name, place):
    file = folder / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    found = find_weights(name)
    assert found.resolve() in (file.resolve(), file.resolve().parent)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "torchvision/resnet50.v2",
            "Fetch the file resnet50-11ad3fa6.pth of torchvision on a machine with a network",
        ),
        (
            "timm/resnet50.a1_in1k",
            "Fetch the folder resnet50.a1_in1k of timm, with config.json, model.safetensors,",
        ),
        ("hf/microsoft/resnet-50", "with config.json, model.safetensors, preprocessor_config.json,"),
        (
            "keras-hub/resnet_50_imagenet",
            "with config.json, task.json, image_converter.json, model.weights.h5",
        ),
        ("keras-applications/resnet50v2", "the file resnet50v2_weights_tf_dim_ordering_tf_kernels.h5"),
    ],
)
def test_offline_the_message_says_what_belongs_where(folder, name, message):
    with pytest.raises(RunError) as caught:
        open_pretrained(name)
    text = str(caught.value)
    assert message in text
    assert f"they cannot be downloaded (no route to where {name.split('/', 1)[1]} lies)" in text
    assert f"put it at {folder / name.split('/')[0]}" in text
    assert "://" not in text


def test_a_library_that_is_not_installed_is_named(folder, monkeypatch):
    def fail(name: str) -> Path:
        raise ModuleNotFoundError("No module named 'timm'", name="timm")

    monkeypatch.setattr(downloads, "download_timm", fail)
    with pytest.raises(RunError, match="and timm is not installed, which could download them"):
        find_weights("timm/resnet50.a1_in1k")


def test_what_a_library_downloads_is_imported(folder, tmp_path, monkeypatch):
    file = write_model(
        tmp_path / "model.onnx", [("GlobalAveragePool", "x", "p", {}), ("Flatten", "p", "y", {})]
    )
    monkeypatch.setattr(downloads, "download_hf", lambda name: file if name == "some/model" else None)
    assert open_pretrained("hf/some/model").origin == "hf/some/model"


def test_names_that_are_none(folder):
    with pytest.raises(
        RunError, match=r"torchvision publishes no weights resnet51.v2; the nearest are resnet50.v2"
    ):
        find_weights("torchvision/resnet51.v2")
    with pytest.raises(
        RunError, match="weights must be a file, a folder, or a name that begins with torchvision, timm"
    ):
        find_weights("nobody/knows")
    assert find_published("photos/cats/black/one") is None
    with pytest.raises(
        RunError, match="There is no model file nobody/knows. Name a file, a folder, or published"
    ):
        open_pretrained("nobody/knows")


def test_a_file_is_known_by_its_name_or_its_configuration(tmp_path):
    assert guess_name(tmp_path / "resnet50-11ad3fa6.pth") == "torchvision/resnet50.v2"
    (tmp_path / "config.json").write_text(
        json.dumps({"architecture": "resnet18", "pretrained_cfg": {"tag": "fb_ssl_yfcc100m_ft_in1k"}})
    )
    assert guess_name(tmp_path) == "timm/resnet18.fb_ssl_yfcc100m_ft_in1k"
    assert guess_name(tmp_path / "mine.h5") is None


@pytest.mark.parametrize(
    ("name", "license"),
    [
        ("torchvision/resnet50.v2", "bsd-3-clause"),
        ("timm/resnet50.a1_in1k", "apache-2.0"),
        ("timm/resnet50.tv_in1k", "bsd-3-clause"),
        ("timm/resnet50.fb_ssl_yfcc100m_ft_in1k", "cc-by-nc-4.0"),
        ("timm/resnext101_32x8d.fb_wsl_ig1b_ft_in1k", "cc-by-nc-4.0"),
        ("timm/resnet50.fb_swsl_ig1b_ft_in1k", "cc-by-nc-4.0"),
        ("timm/resnet50.bamboo_in1k", None),
        ("keras-applications/resnet50", "mit"),
        ("keras-applications/resnet50v2", None),
        ("keras-hub/resnet_50_imagenet", "apache-2.0"),
    ],
)
def test_the_licence_of_published_weights(name, license):
    assert find_terms(name).license == license
    assert is_non_commercial(license) == (license == "cc-by-nc-4.0")
    assert find_terms("hf/microsoft/resnet-50") is None


@pytest.mark.parametrize(
    ("card", "license"),
    [
        ("---\nlicense: Apache-2.0\ntags: []\n---\n# Title\nlicense: mit\n", "apache-2.0"),
        ('---\ntags: []\nlicense: "cc-by-nc-4.0"\n---\n', "cc-by-nc-4.0"),
        ("# Title\nlicense: mit\n", None),
        ("---\ntags: []\n---\nlicense: mit\n", None),
        ("", None),
    ],
)
def test_the_licence_of_a_model_card(tmp_path, card, license):
    assert read_model_card(tmp_path) is None
    (tmp_path / "README.md").write_text(card)
    assert read_model_card(tmp_path) == license


def test_a_licence_travels_to_the_file_and_to_its_exports(folder):
    place = folder / "timm" / "resnet50.fb_ssl_yfcc100m_ft_in1k.onnx"
    place.parent.mkdir()
    write_model(place, [("GlobalAveragePool", "x", "p", {}), ("Flatten", "p", "y", {})])
    forbids = (
        "The licence cc-by-nc-4.0 forbids commercial use of the weights and of what is trained from them."
    )
    with pytest.warns(ResidualWarning, match=forbids):
        converted = convert("timm/resnet50.fb_ssl_yfcc100m_ft_in1k", classes=["a", "b", "c"])
    assert converted.target == Path("resnet50.fb_ssl_yfcc100m_ft_in1k.keras")
    assert (converted.license, converted.origin) == ("cc-by-nc-4.0", "timm/resnet50.fb_ssl_yfcc100m_ft_in1k")
    assert {forbids, IMAGENET} < set(converted.notes)
    assert load_model(converted.target)[1]["license"] == "cc-by-nc-4.0"
    with pytest.warns(ResidualWarning, match=forbids):
        exported = residual.export(converted.target)
    card = json.loads(exported.path.with_name(f"{exported.path.name}.json").read_text())
    assert (card["license"], card["origin"]) == ("cc-by-nc-4.0", "timm/resnet50.fb_ssl_yfcc100m_ft_in1k")
    with pytest.warns(ResidualWarning, match=forbids):
        assert open_pretrained(exported.path).origin == "timm/resnet50.fb_ssl_yfcc100m_ft_in1k"


def test_a_card_without_a_licence_warns_of_nothing():
    card = ModelCard(
        name="n", network="n", classes=("a",), image_size=(8, 8), precision="fp32", exported_to=""
    )
    assert complete_card(card, "onnx", "fp32").license == ""


def test_another_network_than_the_wanted_one_is_refused(tmp_path):
    path = write_model(
        tmp_path / "flat.onnx", [("GlobalAveragePool", "x", "p", {}), ("Flatten", "p", "y", {})]
    )
    with pytest.raises(RunError, match="flat.onnx must hold resnet50; by its arrays it holds its own graph"):
        convert(path, network="resnet50")


def test_a_spec_finds_its_name_in_the_zoo():
    spec = zoo.find_spec("resnet34")
    assert name_spec(zoo.find_spec("resnet50v1.5")).name == "resnet50v1.5"
    assert name_spec(spec).name == "resnet34"


@pytest.mark.parametrize(("known", "mode"), [(CAFFE, "caffe"), (TENSORFLOW, "tf")])
def test_the_first_layers_do_what_preprocess_input_does(known, mode):
    kernel = np.random.default_rng(2).normal(0, 1, (1, 1, 3, 4)).astype(np.float32)
    image = keras.Input((4, 4, 3))
    conv = keras.layers.Conv2D(4, 1, use_bias=False)
    model = keras.Model(image, conv(make_pixel_layer(known)(image)))
    conv.set_weights([kernel])
    if known.channels == "bgr":
        reverse_channels(conv)
    x = PHOTO[None, :4, :4].astype(np.float32)
    module = keras.applications.resnet if mode == "caffe" else keras.applications.resnet_v2
    wanted = module.preprocess_input(x.copy()) @ kernel[0, 0]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(model(x)), wanted, atol=1e-3 if mode == "caffe" else 1e-5
    )


PHOTO = np.random.default_rng(5).integers(0, 256, (40, 56, 3)).astype(np.uint8)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ResNet50", "ResNet50V2"])
def test_predict_gives_the_answer_of_keras_applications(tmp_path, name):
    Image.fromarray(PHOTO).save(tmp_path / "photo.png")
    theirs = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3))
    scale = {weight.path: weight for weight in theirs.weights if "predictions/kernel" in weight.path}
    for weight in scale.values():
        weight.assign(weight * 20)  # so that probabilities differ from 1/1000
    theirs.save(tmp_path / "model.h5")
    module = keras.applications.resnet_v2 if name.endswith("V2") else keras.applications.resnet
    pixels = np.asarray(keras.utils.load_img(tmp_path / "photo.png", target_size=(64, 64)), np.float32)
    wanted = keras.ops.convert_to_numpy(theirs(module.preprocess_input(pixels[None].copy()), training=False))[
        0
    ]
    converted = convert(tmp_path / "model.h5")
    assert converted.network == f"keras-{name.lower()}"
    found = residual.predict(converted.target, tmp_path / "photo.png")[0]
    assert wanted.max() > 0.01
    np.testing.assert_allclose(list(found.probabilities.values()), wanted, atol=1e-4)
