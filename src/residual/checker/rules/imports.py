"""Names and modules that a file needs and does not have, and names of older Keras."""

from collections.abc import Iterable

from residual.checker.difference import Difference
from residual.checker.rules.rule import Rule


class NotImported(Rule):
    id = "not-imported"
    example = "MaxPooling2D is used, and no line imports it"
    message = "{got} is used and never imported, so the function stops there."
    fix = "add the line: {expected}"
    message_has_values = True

    def find_in_name(self, name: str, line_to_add: str, line: int, is_optional: bool) -> Difference:
        """The difference of a name that no statement defines.

        Args:
            name: that is used.
            line_to_add: the import.
            line: of the first use.
            is_optional: every use stands in a branch, so the function may run without it.
        """
        reason = f"it stops in that branch alone. Add the line: {line_to_add}" if is_optional else ""
        return self.at(got=name, expected=line_to_add, line=line, variant=reason, is_softened=is_optional)


class ImportFailed(Rule):
    id = "import-failed"
    example = "from my_helpers import *, and there is no such module here"
    message = "{got} is not here, so {expected} was taken from Keras for this check."
    fix = "if the module has a layer of its own by that name, put it beside the file and check again."
    severity = "note"
    message_has_values = True

    def find_in_name(self, name: str, statement: str, line: int) -> Difference:
        """The difference of a name that a failed import should have defined."""
        return self.at(got=f"`{statement.strip()}`", expected=name, line=line)


class PoolingWindow(Rule):
    id = "pooling-window"
    example = "AveragePooling2D() without a window"
    message = "{got} has no window. Keras 2 takes 2x2; Keras 3 stops with an error."
    fix = "write the window: pool_size=(2, 2)."
    severity = "note"
    message_has_values = True

    def find_in_uses(self, names: Iterable[str]) -> list[Difference]:
        """The differences of pooling layers that were made without a window."""
        return [self.at(got=f"{name}()") for name in names]


class TensorFlowFunction(Rule):
    id = "tensorflow-function"
    example = "tf.nn.relu(X) inside of a block"
    message = "{got} is called on a Keras tensor. Keras 2 allows it; Keras 3 stops with an error."
    fix = "use a Keras layer, or keras.ops in place of tf."
    severity = "note"
    message_has_values = True

    def find_in_uses(self, names: Iterable[str]) -> list[Difference]:
        """The differences of functions of TensorFlow that were called on Keras tensors."""
        return [self.at(got=name) for name in names]


class OtherLibrary(Rule):
    id = "other-library"
    example = "import torch, class Block(nn.Module)"
    message = "the file is written for PyTorch. The checker reads blocks of Keras."
    fix = "write the block with Keras layers, or compare its numbers with residual.convolutional_block."

    def find_in_text(self, text: str) -> Iterable[Difference]:
        """Look at a file in which nothing can be checked."""
        import re

        imported = set(re.findall(r"^\s*(?:import|from)\s+(\w+)", text, re.MULTILINE))
        if "torch" in imported and not imported & {"keras", "tensorflow", "tf_keras"}:
            yield self.at()


class Unfinished(Rule):
    id = "unfinished"
    example = "X = None, as in the untouched template"
    message = "the function is not finished: {got}."
    fix = "write the layers in place of `None`."
    message_has_values = True

    def find_in_lines(self, lines: list[tuple[int, str]]) -> Iterable[Difference]:
        """Look at the lines of a function that assign None to a tensor.

        Args:
            lines: (number, text) of each.
        """
        if lines:
            number, text = lines[0]
            more = f", and {len(lines) - 1} more" if len(lines) > 1 else ""
            yield self.at(got=f"`{text.strip()}` still stands there{more}", line=number)

    def explains(self, mine: Difference, other: Difference) -> bool:
        return True
