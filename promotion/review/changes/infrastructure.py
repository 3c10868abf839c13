"""All that a deployment changes in an environment's stacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kickstand.config.model import Environment
from promotion.review.changes.attachments import attachments
from promotion.review.changes.effective import Place, effective_resources
from promotion.review.changes.headlines import headlines
from promotion.review.changes.network import network
from promotion.review.changes.permissions import Permission, permissions
from promotion.review.changes.stack_change import stack_change
from promotion.review.changes.stack_pair import StackPair
from promotion.review.changes.traffic import traffic
from promotion.review.parts import Infrastructure, PermissionChange


def infrastructure(pairs: Sequence[StackPair], environment: Environment) -> Infrastructure:
    """The stacks in the order of `pairs`. A function of its arguments alone: the same templates, the same words."""
    account, region = environment.account, environment.region
    stacks = tuple(stack_change(pair, Place(account, region, pair.stack)) for pair in pairs)
    told = [one for pair in pairs for one in _permissions(pair, Place(account, region, pair.stack))]
    everywhere = Place(account, region, "")
    sentence = traffic(pairs, stacks, everywhere)
    return Infrastructure(
        stacks=stacks,
        permissions=tuple(one.change for one in sorted(told, key=lambda one: not one.change.widened)),
        traffic=sentence,
        headlines=headlines(pairs, stacks, told, sentence, everywhere),
    )


def _permissions(pair: StackPair, place: Place) -> Iterator[Permission]:
    """Policies, then what is attached to roles, then the network."""
    yield from permissions(pair, place)
    if pair.planned is None:
        return
    old, new = effective_resources(pair.live, place), effective_resources(pair.planned, place)
    for tell in (attachments, network):
        for told in tell(old, new, place.region, fresh=pair.live is None):
            change = PermissionChange(
                stack=pair.stack, logical_id=told.logical_id, widened=told.widened, sentence=told.sentence
            )
            yield Permission(change, public=told.public)
