"""The words that people use for splits, columns and arrays, and for what is no data."""

import re
from collections.abc import Iterable


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


SPLIT_WORDS = {
    "train": _words(
        "train training trn trainval learn trainingsdaten entrenamiento entrainement entraînement treino treinamento "
        "训练 训练集"
    ),
    "validation": _words(
        "val valid validation validate dev devel development eval evaluation publictest validierung validierungsdaten "
        "validacion validación validação validacao 验证 验证集"
    ),
    "test": _words(
        "test testing tst holdout heldout privatetest t10k unseen testdaten prueba pruebas teste 测试 测试集"
    ),
}
# May stand beside a split's word without a meaning of their own: training_set, Train Images, test_data.
NEUTRAL_WORDS = frozenset(
    _words(
        "set data dataset image img photo picture pic folder dir split part subset file sample example final raw class"
    )
)
# Columns of tables by the role that they have, the most usual name first, without capitals, blanks and signs.
PATH_COLUMNS = _words(
    "path file filename filepath imagepath imagefile image imagename imageid imageids img imgname imgpath imgid "
    "idcode fileid photo picture url name id uid uuid key"
)
LABEL_COLUMNS = _words(
    "label labels class classes classname labelname classid labelid category categoryname categoryid target targets "
    "y breed species diagnosis dx emotion variety cultivar disease finelabel coarselabel genus type level grade gt tag"
)
SPLIT_COLUMNS = _words("split part subset usage set datasplit phase partition")
GROUP_COLUMNS = _words(
    "group patient patientid person subject subjectid lesionid camera location day session"
)
IMAGE_ARRAYS = frozenset(_words("x xs image img data pixel input photo picture feature"))
LABEL_ARRAYS = frozenset(_words("y ys label target output kind class lbl"))

# Folders of what goes with each image in detection and segmentation, and of the images themselves there, without
# signs and plurals. They are no classes.
PICTURE_FOLDERS = frozenset(_words("image img photo picture jpegimage input original rgb rawimage"))
TARGET_FOLDERS = frozenset(
    _words(
        "mask label annotation segmentation segmentationclass segmentationobject seg groundtruth gt target bbox xml "
        "json txt imageset trimap depth labelme"
    )
)

# Folders and files that are never data, by their names in small letters.
SYSTEM_FOLDERS = frozenset(
    (
        *(
            "__macosx",
            "__pycache__",
            "node_modules",
            "@eadir",
            "#recycle",
            "#snapshot",
            "@recycle",
            "$recycle.bin",
        ),
        *("recycler", "recycled", "recycle bin", "system volume information", "lost+found", "thumbnails"),
        *("network trash folder", "temporary items", "lightning_logs", "site-packages", "@tmp", "found.000"),
    )
)
SYSTEM_FILES = frozenset(
    ("thumbs.db", "desktop.ini", "ehthumbs.db", "icon\r", "picasa.ini", "zbthumbnail.info")
)

_SPLIT_OF = {word: split for split, words in SPLIT_WORDS.items() for word in words}
_WORD = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")  # trainImages


def split_words(name: str) -> list[str]:
    """The words of a name in small letters: "Train-Images2" gives train, images, 2."""
    return [word.lower() for part in _HUMP.split(name) for word in _WORD.findall(part)]


def normalize(name: str) -> str:
    """A name without capitals, blanks and signs, to look it up among the words of a table."""
    return "".join(split_words(name))


def parse_split(name: str) -> tuple[str | None, tuple[str, ...]]:
    """The split that a name speaks of, and the other words in it; (None, ()) if it speaks of none, or of two.

    Numbers, plurals and words without a meaning of their own do not count: "test1", "training_set", "Train Images".
    """
    words = [word for word in split_words(name) if not word.isdecimal()]
    whole = _SPLIT_OF.get("".join(words))
    if whole:
        return whole, ()
    splits, rest = set(), []
    for word in words:
        split = _find_word(word)
        if split:
            splits.add(split)
        elif _singular(word) not in NEUTRAL_WORDS:
            rest.append(word)
    return (splits.pop(), tuple(rest)) if len(splits) == 1 else (None, ())


def find_split(name: str) -> str | None:
    """The split that a name speaks of if it says nothing else: "valid", "training_set", "Test-1"."""
    split, rest = parse_split(name)
    return None if rest else split


def _find_word(word: str) -> str | None:
    """The split of one word, also in the plural or with a word without meaning glued to it: "trainset"."""
    found = _SPLIT_OF.get(word) or _SPLIT_OF.get(_singular(word))
    if found:
        return found
    for neutral in NEUTRAL_WORDS:
        for glued in (neutral, neutral + "s"):
            for rest in (word.removesuffix(glued), word.removeprefix(glued)):
                if rest != word and rest in _SPLIT_OF:
                    return _SPLIT_OF[rest]
    return None


def is_neutral(word: str) -> bool:
    """Whether a word says nothing of what is in a folder."""
    return (
        _singular(word) in NEUTRAL_WORDS
        or word in ("unknown", "unlabelled", "unlabeled", "all")
        or word.isdecimal()
    )


def _singular(word: str) -> str:
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 2 else word


def find_task_role(name: str) -> str | None:
    """What a folder of a detection or segmentation data set holds, by its name: "pictures", "targets" or None."""
    words = [_singular(word) for word in split_words(name) if not word.isdecimal() and not _find_word(word)]
    whole = "".join(words)
    if whole in PICTURE_FOLDERS:
        return "pictures"
    return "targets" if whole in TARGET_FOLDERS else None


def find_role(name: str, roles: dict[str, frozenset[str]]) -> tuple[str | None, str | None]:
    """(split, role) that the name of an array speaks of: "x_train" and "trainImages" give train and the images."""
    split, role = None, None
    for word in split_words(name):
        bare = _singular(word)
        split = split or _find_word(word)
        role = role or next((role for role, words in roles.items() if word in words or bare in words), None)
        if role is None and word[:1] in "xy" and word[1:] in _SPLIT_OF:  # "xtrain"
            role, split = ("images" if word[0] == "x" else "labels"), _SPLIT_OF[word[1:]]
    return split, role


def order_classes(names: Iterable[str]) -> tuple[str, ...]:
    """Class names sorted, numbers by value and before words."""
    # Not isdigit: "²" is a digit that int() does not take.
    return tuple(
        sorted(
            set(names), key=lambda name: (not name.isdecimal(), int(name) if name.isdecimal() else 0, name)
        )
    )


def match_class(name: str, classes: Iterable[str]) -> str | None:
    """The class that a name stands for: the same, the same but for capitals, or the same number ("00007" and "7")."""
    classes = tuple(classes)
    for key in (str, str.casefold, _to_number):
        same = [known for known in classes if key(known) == key(name)]
        if len(same) == 1:
            return same[0]
    return None


def _to_number(name: str) -> int | str:
    return int(name) if name.isdecimal() and len(name) < 19 else name
