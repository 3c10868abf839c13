"""Deploy one environment by the CDK command line, and verify afterwards that it serves its release.

Its pipeline stack is deployed apart, by a person who may grant its roles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from deployment.cdk import is_bootstrapped, refuse_without_bootstrap
from deployment.doctor.roles import pipeline_findings
from kickstand.aws.errors import explained
from kickstand.errors import InputError, Problem
from kickstand.names import Names

if TYPE_CHECKING:
    from deployment.cdk import Cdk
    from deployment.verify import Proof
    from kickstand.config.model import Environment
    from kickstand.release.model import Release


@dataclass(frozen=True, slots=True)
class Reporter:
    """How a deployment speaks to whoever started it."""

    say: Callable[[str], None]
    """Prints a line."""
    typed: Callable[[str], str]
    """A command of Kickstand as this user has to type it: `adopt JOB dev` -> `kickstand --local adopt JOB dev`."""


def deploy_environment(
    cdk: Cdk, release: Release | None, talk: Reporter, *, ask: bool = True, may_bootstrap: bool = False
) -> Proof | None:
    """Deploy both stacks (training alone while there is no release) and prove the endpoint; None without a release.

    release:       what the environment's release file says, read and checked.
    ask:           whether the CDK command line asks before security-relevant changes.
    may_bootstrap: whether a missing bootstrap stack is made; else it is refused with the command to type.
    A deployment that IAM was too slow for is run once more (`role_race.py`).
    Raises InputError where the environment takes only what was reviewed (`reviewed.py`), and KickstandError: no
    bootstrap, another artifact than released, a failed deployment, an endpoint that does not serve the release.
    """
    from deployment.failures import deploy_twice, wait_for_others
    from deployment.retained import import_retained
    from kickstand.aws.errors import explained

    refuse_without_review(cdk.environment, talk)
    names = Names(cdk.environment)
    stacks = (names.training_stack, names.hosting_stack)
    require_deployable(cdk, release, talk, may_bootstrap=may_bootstrap)

    def deploy() -> None:
        wait_for_others(cdk.session.client("cloudformation"), stacks, talk.say)
        import_retained(cdk, names, talk.say)
        _run_deploy(cdk, f"{cdk.environment.name}/*", stacks, ask=ask)

    with explained("deploying the stacks"):
        deploy_twice(cdk.session, stacks, deploy, talk.say)
    return None if release is None else prove(cdk, release)


def deploy_training(cdk: Cdk, talk: Reporter, *, ask: bool = True, may_bootstrap: bool = False) -> None:
    """Deploy the training stack alone: what is served, and the image it is served by, stay as they are.

    Arguments and errors as of `deploy_environment`, of which it is the first half.
    """
    from deployment.failures import deploy_twice, wait_for_others
    from kickstand.aws.errors import explained

    refuse_without_review(cdk.environment, talk)
    require_deployable(cdk, None, talk, may_bootstrap=may_bootstrap)
    stacks = (Names(cdk.environment).training_stack,)

    def deploy() -> None:
        wait_for_others(cdk.session.client("cloudformation"), stacks, talk.say)
        _run_deploy(cdk, f"{cdk.environment.name}/training", stacks, ask=ask)

    with explained("deploying the training stack"):
        deploy_twice(cdk.session, stacks, deploy, talk.say)


def _run_deploy(cdk: Cdk, selected: str, stacks: Sequence[str], *, ask: bool) -> None:
    """`cdk deploy`; where it fails, the error has CloudFormation's own reasons, or what was in its way."""
    from deployment.cdk import CdkFailedError
    from deployment.failures import FailureLog, StackWatch

    cloudformation = cdk.session.client("cloudformation")
    log, watch = FailureLog.open(cloudformation, stacks), StackWatch.open(cloudformation, stacks)
    named = ("--change-set-name", watch.change_set)
    try:
        cdk.run("deploy", selected, *named, *([] if ask else ["--require-approval", "never"]))
    except CdkFailedError as error:
        reasons = log.reasons() or watch.others()
        if not reasons:
            raise
        raise CdkFailedError(*reasons, *error.problems) from None


def require_deployable(cdk: Cdk, release: Release | None, talk: Reporter, *, may_bootstrap: bool) -> None:
    """Raise KickstandError where callers would meet a fault of the image that the environment does not accept, the
    release's signature is not right, the chosen image cannot read its model, its artifact is not what it was, its own
    image cannot read it, or the account is not bootstrapped."""
    from deployment.cdk import is_bootstrapped, refuse_without_bootstrap
    from kickstand.aws.errors import explained
    from kickstand.release.file import release_path
    from kickstand.release.rules import require_serving
    from kickstand.signing.verify import require_signature
    from training.model.artifact import require_artifact, require_image, require_model

    if release is not None:
        require_serving(release, cdk.environment.known_faults)
        require_signature(release, release_path(cdk.releases, cdk.environment.name), cdk.environment)
        name = cdk.environment.name
        training, fit = talk.typed(f"deploy {name} --training"), talk.typed(f"fit {name}")
        require_image(release, cdk.environment, training_command=training, fit_command=fit)
        again = talk.typed(f"adopt {release.training_job.name} {name}")
        s3 = cdk.session.client("s3")
        require_artifact(s3, release, adopt_command=again)
        require_model(s3, release)
    with explained("looking for the CDK bootstrap stack"):
        if not may_bootstrap:
            refuse_without_bootstrap(cdk)
        elif not is_bootstrapped(cdk.session, cdk.environment):
            cdk.bootstrap()


def prove(cdk: Cdk, release: Release) -> Proof:
    """The proof that the endpoint serves the release; KickstandError says how it does not."""
    from deployment.verify import verify_endpoint
    from kickstand.aws.errors import explained

    names = Names(cdk.environment)
    with explained(f"verifying the endpoint {names.endpoint}"):
        return verify_endpoint(cdk.session, names, release)


def refuse_without_review(environment: Environment, talk: Reporter) -> None:
    """Raise InputError where the environment is deployed only by the change sets of a review."""
    if not environment.review.require_review:
        return
    review = talk.typed(f"review {environment.name}")
    raise InputError(
        Problem(
            f"{environment.name} is deployed only by change sets that were reviewed (require_review = true). "
            "Nothing was deployed.",
            environment.where("review.require_review"),
            f"Review it: {review}, then {review} --prepare, which says how to deploy it when it is approved.",
        )
    )


def deploy_pipeline(cdk: Cdk, say: Callable[[str], object], *, ask: bool, may_bootstrap: bool) -> None:
    """Deploy `PROJECT-ENV-pipeline` and nothing else.

    say: gets a warning where the project file has the repository's name alone: GitHub may issue subjects with ids.
    ask: whether the CDK command line asks before it grants rights. may_bootstrap: see deploy_environment.
    Raises InputError where the project file names no repository or an assembly was given, KickstandError where the
    account is not bootstrapped or the deployment fails.
    """
    environment = cdk.environment
    if environment.pipeline.repository is None:
        message = f"{environment.name} has no pipeline: the project file names no repository."
        fix = 'Add: [pipeline] with repository = "OWNER/NAME".'
        raise InputError(Problem(message, environment.where("pipeline.repository"), fix))
    if cdk.built is not None:
        message = "An environment's assembly never holds its pipeline stack."
        raise InputError(Problem(message, "--assembly", "Leave --assembly out: --pipeline synthesises by itself."))
    for finding in pipeline_findings(environment):
        if finding.status != "ok":
            say(f"{finding.status}: {finding.found} {finding.fix}")
    with explained("looking for the CDK bootstrap stack"):
        if not may_bootstrap:
            refuse_without_bootstrap(cdk)
        elif not is_bootstrapped(cdk.session, environment):
            cdk.bootstrap()
    approval = [] if ask else ["--require-approval", "never"]
    cdk.run("deploy", f"{environment.name}-pipeline/*", "--context", "pipeline=on", *approval)
