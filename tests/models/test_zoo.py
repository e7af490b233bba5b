"""Known counts of parameters, the errors of names, and a family as one row."""

import math

import pytest

from residual.errors import NetworkError
from residual.models import zoo
from residual.models.build import build_network
from residual.models.spec import NetworkSpec
from residual.models.zoo.family import Family


def trainable(model) -> int:
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


@pytest.mark.parametrize(
    ("name", "size", "classes", "total", "learned"),
    [
        ("course-resnet50", 64, 6, 23_600_006, 23_546_886),
        ("notebook-resnet8", 32, 10, 78_666, None),
        ("notebook-resnet20", 32, 10, 274_442, None),
        ("notebook-resnet32", 32, 10, 470_218, None),
        ("notebook-resnet44", 32, 10, 665_994, None),
        ("notebook-resnet56", 32, 10, 861_770, None),
        ("notebook-resnet110", 32, 10, 1_742_762, None),
        ("notebook-resnet11v2", 32, 10, 299_178, None),
        ("notebook-resnet20v2", 32, 10, 574_090, None),
        ("notebook-resnet29v2", 32, 10, 849_002, None),
        ("notebook-resnet56v2", 32, 10, 1_673_738, None),
        ("notebook-resnet110v2", 32, 10, 3_323_210, None),
        ("cifar-resnet20", 32, 10, None, 269_722),
        ("cifar-resnet20-plain", 32, 10, None, 269_722),
        ("cifar-resnet20-projection", 32, 10, None, 272_474),
        ("cifar-resnet56", 32, 10, None, 853_018),
        ("cifar-resnet56-projection", 32, 10, None, 855_770),
        ("cifar-resnet110", 32, 10, None, 1_727_962),
        ("cifar-resnet110-plain", 32, 10, None, 1_727_962),
        ("cifar-resnet110-projection", 32, 10, None, 1_730_714),
        ("cifar-resnet164v2", 32, 10, None, 1_703_258),
        ("wide-resnet28-10", 32, 10, None, 36_479_194),
        ("resnet10", 64, 6, None, 4_908_870),
        ("resnet18", 224, 1000, None, 11_689_512),
        ("resnet34", 224, 1000, None, 21_797_672),
        ("resnet50", 224, 1000, None, 25_557_032),
        ("resnet50v1.5", 224, 1000, None, 25_557_032),
        ("resnet101", 224, 1000, None, 44_549_160),
        ("resnet152", 224, 1000, None, 60_192_808),
        ("resnet50v2", 224, 1000, None, 25_549_352),
        ("resnet50d", 224, 1000, None, 25_576_264),
        ("resnet14t", 224, 1000, None, 10_081_632),
        ("timm-resnet18v2d", 224, 1000, None, 11_706_952),
        ("keras-resnet50", 224, 1000, 25_636_712, 25_583_592),
        ("keras-resnet50v2", 224, 1000, 25_613_800, 25_568_360),
    ],
)
def test_parameter_counts(name, size, classes, total, learned):
    model = build_network(zoo.find_spec(name), (size, size, 3), classes)
    if total is not None:
        assert model.count_params() == total
    if learned is not None:
        assert trainable(model) == learned


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "millions"),
    [
        ("resnext50-32x4d", 25.028904),
        ("wide-resnet50-2", 68.88324),
        ("se-resnet50", 28.088024),
        ("bit-resnet50x1", 25.549352),
        ("resnext101-32x8d", 88.791336),
        ("resnext101-64x4d", 83.455272),
        ("wide-resnet101-2", 126.886696),
        ("resnet26t", 16.01),
        ("resnet50s", 25.68),
        ("resnet50-gn", 25.56),
        ("se-resnext50-32x4d", 27.56),
        ("resnet-rs50", 35.69),
        ("resnet-rs101", 63.62),
        ("resnet-rs270", 129.86),
        ("bit-resnet50x3", 217.32),
        ("bit-resnet152x2", 236.34),
    ],
)
def test_counts_that_torchvision_and_timm_publish(name, millions):
    model = build_network(zoo.find_spec(name))
    digits = len(str(millions).partition(".")[2])
    assert round(trainable(model) / 1e6, digits) == millions


def test_families_may_share_a_pattern_of_names():
    assert zoo.find_spec("wide-resnet50-2").stem == "imagenet"
    assert zoo.find_spec("wide-resnet28-2").stem == "cifar"


def test_every_example_of_every_family_is_found():
    for family in zoo.FAMILIES:
        for name in family.examples:
            assert zoo.find_spec(name).name == name


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("resnet34", 34),
        ("resnet152", 152),
        ("cifar-resnet110", 110),
        ("cifar-resnet1202", 1202),
        ("cifar-resnet1001v2", 1001),
        ("cifar-resnet164v2", 164),
        ("notebook-resnet20v2", 20),
    ],
)
def test_depth_is_the_one_in_the_name(name, depth):
    assert zoo.find_spec(name).depth == depth


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "cifar-resnet21",
            "There is no cifar-resnet21: depth must be 6n+2, got 21. Try cifar-resnet20 or cifar-resnet26.",
        ),
        ("cifar-resnet0", "There is no cifar-resnet0: depth must be 6n+2, got 0. Try cifar-resnet8."),
        ("notebook-resnet21v2", "Try notebook-resnet20v2 or notebook-resnet29v2."),
        ("resnet51", "depth must be 10, 18, 34, 50, 101, 152, got 51. Try resnet50 or resnet34."),
        ("wide-resnet27-4", "Try wide-resnet22-4 or wide-resnet28-4."),
        ("wide-resnet28-0", "K in wide-resnet28-K must be at least 1, got 0. Try wide-resnet16-4."),
        ("fast-resnet8-0", "K in fast-resnet8-K must be at least 1, got 0. Try fast-resnet8-384."),
        ("fast-resnet8-382", "as the first stage has a quarter of them; got 382. Try fast-resnet8-384."),
        ("fast-resnet9-384", "Try fast-resnet8-384 or fast-resnet11-384."),
        (
            "ressnet50",
            "There is no network called 'ressnet50'. Did you mean resnet50 or resnet50t or resnet50s? `residual list`",
        ),
        ("unet", "There is no network called 'unet'. `residual list` shows them all."),
    ],
)
def test_wrong_names_say_what_is_near(name, message):
    with pytest.raises(NetworkError) as error:
        zoo.find_spec(name)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("resnet18-plain", "none"),
        ("resnet18-projection", "projection"),
        ("ResNet18-Projection-All", "projection-all"),
        ("resnet18-pooled-projection", "pooled-projection"),
        ("resnet18-zero-pad", "zero-pad"),
    ],
)
def test_suffix_chooses_the_shortcut(name, kind):
    spec = zoo.find_spec(name)
    assert spec.shortcut == kind
    assert zoo.find_spec(spec.name) == spec


def test_a_spec_is_resolved_as_it_is():
    spec = NetworkSpec("mine", (1,), (8,))
    assert zoo.resolve_spec(spec) is spec
    assert zoo.resolve_spec("resnet18") == zoo.find_spec("resnet18")


@pytest.mark.parametrize(
    ("name", "expected"),
    [("resnet50", (224, 1000)), ("cifar-resnet20", (32, 10)), ("course-resnet50", (64, 6))],
)
def test_default_input(name, expected):
    assert zoo.default_input(zoo.find_spec(name)) == expected


def test_a_family_is_one_row(monkeypatch):
    """Its file makes a Family; with a row in the table it has names, depths, suffixes, errors and a builder."""

    def describe(depth: int) -> NetworkSpec:
        return NetworkSpec(f"tiny-resnet{depth}", ((depth - 2) // 2,), (4,), stem="cifar", stem_width=4)

    tiny = Family("tiny-resnet{d}", (2, 2), ("tiny-resnet4",), describe, "one stage")
    monkeypatch.setattr(zoo, "FAMILIES", (*zoo.FAMILIES, tiny))
    assert zoo.find_spec("tiny-resnet6").depth == 6
    assert zoo.find_spec("tiny-resnet6-plain").shortcut == "none"
    assert build_network(zoo.find_spec("tiny-resnet4"), (8, 8, 3), 2).output_shape == (None, 2)
    with pytest.raises(NetworkError, match=r"depth must be 2n\+2, got 5. Try tiny-resnet4 or tiny-resnet6"):
        zoo.find_spec("tiny-resnet5")
    with pytest.raises(NetworkError, match="Did you mean tiny-resnet4"):
        zoo.find_spec("tinny-resnet")
