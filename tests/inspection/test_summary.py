"""Counts known from the papers or worked out by hand, the layout of the text, and models of other makers."""

import io
import json

import keras
import pytest
from rich.console import Console

from residual.errors import NetworkError
from residual.inspection import Summary, print_summary, summarize
from residual.inspection.costs import count_multiply_adds
from residual.models import zoo
from residual.models.build import build_network

_made: dict[str, tuple[keras.Model, Summary]] = {}


def made(name: str, shape=(224, 224, 3), classes: int = 1000) -> tuple[keras.Model, Summary]:
    """A network and its summary, built once for the whole file."""
    if name not in _made:
        model = build_network(zoo.find_spec(name), shape, classes)
        _made[name] = model, summarize(model)
    return _made[name]


def cifar(name: str) -> tuple[keras.Model, Summary]:
    return made(name, (32, 32, 3), 10)


def printed(summary: Summary, width: int = 100, **options) -> str:
    console = Console(file=io.StringIO(), width=width, **options)
    print_summary(summary, console)
    return console.file.getvalue()


def by_hand(blocks, stride_on_first: bool) -> int:
    """Multiply-adds of a bottleneck ImageNet ResNet at 224x224 with 1000 classes, from its definition."""
    total = 112**2 * 7 * 7 * 3 * 64 + 2048 * 1000
    side, channels = 56, 64
    for stage, count in enumerate(blocks):
        width = 64 * 2**stage
        for block in range(count):
            after = side // 2 if stage and not block else side
            inner = after if stride_on_first else side
            total += inner**2 * channels * width + after**2 * 9 * width**2 + after**2 * width * 4 * width
            if not block:
                total += after**2 * channels * 4 * width
            side, channels = after, 4 * width
    return total


@pytest.mark.parametrize(
    ("name", "blocks", "stride_on_first", "expected"),
    [
        ("resnet50", (3, 4, 6, 3), True, 3_857_973_248),
        ("resnet50v1.5", (3, 4, 6, 3), False, 4_089_184_256),
        ("resnet152", (3, 8, 36, 3), True, 11_282_415_616),
    ],
)
def test_bottleneck_networks(name, blocks, stride_on_first, expected):
    model, summary = made(name)
    assert summary.multiply_adds == by_hand(blocks, stride_on_first) == expected
    assert summary.parameters == model.count_params()
    assert summary.depth == zoo.find_spec(name).depth


def test_resnet18():
    model, summary = made("resnet18")
    assert summary.multiply_adds == 1_814_073_344
    assert (summary.parameters, summary.depth) == (model.count_params(), 18)
    assert summary.non_trainable == sum(w.shape[0] for w in model.non_trainable_weights)


def test_cifar_resnet20_by_hand():
    _, summary = cifar("cifar-resnet20")
    stem, head = 32**2 * 9 * 3 * 16, 64 * 10
    stages = [6 * 32**2 * 9 * 16**2]
    stages += [side**2 * 9 * (width // 2 * width + 5 * width**2) for side, width in ((16, 32), (8, 64))]
    expected = [stem, *stages, head]
    assert [section.multiply_adds for section in summary.sections] == expected
    assert summary.multiply_adds == sum(expected) == 40_551_040
    assert [section.name for section in summary.sections] == ["stem", "stage1", "stage2", "stage3", "head"]
    assert [section.output_shape for section in summary.sections[:4]] == [
        (32, 32, 16), (32, 32, 16), (16, 16, 32), (8, 8, 64),
    ]  # fmt: skip


def test_rows():
    rows = {row.name: row for row in made("resnet50")[1].rows}
    conv = rows["stage2_block1_conv1"]
    assert (conv.kind, conv.detail, conv.group, conv.block) == (
        "Conv2D", "1x1, 128, stride 2", "stage2", "stage2_block1",
    )  # fmt: skip
    assert (conv.output_shape, conv.parameters) == ((28, 28, 128), 256 * 128)
    norm = rows["stem_norm"]
    assert (norm.trainable, norm.non_trainable, norm.multiply_adds, norm.block) == (128, 128, 0, "")
    assert rows["stem_pool"].detail == "3x3, stride 2"
    assert rows["head_dense"].detail == "1000, softmax"


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("cifar-resnet20", {"identity", "zero-pad"}),
        ("cifar-resnet20-plain", {"none"}),
        ("notebook-resnet20v2", {"identity", "projection"}),
        ("cifar-resnet20v2", {"identity", "projection"}),
    ],
)
def test_shortcuts_are_found_in_the_graph(name, kinds):
    _, summary = cifar(name)
    blocks = [block for section in summary.sections for block in section.blocks if block.name]
    assert {block.shortcut for block in blocks} == kinds
    on_shortcut = {row.name.partition("_shortcut_")[2] for row in summary.rows if row.on_shortcut}
    assert on_shortcut == {
        row.name.partition("_shortcut_")[2] for row in summary.rows if "_shortcut_" in row.name
    }
    assert "" not in on_shortcut


@pytest.mark.parametrize("width", [60, 80, 100])
def test_numbers_of_blocks_that_are_alike_stand_under_their_headings(width):
    console = Console(file=io.StringIO(), width=width)
    print_summary(cifar("cifar-resnet20")[1], console)
    lines = console.file.getvalue().splitlines()
    (stage,) = (line for line in lines if line.startswith("stage1, 3 blocks"))
    (repeat,) = (line for line in lines if "blocks 1 to 3: 3 alike, each" in line)
    assert (repeat.split()[-2:], len(repeat)) == (["4.74k", "4.72M"], len(stage))


def test_course_blocks():
    summary = made("course-resnet50", (64, 64, 3), 6)[1]
    rows = {row.name: row for row in summary.rows}
    assert (rows["bn2b_branch2c"].group, rows["bn2b_branch2c"].block) == ("stage2", "2b")
    assert rows["res2a_branch1"].on_shortcut
    assert "blocks 4b to 4f: 5 alike" in printed(summary)


@pytest.mark.parametrize("name", ["ResNet50", "ResNet50V2"])
def test_keras_applications(name):
    model = getattr(keras.applications, name)(weights=None, input_shape=(64, 64, 3), classes=10)
    summary = summarize(model)
    assert summary.parameters == model.count_params()
    assert [section.block_count for section in summary.sections] == [0, 3, 4, 6, 3, 0]
    blocks = [block for section in summary.sections for block in section.blocks if block.name]
    shortcuts = [block.shortcut for block in blocks]
    assert shortcuts.count("projection") == 4
    # V2's last block of a stage subsamples the input in a layer that Keras named by itself.
    assert shortcuts.count("zero-pad") == (3 if name == "ResNet50V2" else 0)
    assert summary.depth == 50


def test_any_functional_model():
    image = keras.Input((8, 8, 3))
    x = keras.layers.SeparableConv2D(5, 3, strides=2, padding="same")(image)
    x = keras.layers.DepthwiseConv2D(3, padding="same")(x)
    x = keras.layers.Conv2D(10, 3, groups=5, padding="same")(x)
    x = keras.layers.Conv2DTranspose(4, 2, strides=2)(x)
    model = keras.Model(image, keras.layers.Dense(7)(keras.layers.Flatten()(x)))
    summary = summarize(model)
    counts = [row.multiply_adds for row in summary.rows if row.multiply_adds]
    separable, depthwise, grouped = 16 * (9 * 3 + 3 * 5), 16 * 9 * 5, 16 * 9 * 1 * 10
    assert counts == [separable, depthwise, grouped, 16 * 4 * 10 * 4, 256 * 7]
    assert {(row.group, row.block) for row in summary.rows} == {("layers", "")}
    assert summary.parameters == model.count_params()


def test_a_model_in_a_model_is_opened():
    base = build_network(zoo.find_spec("cifar-resnet8"), (32, 32, 3), 10)
    image = keras.Input((32, 32, 3))
    model = keras.Model(image, keras.layers.Dense(2)(base(keras.layers.Rescaling(1 / 255)(image))))
    summary, inner = summarize(model), summarize(base)
    assert summary.multiply_adds == inner.multiply_adds + 20
    assert summary.depth == inner.depth + 1
    assert summary.parameters == model.count_params()
    assert [section.block_count for section in summary.sections] == [0, 1, 1, 1, 0]


def test_a_layer_called_twice_has_its_parameters_once():
    one, other, dense = keras.Input((4,)), keras.Input((4,)), keras.layers.Dense(3)
    model = keras.Model([one, other], keras.layers.Add()([dense(one), dense(other)]))
    summary = summarize(model)
    assert (summary.parameters, summary.multiply_adds, summary.input_text) == (15, 24, "4 and 4")


def test_sequential():
    model = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)])
    assert summarize(model).multiply_adds == 12


def test_errors():
    varying = build_network(zoo.find_spec("cifar-resnet8"), (None, None, 3), 10)
    with pytest.raises(
        NetworkError, match=r"input size, which varies: \?x\?x3. Build the network with a fixed"
    ):
        summarize(varying)
    with pytest.raises(NetworkError, match="must be a functional model"):
        summarize(keras.Sequential([keras.layers.Dense(2)]))
    conv = keras.layers.Conv2D(4, 3)
    conv.build((None, None, None, 3))
    with pytest.raises(NetworkError, match="with a fixed input size"):
        count_multiply_adds(conv, (None, None, 3), (None, None, 4))


def test_json():
    _, summary = cifar("cifar-resnet20")
    facts = summary.to_dict()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["multiply_adds"] == sum(row["multiply_adds"] for row in facts["layers"]) == 40_551_040
    assert facts["sections"][1]["blocks"] == 3
    assert facts["layers"][0]["output_shape"] == [32, 32, 3]


def test_listing_of_152_layers():
    text = printed(made("resnet152")[1])
    lines = text.splitlines()
    assert len(lines) <= 110
    assert max(map(len, lines)) <= 100
    assert lines[0] == (
        "resnet152 at 224x224x3: 60.3M parameters (151k not trained), 11.3G multiply-adds, depth 152"
    )
    assert "\x1b" not in text
    assert "  blocks 2 to 36: 35 alike, each" in text
    assert "stage3_block2_conv1 " in text
    assert "stage3_block3" not in text
    stage = next(line for line in lines if line.startswith("stage3"))
    assert stage.startswith("stage3, 36 blocks ---")
    assert stage.split()[-3:] == ["14x14x1024", "40.7M", "7.94G"]


def test_numbers_are_aligned_on_the_right():
    lines = printed(cifar("cifar-resnet20")[1]).splitlines()
    ends = {len(line) for line in lines if line.split()[-1][-1] in "kM"}
    assert ends == {len(lines[1])}


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_listing_fits_its_console(width):
    lines = printed(made("resnet152")[1], width).splitlines()
    assert max(map(len, lines)) <= min(width, 100)
    assert any("35 alike" in line for line in lines)


def test_colour_in_a_terminal_only():
    _, summary = cifar("cifar-resnet20")
    console = Console(file=io.StringIO(), width=100, force_terminal=True, color_system="standard")
    print_summary(summary, console)
    coloured = console.file.getvalue()
    assert "\x1b[" in coloured
    assert "\x1b" not in printed(summary)


def test_default_console_does_not_cut(capsys):
    print_summary(made("resnet152")[1])
    assert max(map(len, capsys.readouterr().out.splitlines())) == 100
