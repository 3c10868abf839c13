"""Reviews that are hard to draw: hostile names, a first deployment, thousands of resources."""

from __future__ import annotations

from review_templates import pair, template
from sample_bundle import STACK, broken_policy, calm, dangerous, drift, headline, model, policy, worse_model
from samples import environment

from review.bundle import Bundle, ChangeSet
from review.infrastructure import infrastructure
from review.reports import (
    Infrastructure,
    MetricPair,
    PermissionChange,
    PropertyChange,
    ResourceChange,
    SliceMetric,
    StackChange,
)

NAMES = (
    "<script>alert(1)</script>",
    "`code` ``more``",
    "a|b\\|c",
    "@everyone and @octo-org/team",
    "fixes #12, GH-7",
    "![x](https://example.com/x.png) [y](javascript:z)",
    "\u202egnp.exe\u202c \u2066x",
    "line one\n\n# heading\n- [ ] box",
    "</details></td></table><h1>out</h1>",
    "1. first",
    "- dash",
    "**bold** _it_ ~~gone~~ $x^2$ &lt; &#64;",
    "عنوان النموذج",
    "\x1b[31mred\x00\ud800",
    "x" * 700,
)


def hostile() -> Bundle:
    """Every place that holds text of others holds every one of the names."""
    joined = " ".join(NAMES)
    properties = tuple(
        PropertyChange(name=one, path=one, before=one, after={one: [one]}, replaces="True") for one in NAMES
    )
    change = ResourceChange(
        logical_id=NAMES[0], type=NAMES[1], name=NAMES[2], action="Modify", properties=properties, says=joined
    )
    found = broken_policy().findings[0]
    return dangerous(
        project=NAMES[0],
        environment=NAMES[3],
        infrastructure=Infrastructure(
            stacks=(
                StackChange(
                    stack=NAMES[0],
                    exists=True,
                    live_template_sha256="",
                    template_sha256="",
                    resources=(change,),
                    outputs=NAMES,
                ),
            ),
            permissions=tuple(PermissionChange(stack=one, logical_id=one, widened=True, sentence=one) for one in NAMES),
            traffic=joined,
            headlines=tuple(headline("danger", one) for one in NAMES),
        ),
        policy=policy(
            findings=tuple(found.model_copy(update={"rule": one, "message": one, "resource": one}) for one in NAMES)
        ),
        model=model(
            promoted_from=joined,
            overrides=NAMES,
            signature=joined,
            training=tuple((one, one) for one in NAMES),
            hyperparameters=tuple((one, one, "") for one in NAMES),
            data=tuple((one, one, one) for one in NAMES),
            metrics=tuple(MetricPair(name=one, live=1.0, released=2.0, lower_is_better=True) for one in NAMES),
            slices=tuple(SliceMetric(column=one, value=one, rows=3, live=1.0, released=0.5) for one in NAMES),
            golden=tuple((one, one) for one in NAMES),
            missing=NAMES,
        ),
        drift=drift(headlines=tuple(headline("note", one) for one in NAMES)),
        change_sets=tuple(ChangeSet(stack=one, arn=one, stack_arn=one) for one in NAMES),
        versions={one: one for one in NAMES},
    )


def first_deployment() -> Bundle:
    """Nothing is deployed, and there is no release."""
    found = infrastructure([pair(None, template())], environment())
    return calm(infrastructure=found, model=None, release_sha256="", drift=drift(detected_at="", stacks=()))


def many(resources: int) -> Bundle:
    """Replaced, widened and dangerous, that many times."""
    changes = tuple(
        ResourceChange(
            logical_id=f"Thing{number}",
            type="AWS::SageMaker::EndpointConfig",
            action="Modify",
            replacement="True",
            properties=(
                PropertyChange(name="Tags", path="Tags[0].Value", before="b" * 300, after=["@x"] * 99, replaces="True"),
            ),
            says="It is replaced. " * 20,
        )
        for number in range(resources)
    )
    stack = StackChange(
        stack=STACK, exists=True, live_template_sha256="1", template_sha256="2", resources=changes, outputs=()
    )
    found = Infrastructure(
        stacks=(stack,),
        permissions=tuple(
            PermissionChange(stack=STACK, logical_id=f"Thing{n}", widened=True, sentence="Everyone may. " * 30)
            for n in range(resources)
        ),
        traffic="All of it is at risk.",
        headlines=tuple(headline("danger", f"Thing{number} is dangerous.") for number in range(resources)),
    )
    return calm(infrastructure=found, model=worse_model())
