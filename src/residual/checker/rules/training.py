"""The `training` flag: it does not reach a batch norm, or another value does."""

from collections.abc import Sequence

from residual.checker.difference import Difference
from residual.checker.pairs import CallArguments, CaseResult
from residual.checker.rules.rule import Found, Rule


class TrainingNotPassed(Rule):
    id = "training-not-passed"
    example = "BatchNormalization()(X) in a function that takes `training`"
    message = "`training` does not reach the {place}."
    fix = "call it with the flag: BatchNormalization(axis=3)(X, training=training)."

    def find_in_call(self, call: CallArguments) -> Found:
        for role, norm in call.norms:
            if norm.is_batch_norm and norm.values["training"] is None and call.training is not None:
                yield self.at(role, f"training={call.training}", "no flag", norm)


class TrainingBakedIn(Rule):
    id = "training-baked-in"
    example = "BatchNormalization()(X, training=True)"
    message = "the {place} always runs with training={got}."
    fix = (
        "training=True uses the batch's statistics even when you predict. Pass the function's own `training` "
        "on, or leave it out."
    )

    def find_in_call(self, call: CallArguments) -> Found:
        for role, norm in call.norms:
            flag = norm.values.get("training")
            if norm.is_batch_norm and call.training is not None and flag not in (None, call.training):
                yield self.at(role, f"training={call.training}", str(flag), norm)


class TrainingFixed(Rule):
    id = "training-fixed"
    example = "training=True in the call of a batch norm, or as the default of the blocks of a network"
    message = (
        "the {place} is called with training={got}. In Keras 3 fit, evaluate and predict overrule it, so it does no "
        "harm there; model(x) obeys it, and so does everything in Keras 2."
    )
    fix = "leave `training` out, or call model(x, training=False) when you predict."
    severity = "note"
    message_has_values = True

    def find_in_call(self, call: CallArguments) -> Found:
        for role, norm in call.norms:
            flag = norm.values.get("training")
            if norm.is_batch_norm and call.training is None and flag is not None:
                yield self.at(role, "no flag", str(flag), norm)


class TrainingInverted(Rule):
    id = "training-inverted"
    example = "training=not training"
    message = "the {place} gets the opposite of `training`."
    fix = "pass training=training."

    def restate(self, difference: Difference, cases: Sequence[CaseResult], number: int) -> Difference | None:
        """A flag that is wrong whether True or False was passed is not baked in."""
        if not isinstance(difference.rule, TrainingBakedIn):
            return None
        same = [other for case in cases for other in case.differences if other.rule == difference.rule]
        if len({other.got for other in same if other.place == difference.place}) < 2:
            return None
        return self.at(difference.place, difference.expected, difference.got, difference.step)


class TrainingByDefault(Rule):
    id = "training-default"
    example = "def identity_block(..., training=True)"
    message = (
        "`training` is True unless the caller says otherwise. In Keras 3 fit, evaluate and predict overrule it; "
        "a block that is called on an array, and model(x), use the batch's statistics."
    )
    fix = "let the default be None: Keras then trains in fit and not in predict."
    severity = "note"

    def find_in_defaults(self, defaults: dict) -> Found:
        if defaults.get("training") is True:
            yield self.at("training", "training=None", "training=True")
