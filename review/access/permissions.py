"""Who may do what that could not before, and who no longer may: policies compared by what they allow."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from review.access.policies import Policy, policies
from review.access.statement import Condition, Grant, Statement, covers
from review.access.wording import condition, do, do_briefly, foreign_account, is_public, on, on_briefly, who
from review.changes.stacks import StackPair
from review.changes.template import StackScope, effective_resources
from review.reports import PermissionChange


@dataclass(frozen=True, slots=True)
class Permission:
    """A change of what is allowed, and how grave it is."""

    change: PermissionChange
    public: bool = False
    """It opens something to everyone on the internet."""
    boundless: bool = False
    """It allows every action, or every action of a service."""
    foreign: bool = False
    """It lets another account in."""


def permissions(pair: StackPair, place: StackScope) -> tuple[Permission, ...]:
    """Of one stack, in the order of the subjects. Of a stack that the assembly no longer has: none, it stays."""
    if pair.planned is None:
        return ()
    old = policies(effective_resources(pair.live, place), place.region)
    new = policies(effective_resources(pair.planned, place), place.region)
    comparison = _Comparison(pair.stack, place.account, fresh=pair.live is None)
    return tuple(
        found
        for key in sorted(old.keys() | new.keys(), key=lambda key: (key[1], key[0]))
        for found in comparison.changes(old.get(key), new.get(key))
    )


@dataclass(frozen=True, slots=True)
class _Comparison:
    stack: str
    account: str
    fresh: bool
    """The stack is new: nothing was allowed before, so what it allows is told, and is no widening."""

    def changes(self, old: Policy | None, new: Policy | None) -> Iterator[Permission]:
        policy = new or old
        if policy is None:
            return
        before, after = (one.statements if one is not None else () for one in (old, new))
        if old is None:
            yield from self._made(policy)
            return
        for statement, grants in _beyond(after, before, allow=True):
            yield self._text(policy, statement, grants, before)
        for statement, grants in _beyond(before, after, allow=False):
            yield self._lifted(policy, statement, grants)
        if new is None:
            yield self._say(policy.logical_id, f"Gone: {_gone(policy)}.", widened=False)
            return
        for statement, grants in _beyond(before, after, allow=True):
            yield self._say(statement.source, self._narrowed(policy, statement, grants, after), widened=False)
        for statement, grants in _beyond(after, before, allow=False):
            yield self._say(statement.source, self._refusal(policy, statement, grants, "now refused"), widened=False)

    def _narrowed(self, policy: Policy, statement: Statement, grants: list[Grant], after: tuple[Statement, ...]) -> str:
        """Less is allowed: nothing of it, only some of it, or only under a condition."""
        condition_now = _conditions_elsewhere(grants, after)
        if condition_now:
            plain = replace(statement, conditions=condition_now)
            return self._sentence(policy, plain, grants, "may now")
        sentence = self._sentence(policy, statement, grants, "may no longer")
        left = {
            one.resource
            for other in after
            if other.allow
            for one in other.grants()
            if any(one.resource != lost.resource and covers(lost, one) for lost in grants)
        }
        return f"{sentence[:-1]}, but still{on(left)}." if left else sentence

    def _made(self, policy: Policy) -> Iterator[Permission]:
        """A subject that is new: one sentence, and one of its own for each statement that is grave by itself."""
        quiet: list[Statement] = []
        for statement in policy.statements:
            if not statement.allow:
                continue
            grants = list(statement.grants())
            shown = self._text(policy, statement, grants, ())
            if shown.public or shown.boundless or shown.foreign:
                yield shown
            else:
                quiet.append(statement)
        if quiet:
            yield self._say(policy.logical_id, self._summary(policy, quiet), widened=not self.fresh)

    def _summary(self, policy: Policy, allowed: list[Statement]) -> str:
        actions = {action for one in allowed for action in one.actions}
        if policy.kind == "trust":
            trusted = {who(name, one.conditions, self.account) for one in allowed for name in one.principals}
            return f"New: {policy.subject}, which {_and(trusted)} may act as."
        if policy.kind == "resource":
            trusted = {who(name, one.conditions, self.account) for one in allowed for name in one.principals}
            return f"New: {_and(trusted)} may {do_briefly(actions)} on {policy.subject}."
        resources = {resource for one in allowed for resource in one.resources}
        return f"New: {policy.subject} may {do_briefly(actions)}{on_briefly(resources)}."

    def _text(
        self, policy: Policy, statement: Statement, grants: list[Grant], before: tuple[Statement, ...]
    ) -> Permission:
        """More is allowed."""
        sentence = self._sentence(policy, statement, grants, "may now")
        loosened = _conditions_elsewhere(grants, before)
        if loosened:
            sentence = f"{sentence[:-1]}; before, only if {condition(loosened)}."
        principals = {grant.principal for grant in grants}
        return Permission(
            PermissionChange(stack=self.stack, logical_id=statement.source, widened=True, sentence=sentence),
            public=any(is_public(one, statement.conditions) for one in principals),
            boundless=any(grant.action == "*" or grant.action.endswith(":*") for grant in grants)
            and policy.kind != "resource",
            foreign=any(foreign_account(one, self.account) for one in principals),
        )

    def _lifted(self, policy: Policy, statement: Statement, grants: list[Grant]) -> Permission:
        """A Deny is gone, or covers less."""
        sentence = self._refusal(policy, statement, grants, "no longer refused")
        return self._say(statement.source, sentence, widened=True)

    def _sentence(self, policy: Policy, statement: Statement, grants: list[Grant], verb: str) -> str:
        actions = {grant.action for grant in grants}
        resources = {grant.resource for grant in grants}
        only = f" only if {condition(statement.conditions)}" if statement.conditions else ""
        if policy.kind == "identity":
            return _capital(f"{policy.subject} {verb} {do(actions)}{on(resources)}{only}.")
        names = {who(grant.principal, statement.conditions, self.account) for grant in grants}
        if policy.kind == "trust":
            return _capital(f"{_and(names)} {verb} act as {policy.subject} ({', '.join(sorted(actions))}){only}.")
        return _capital(f"{_and(names)} {verb} {do(actions)}{on(resources) or f' on {policy.subject}'}{only}.")

    def _refusal(self, policy: Policy, statement: Statement, grants: list[Grant], verb: str) -> str:
        """Of a Deny: its condition says when it refuses."""
        actions, resources = {grant.action for grant in grants}, {grant.resource for grant in grants}
        names = {"everyone" if one.principal == "*" else who(one.principal, (), self.account) for one in grants}
        subject = policy.subject if policy.kind == "identity" else _and(names)
        when = f", if {condition(statement.conditions)}" if statement.conditions else ""
        target = on(resources) or ("" if policy.kind == "identity" else f" on {policy.subject}")
        return f"{verb.capitalize()} to {subject}{when}: to {do(actions)}{target}."

    def _say(self, logical_id: str, sentence: str, *, widened: bool) -> Permission:
        return Permission(PermissionChange(stack=self.stack, logical_id=logical_id, widened=widened, sentence=sentence))


def _beyond(
    these: Iterable[Statement], those: Iterable[Statement], *, allow: bool
) -> Iterator[tuple[Statement, list[Grant]]]:
    """The statements of the first that go beyond the second, each with the grants that do."""
    other = [grant for statement in those if statement.allow == allow for grant in statement.grants()]
    for statement in these:
        if statement.allow == allow:
            grants = [one for one in statement.grants() if not any(covers(wide, one) for wide in other)]
            if grants:
                yield statement, grants


def _conditions_elsewhere(grants: list[Grant], others: tuple[Statement, ...]) -> frozenset[Condition]:
    """The conditions under which the others allow the same; none where they do not allow it at all."""
    for statement in others:
        for wide in statement.grants() if statement.allow else ():
            bare = replace(wide, conditions=frozenset())
            if all(covers(bare, grant) for grant in grants):
                return statement.conditions
    return frozenset()


def _gone(policy: Policy) -> str:
    if policy.kind == "identity":
        return f"all that {policy.subject} was allowed by this stack"
    return (
        f"{policy.subject}, and with it who could act as it"
        if policy.kind == "trust"
        else f"the policy of {policy.subject}"
    )


def _and(names: Iterable[str]) -> str:
    found = sorted(names)
    return found[0] if len(found) == 1 else f"{', '.join(found[:-1])} and {found[-1]}"


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
