"""The order of a project's environments: who takes models from whom. Pure."""

from __future__ import annotations

from collections.abc import Callable

from kickstand.config.model import Environment, Project
from kickstand.errors import InputError, Problem


def require_order(project: Project, source: Environment, target: Environment, typed: Callable[[str], str]) -> None:
    """Raise InputError where `target` does not take its models from `source`.

    typed: a command as this user has to type it.
    """
    if source.name != target.name and target.promotes_from == source.name:
        return
    if target.promotes_from is None:
        message = f"{target.name} takes no promotions: it has no promotes_from."
        fix = f'Give [environments.{target.name}] a promotes_from, such as "{source.name}", or train there.'
    else:
        message = f"{target.name} takes its models from {target.promotes_from}, not from {source.name}."
        fix = f"Promote step by step: {typed(f'promote {target.promotes_from} {target.name}')}"
        if source.name == target.name:
            message = f"{source.name} cannot be promoted to itself: it takes its models from {target.promotes_from}."
    order = promotion_order(project)
    raise InputError(Problem(f"{message} The order here: {order}.", target.where("promotes_from"), fix))


def promotion_order(project: Project) -> str:
    """`dev -> staging -> prod`; several ways apart by `; `. An environment without either end stands alone."""
    environments = project.environments
    ends = [name for name in environments if all(each.promotes_from != name for each in environments.values())]
    ways = []
    for end in ends:
        way = [end]
        while (before := environments[way[0]].promotes_from) is not None and before not in way:
            way.insert(0, before)
        ways.append(" -> ".join(way))
    return "; ".join(ways)
