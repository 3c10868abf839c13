"""Whether requests to the endpoint are at risk while a deployment runs."""

from __future__ import annotations

from collections.abc import Sequence

from promotion.review.changes.effective import Place, effective_resources
from promotion.review.changes.stack_pair import StackPair
from promotion.review.changes.words import listed, own_name
from promotion.review.parts import ResourceChange, StackChange

ENDPOINT = "AWS::SageMaker::Endpoint"
CONFIG = "AWS::SageMaker::EndpointConfig"
TARGET = "AWS::ApplicationAutoScaling::ScalableTarget"

NONE = "There is no endpoint, so no traffic is at risk."
UNTOUCHED = "The endpoint is not touched: requests are answered as before."


def traffic(pairs: Sequence[StackPair], stacks: Sequence[StackChange], place: Place) -> str:
    """The sentence for the worst that happens to an endpoint of the stacks."""
    sentences = [one for pair, stack in zip(pairs, stacks, strict=True) for one in _of_stack(pair, stack, place)]
    return " ".join(text for _, text in sorted(dict.fromkeys(sentences))) or NONE


def _of_stack(pair: StackPair, stack: StackChange, place: Place) -> list[tuple[int, str]]:
    """(how bad, 0 being worst; sentence) for each endpoint of a stack."""
    old, new = effective_resources(pair.live, place), effective_resources(pair.planned, place)
    names = {key: own_name(one, place.region) or key for key, one in {**old, **new}.items() if one["Type"] == ENDPOINT}
    if pair.planned is None:
        return [
            (2, f"The endpoint {name} stays and serves: its stack is not part of this deployment.")
            for name in names.values()
        ]
    changes = {change.logical_id: change for change in stack.resources if not change.idle}
    found = []
    for name in sorted(set(names.values())):
        mine = [changes.get(key) for key in sorted(names) if names[key] == name]
        before = own_name(old[mine[0].logical_id], place.region) if mine[0] and mine[0].action == "Modify" else name
        found.append(_of_endpoint(name, before, mine))
    steps = two_steps(pair, stack, place)
    return [*found, (1, steps)] if steps else found


def _of_endpoint(name: str, before: str, changes: list[ResourceChange | None]) -> tuple[int, str]:
    """changes: of the endpoint; several where the template gives its name to another logical id."""
    change = changes[0]
    if len(changes) > 1:
        return 0, f"The endpoint {name} is deleted and made anew: its callers get errors meanwhile."
    if change is None:
        return 4, UNTOUCHED
    if change.action == "Add":
        return 3, f"The endpoint {name} is made: nobody calls it yet, so no traffic is at risk."
    if change.action == "Remove":
        return 0, f"The endpoint {name} is deleted: its callers get errors from then on."
    if change.replacement == "True":
        if before != name:
            return 0, (
                f"The endpoint {before} is replaced by {name}: {name} is made, then {before} deleted. Callers of "
                f"{before} get errors until they call {name}."
            )
        return 0, f"The endpoint {name} is deleted and made anew: its callers get errors meanwhile."
    if change.replacement == "Conditional":
        return 0, f"The endpoint {name} may be deleted and made anew: its callers would get errors meanwhile."
    if any(one.name == "EndpointConfigName" for one in change.properties):
        return 3, (
            f"The endpoint {name} is updated in place: SageMaker starts new instances beside the old ones, which "
            "answer all requests until the new ones are ready."
        )
    return 3, f"The endpoint {name} is changed in place and goes on answering requests: no instance of it is replaced."


def two_steps(pair: StackPair, stack: StackChange, place: Place) -> str:
    """What to do where an instance type changes under a registered scalable target, which SageMaker refuses.

    A target that the same deployment removes does not help: CloudFormation removes it only at the end.

    https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-auto-scaling-delete.html
    """
    old = effective_resources(pair.live, place)
    targets = {key for key, one in old.items() if one["Type"] == TARGET}
    types = [
        one
        for change in stack.resources
        if change.type == CONFIG and change.action == "Modify"
        for one in change.properties
        if one.path.endswith(".InstanceType") and not one.via
    ]
    if not types or not targets:
        return ""
    kind = " and ".join(f"{one.before} to {one.after}" for one in types)
    return (
        f"The instance type changes ({kind}) while the endpoint's capacity is registered for autoscaling "
        f"({listed(sorted(targets))}), and SageMaker refuses that. Take two steps: first deploy the old type without "
        "autoscaling, then the new type with it."
    )
