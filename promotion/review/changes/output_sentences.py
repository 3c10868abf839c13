"""The outputs of a stack that a deployment adds, changes or removes, one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from promotion.review.changes.effective import Place, effective_outputs
from promotion.review.changes.references import references
from promotion.review.changes.stack_pair import StackPair
from promotion.review.parts import ResourceChange


def output_sentences(pair: StackPair, resources: tuple[ResourceChange, ...], place: Place) -> tuple[str, ...]:
    """In the order of their names. Outputs whose value is another because a resource is replaced are among them."""
    if pair.planned is None:
        return ()
    old, new = effective_outputs(pair.live, place), effective_outputs(pair.planned, place)
    replaced = {one.logical_id for one in resources if one.replacement != "False"}
    sentences = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            sentences.append(f"The output {name} is added{_exported(new[name])}.")
        elif name not in new:
            sentences.append(f"The output {name} is removed{_exported(old[name])}.")
        elif old[name].get("Value") != new[name].get("Value"):
            sentences.append(f"The output {name} gets another value.")
        elif old[name] != new[name]:
            sentences.append(f"The output {name} is described or exported otherwise.")
        elif moved := sorted({target for target, _ in references(new[name].get("Value"))} & replaced):
            sentences.append(f"The output {name} gets another value, of the replaced {moved[0]}.")
    return tuple(sentences)


def _exported(output: Mapping[str, Any]) -> str:
    export = (output.get("Export") or {}).get("Name")
    return f" (exported as {export}: other stacks may depend on it)" if export else ""
