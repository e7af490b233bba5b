"""The table of mistakes: the name of each, what it looks like, what is said about it, how to mend it.

`message` and `mend` are templates: {place} is the role of the layer ("2nd convolution"), {expected} and
{got} the two values.
"""

from residual.course.checker.attribute_mistakes import CONVOLUTIONS, NORMS
from residual.course.checker.mistake import Mistake
from residual.course.checker.network_mistakes import NETWORKS, RUNNING
from residual.course.checker.order_mistakes import ADDITION, ORDER

CATALOGUE: dict[str, Mistake] = ADDITION | ORDER | CONVOLUTIONS | NORMS | NETWORKS | RUNNING
