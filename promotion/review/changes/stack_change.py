"""What a deployment does to one stack."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from promotion.review.changes.effective import Place
from promotion.review.changes.output_sentences import output_sentences
from promotion.review.changes.resource_changes import resource_changes
from promotion.review.changes.stack_pair import StackPair
from promotion.review.parts import StackChange


def stack_change(pair: StackPair, place: Place) -> StackChange:
    """What a deployment does to one stack."""
    resources = resource_changes(pair, place)
    return StackChange(
        stack=pair.stack,
        exists=pair.live is not None,
        live_template_sha256=template_sha256(pair.live),
        template_sha256=template_sha256(pair.planned),
        resources=resources,
        outputs=output_sentences(pair, resources, place),
    )


def template_sha256(template: Mapping[str, Any] | None) -> str:
    """Of the template's canonical JSON (sorted keys, no spaces, UTF-8); empty where there is none.

    The same for a template that CloudFormation gives back with its keys in another order.
    """
    if template is None:
        return ""
    canonical = json.dumps(template, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
