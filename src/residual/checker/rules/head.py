"""The head of a network: the last batch norm and ReLU of v2, pooling, flattening, the dense layer."""

from residual.checker.rules.rule import Found, Rule
from residual.checker.stages import NetworkPair
from residual.checker.steps import Step, pick_steps


def _kinds_before_pool(pair: NetworkPair) -> list[str]:
    """The kinds of the layers in front of the learner's last pooling."""
    head, pools = pair.got.head, pick_steps(pair.got.head, "pool")
    return [step.kind for step in (head[: head.index(pools[0])] if pools else head)]


def _end(pair: NetworkPair) -> Step | None:
    return pair.got.head[-1] if pair.got.head else None


class FinalNormMissing(Rule):
    id = "final-norm-missing"
    example = "v2 without its last batch norm"
    message = "there is no batch norm after the last addition."
    fix = "v2 ends its blocks with BatchNormalization, ReLU, and then the pooling."

    def find_in_head(self, pair: NetworkPair) -> Found:
        before = _kinds_before_pool(pair)
        if pick_steps(pair.ref.head, "norm") and "norm" not in before:
            yield self.at("head", "norm, relu", ", ".join(before), _end(pair))


class FinalReluMissing(Rule):
    id = "final-relu-missing"
    example = "v2 without its last ReLU"
    message = "there is no ReLU after the last batch norm."
    fix = "v2 ends its blocks with BatchNormalization, ReLU, and then the pooling."

    def find_in_head(self, pair: NetworkPair) -> Found:
        before = _kinds_before_pool(pair)
        if pick_steps(pair.ref.head, "norm") and "act" not in before:
            yield self.at("head", "norm, relu", ", ".join(before), _end(pair))


class HeadPoolMissing(Rule):
    id = "head-pool-missing"
    example = "no pooling before Dense"
    message = "there is no average pooling before the dense layer."
    fix = "add AveragePooling2D((2, 2)), or GlobalAveragePooling2D()."

    def find_in_head(self, pair: NetworkPair) -> Found:
        if not pick_steps(pair.got.head, "pool"):
            yield self.at("head", "AveragePooling2D", "", _end(pair))


class HeadPoolKind(Rule):
    id = "head-pool-kind"
    example = "MaxPooling2D at the end"
    message = "the last pooling is not an average over the whole map."
    fix = "use {expected}."

    def find_in_head(self, pair: NetworkPair) -> Found:
        ref = pick_steps(pair.ref.head, "pool")[0]
        for pool in pick_steps(pair.got.head, "pool")[:1]:
            maps = tuple(pool.node.inputs[0].shape[1:3])
            if pool.name == ref.name and maps != ref.values["size"]:
                return  # an earlier mistake changed the size of the maps
            size = pool.values["size"]
            if pool.name != "AveragePooling2D" or size != maps:
                yield self.at("head", f"AveragePooling2D({maps})", f"{pool.name}({size})", pool)


class FlattenMissing(Rule):
    id = "flatten-missing"
    example = "Dense on (1, 1, 2048)"
    message = "the maps are not flattened before the dense layer, so the output has rank 4."
    fix = "add Flatten() before Dense."

    def find_in_head(self, pair: NetworkPair) -> Found:
        for dense in pick_steps(pair.got.head, "dense")[:1]:
            shape = dense.node.inputs[0].shape
            if len(shape) != 2:
                yield self.at("head", "(n, channels)", str(shape), dense)


class DenseMissing(Rule):
    id = "dense-missing"
    example = "the model ends at Flatten"
    message = "there is no dense layer at the end."
    fix = "end with Dense(classes, activation='softmax')."

    def find_in_head(self, pair: NetworkPair) -> Found:
        if not pick_steps(pair.got.head, "dense"):
            yield self.at("head", "Dense", "", _end(pair))


class DenseUnits(Rule):
    id = "dense-units"
    example = "Dense(1000)"
    message = "the dense layer has another number of units."
    fix = "use the function's own `classes` in place of a number (here it was called for {expected})."

    def find_in_head(self, pair: NetworkPair) -> Found:
        expected = pick_steps(pair.ref.head, "dense")[0].values["units"]
        for dense in pick_steps(pair.got.head, "dense")[-1:]:
            units = dense.values["units"]
            if units != expected:
                yield self.at("head", f"{expected} units", f"{units} units", dense)


class DenseActivation(Rule):
    id = "dense-activation"
    example = "Dense(classes), or sigmoid"
    message = "the dense layer does not end in a softmax."
    fix = "use Dense(classes, activation='softmax')."

    def find_in_head(self, pair: NetworkPair) -> Found:
        head = pair.got.head
        for dense in pick_steps(head, "dense")[-1:]:
            acts = [step.name for step in head[head.index(dense) + 1 :] if step.kind == "act"]
            if acts != ["softmax"]:
                reason = "" if acts else "the loss must then take the softmax: from_logits=True."
                if acts == ["sigmoid"] and dense.values["units"] == 1:
                    reason = "one unit and a sigmoid tell two classes apart."
                yield self.at("head", "softmax", ", ".join(acts) or "linear", dense, variant=reason)


class DropoutInHead(Rule):
    id = "dropout-in-head"
    example = "Dropout before the last Dense"
    message = "there is a {got} before the last dense layer, which the reference does not have."
    fix = "nothing is wrong: it acts in training alone."
    severity = "note"
    changes_numbers = True

    def find_in_head(self, pair: NetworkPair) -> Found:
        for step in pair.got.head:
            if is_dropout(step):
                yield self.at("head", "", step.name, step)


def is_dropout(step: Step) -> bool:
    """Whether a layer does nothing but drop values in training."""
    return step.kind == "other" and step.values.get("dropout", False)
