"""The lowest version that pyproject.toml allows of every dependency, as pins for pip.

    python tests/support/minimums.py test export serve parquet heif > minimums.txt

`.ci/minimums` installs them in a new environment and runs the tests there.

Wheels only: a lower bound that has none for the lowest Python is wrong. Old libraries above new ones, such as
Matplotlib 3.8 above pyparsing 3.3, warn of what will go; that is no failure.
"""

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"
_BOUND = re.compile(
    r"(?P<name>[\w.-]+)(?P<extras>\[[\w,-]+\])?>=(?P<lowest>[\w.]+)(?:,<[\w.]+)?(?P<marker>;.*)?"
)


def list_requirements(*extras: str) -> list[str]:
    """The requirements of the package, and of these of its extras."""
    project = tomllib.loads(PYPROJECT.read_text("utf-8"))["project"]
    return project["dependencies"] + [
        line for extra in extras for line in project["optional-dependencies"][extra]
    ]


def pin_to_minimum(requirement: str) -> str:
    """'keras>=3.10,<4' as 'keras==3.10'; a marker behind it stays.

    Raises:
        ValueError: if the requirement has no lower bound.
    """
    bound = _BOUND.fullmatch(requirement)
    if bound is None:
        raise ValueError(f"{requirement!r} in pyproject.toml has no lower bound. Write 'name>=version'.")
    return f"{bound['name']}{bound['extras'] or ''}=={bound['lowest']}{bound['marker'] or ''}"


if __name__ == "__main__":
    for requirement in list_requirements(*sys.argv[1:]):
        print(pin_to_minimum(requirement))
