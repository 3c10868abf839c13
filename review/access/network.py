"""What reaches what over the network, and what is shut off from it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from review.access.policies import AccessChange, texts
from review.changes.properties import called, listed

Resource = Mapping[str, Any]
ACCESS_BLOCKS = ("BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets")
_WORLD = ("0.0.0.0/0", "::/0")
_TRAFFIC = "what their instances send to each other"
_ENCRYPTED = re.compile(r'"EnableInterContainerTrafficEncryption\\?":\s*true')


def network(
    old: Mapping[str, Resource], new: Mapping[str, Resource], region: str, *, fresh: bool
) -> Iterator[AccessChange]:
    """fresh: the stack is new; only what is open to the internet is told then."""
    before, after = texts(old), texts(new)
    for key, resource in sorted(new.items()):
        was = dict(old[key]["Properties"]) if key in old and old[key]["Type"] == resource["Type"] else None
        now = dict(resource["Properties"])
        what = called(key, resource, region)
        match resource["Type"]:
            case "AWS::S3::Bucket":
                yield from _access_block(key, what, was, now)
            case "AWS::SageMaker::Model" if was is not None:
                yield from _model(key, what, was, now, before, after)
            case "AWS::EC2::SecurityGroup":
                yield from _ingress(key, what, was, now, fresh=fresh)
            case "AWS::Events::Rule" | "AWS::Scheduler::Schedule" if was is not None:
                yield from _targets(key, what, was, now, before, after)
            case "AWS::StepFunctions::StateMachine" if was is not None:
                called_before, called_now = (_integrations(text(side)) for text, side in ((before, was), (after, now)))
                for name in sorted(called_now - called_before):
                    yield AccessChange(key, False, f"The {what} now also calls {name}, as far as its role may.")
                for name in sorted(called_before - called_now):
                    yield AccessChange(key, False, f"The {what} no longer calls {name}.")
                encrypted = [bool(_ENCRYPTED.search(text(side))) for text, side in ((before, was), (after, now))]
                if encrypted == [True, False]:
                    yield AccessChange(key, True, f"The {what}'s jobs no longer encrypt {_TRAFFIC}.")
                elif encrypted == [False, True]:
                    yield AccessChange(key, False, f"The {what}'s jobs now encrypt {_TRAFFIC}.")


def lost_access_blocks(was: Mapping[str, Any] | None, now: Mapping[str, Any]) -> list[str]:
    """The settings of a bucket's public access block that are off now and were on. S3 sets all of them for a new
    bucket that says nothing (since April 2023), so one that is not mentioned in a block is off, and no block is on."""

    def on(properties: Mapping[str, Any] | None, name: str) -> bool:
        block = (properties or {}).get("PublicAccessBlockConfiguration")
        return True if block is None else str(block.get(name, False)).lower() == "true"

    return [name for name in ACCESS_BLOCKS if on(was, name) and not on(now, name)]


def _access_block(key: str, what: str, was: Mapping[str, Any] | None, now: Mapping[str, Any]) -> Iterator[AccessChange]:
    block = "PublicAccessBlockConfiguration"
    lost = lost_access_blocks(was, now)
    if lost:
        yield AccessChange(
            key,
            True,
            f"The {what} may now be made public: {listed(lost)} of its public access block {_is(lost)} off.",
            public=True,
        )
    elif was is not None and block in was and block not in now:
        yield AccessChange(
            key, True, f"The {what} may now be made public: its public access block is removed.", public=True
        )
    elif was is not None and lost_access_blocks(now, was):
        yield AccessChange(key, False, f"The {what} can no longer be made public: its public access block is on.")


def _is(words: list[str]) -> str:
    return "is" if len(words) == 1 else "are"


def _model(key: str, what: str, was: Any, now: Any, before: Any, after: Any) -> Iterator[AccessChange]:
    isolated = [str(one.get("EnableNetworkIsolation", False)).lower() == "true" for one in (was, now)]
    if isolated == [True, False]:
        yield AccessChange(key, True, f"The {what} may now reach the network: its network isolation is off.")
    elif isolated == [False, True]:
        yield AccessChange(key, False, f"The {what} can no longer reach the network: its network isolation is on.")
    inside = [one.get("VpcConfig") or {} for one in (was, now)]
    if inside[0] and not inside[1]:
        yield AccessChange(
            key, True, f"The {what} leaves the VPC: its traffic is no longer held by your subnets and security groups."
        )
    elif inside[1] and not inside[0]:
        yield AccessChange(key, False, f"The {what} moves into a VPC: {_vpc(inside[1], after)}.")
    else:
        for member, name in (("SecurityGroupIds", "security groups"), ("Subnets", "subnets")):
            had, has = (
                {text(one) for one in side.get(member) or ()}
                for side, text in ((inside[0], before), (inside[1], after))
            )
            if had != has:
                # Another group or subnet has other rules, which the template does not show.
                widened = bool(has - had)
                yield AccessChange(
                    key,
                    widened,
                    f"The {what} gets other {name}: {listed(sorted(has))} instead of {listed(sorted(had))}.",
                )


def _vpc(inside: Mapping[str, Any], text: Any) -> str:
    words = (("Subnets", "subnets"), ("SecurityGroupIds", "security groups"))
    return " and ".join(
        f"{name} {listed(sorted(text(one) for one in inside.get(member) or ()))}" for member, name in words
    )


def _ingress(key: str, what: str, was: Any, now: Any, *, fresh: bool) -> Iterator[AccessChange]:
    had, has = (list((side or {}).get("SecurityGroupIngress") or ()) for side in (was, now))
    for rule in has:
        if rule not in had:
            source = next((rule[name] for name in ("CidrIp", "CidrIpv6", "SourceSecurityGroupId") if name in rule), "?")
            everyone = source in _WORLD
            if everyone or not fresh:
                whence = "everyone on the internet" if everyone else source
                yield AccessChange(
                    key, True, f"The {what} now lets {whence} in on port {_ports(rule)}.", public=everyone
                )
    for rule in had:
        if rule not in has:
            yield AccessChange(
                key, False, f"The {what} no longer lets {rule.get('CidrIp', 'a source')} in on port {_ports(rule)}."
            )


def _ports(rule: Mapping[str, Any]) -> str:
    first, last = rule.get("FromPort", "any"), rule.get("ToPort", "any")
    return str(first) if first == last else f"{first} to {last}"


def _integrations(definition: str) -> set[str]:
    """The services that a state machine calls: `sagemaker:createTrainingJob.sync`."""
    return set(re.findall(r":states:::([A-Za-z0-9:.-]+)", definition))


def _targets(key: str, what: str, was: Any, now: Any, before: Any, after: Any) -> Iterator[AccessChange]:
    def targets(side: Any, text: Any) -> set[str]:
        given = side.get("Targets") or ([side["Target"]] if "Target" in side else [])
        return {text(one.get("Arn", "")) for one in given}

    had, has = targets(was, before), targets(now, after)
    for target in sorted(has - had):
        yield AccessChange(key, True, f"The {what} now also starts {target}.")
    for target in sorted(had - has):
        yield AccessChange(key, False, f"The {what} no longer starts {target}.")
