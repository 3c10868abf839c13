"""All that a deployment changes in an environment's stacks."""

from __future__ import annotations

from collections.abc import Sequence

from kickstand.config.model import Environment
from promotion.review.changes.effective import Place
from promotion.review.changes.stack_change import stack_change
from promotion.review.changes.stack_pair import StackPair
from promotion.review.parts import Infrastructure


def infrastructure(pairs: Sequence[StackPair], environment: Environment) -> Infrastructure:
    """The stacks in the order of `pairs`. A function of its arguments alone: the same templates, the same words."""
    stacks = tuple(stack_change(pair, Place(environment.account, environment.region, pair.stack)) for pair in pairs)
    return Infrastructure(stacks=stacks, permissions=(), traffic="", headlines=())
