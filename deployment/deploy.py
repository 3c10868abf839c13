"""Deploy one environment by the CDK command line, and verify afterwards that it serves its release.

Its pipeline stack is deployed apart, by a person who may grant its roles.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from deployment.assembly import assembled_stacks
from deployment.cdk import CdkFailedError, CdkInterruptedError, is_bootstrapped, refuse_without_bootstrap
from deployment.change_set import RolledBackError
from deployment.doctor.roles import pipeline_findings
from deployment.endpoint.expiry import begin_watch, end_watch
from deployment.endpoint.scaling import autoscaling_off, await_scaling
from deployment.endpoint.triggers import find_triggers, last_event, rollback_by_triggers
from deployment.endpoint.update import guarded_update
from deployment.failures import FailureLog, StackWatch, deploy_twice, wait_for_others
from deployment.retained import import_retained
from kickstand.aws.errors import explained
from kickstand.errors import InputError, Problem
from kickstand.release.rules import require_serving
from training.job.price import require_job_price

if TYPE_CHECKING:
    from deployment.cdk import Cdk
    from deployment.endpoint.verify import Proof
    from kickstand.release.model import Release
    from kickstand.workspace import Workspace


def deploy_environment(
    cdk: Cdk,
    release: Release | None,
    say: Callable[[str], None],
    *,
    prompt: bool = True,
    may_bootstrap: bool = False,
    despite_alarms: bool = False,
) -> Proof | None:
    """Deploy both stacks (training alone while there is no release) and prove the endpoint; None without a release.

    release:       what the environment's release file says, read and checked.
    say:           prints a line.
    prompt:        whether the CDK command line asks before security-relevant changes.
    may_bootstrap: whether a missing bootstrap stack is made; else it is refused with the command to type.
    despite_alarms: whether it begins although an alarm is in ALARM that rolls an update of the endpoint back.
    A deployment that IAM was too slow for is run once more (`role_race.py`).
    A hosting stack that is there is updated with rollback triggers (`endpoint/triggers.py`).
    Raises InputError where the environment takes only what was reviewed (`reviewed.py`), and KickstandError: no
    bootstrap, another artifact than released, a rollback alarm in ALARM, a failed deployment, an update that
    SageMaker or CloudFormation rolled back, an endpoint that does not serve the release.
    """
    refuse_without_review(cdk.workspace)
    names = cdk.workspace.names
    stacks = (names.training_stack, names.hosting_stack)
    require_deployable(cdk, release, may_bootstrap=may_bootstrap)
    end_watch(cdk.workspace.session, names, say)

    session = cdk.workspace.session

    def deploy() -> None:
        wait_for_others(session.client("cloudformation"), stacks, say)
        import_retained(cdk, say)
        if release is None or find_triggers(session, names) is None:
            _run_deploy(cdk, f"{cdk.workspace.environment.name}/*", stacks, prompt=prompt)
        else:
            _run_deploy(cdk, f"{cdk.workspace.environment.name}/training", stacks[:1], prompt=prompt)
            wait_for_others(session.client("cloudformation"), stacks[1:], say)
            _update_hosting(cdk, say, prompt=prompt)

    try:
        with explained("deploying the stacks"), guarded_update(cdk, say, despite_alarms=despite_alarms):
            deploy_twice(session, stacks, deploy, say)
    except CdkInterruptedError as error:
        follow = f"Follow it to its end: {cdk.workspace.command('deploy')}"
        raise CdkInterruptedError(*(replace(problem, fix=follow) for problem in error.problems)) from None
    return None if release is None else prove(cdk, release, say)


def deploy_training(cdk: Cdk, say: Callable[[str], None], *, prompt: bool = True, may_bootstrap: bool = False) -> None:
    """Deploy the training stack alone: what is served, and the image it is served by, stay as they are.

    Arguments and errors as of `deploy_environment`, of which it is the first half.
    """
    refuse_without_review(cdk.workspace)
    require_deployable(cdk, None, may_bootstrap=may_bootstrap)
    stacks = (cdk.workspace.names.training_stack,)

    def deploy() -> None:
        wait_for_others(cdk.workspace.session.client("cloudformation"), stacks, say)
        _run_deploy(cdk, f"{cdk.workspace.environment.name}/training", stacks, prompt=prompt)

    with explained("deploying the training stack"):
        deploy_twice(cdk.workspace.session, stacks, deploy, say)


def _update_hosting(cdk: Cdk, say: Callable[[str], None], *, prompt: bool) -> None:
    """Update the hosting stack of the assembly that training was deployed of, in two steps where its instance type
    changes while it scales. One that was deleted meanwhile, since it stops by itself, is made again.
    RolledBackError: a trigger ended it."""
    names, session = cdk.workspace.names, cdk.workspace.session
    stack, cloudformation = names.hosting_stack, session.client("cloudformation")
    selected, built = f"{names.environment.name}/hosting", replace(cdk, built=cdk.assembly())
    if (triggers := find_triggers(session, names)) is None:
        _run_deploy(built, selected, (stack,), "--exclusively", prompt=prompt)
        return
    say(f"{stack}: {triggers.sentence}")
    await_scaling(session, names)  # an endpoint in progress takes no update
    planned, rerun = assembled_stacks(built.assembly())[stack], cdk.workspace.command("deploy")
    try:
        with autoscaling_off(session, planned, say, rerun_command=rerun):
            since = last_event(cloudformation, stack)
            _run_deploy(built, selected, (stack,), "--exclusively", *triggers.words, prompt=prompt)
    except CdkFailedError as error:
        reason = rollback_by_triggers(cloudformation, stack, since)
        if reason is None:
            raise
        raise RolledBackError(reason, *error.problems) from None


def _run_deploy(cdk: Cdk, selected: str, stacks: Sequence[str], *words: str, prompt: bool) -> None:
    """`cdk deploy`; where it fails, the error has CloudFormation's own reasons, or what was in its way."""
    cloudformation = cdk.workspace.session.client("cloudformation")
    log, watch = FailureLog.open(cloudformation, stacks), StackWatch.open(cloudformation, stacks)
    named = ("--change-set-name", watch.change_set)
    try:
        cdk.run("deploy", selected, *words, *named, *([] if prompt else ["--require-approval", "never"]))
    except CdkFailedError as error:
        reasons = log.reasons() or watch.others()
        if not reasons:
            raise
        raise CdkFailedError(*reasons, *error.problems) from None


def require_deployable(cdk: Cdk, release: Release | None, *, may_bootstrap: bool) -> None:
    """Raise KickstandError where callers would meet a fault of the image that the environment does not accept, the
    release's signature is not right, the chosen image cannot read its model, its artifact is not what it was, its own
    image cannot read it, or the account is not bootstrapped."""
    from kickstand.signing.verify import require_signature
    from training.model.artifact import require_artifact, require_image, require_model

    workspace, environment = cdk.workspace, cdk.workspace.environment
    require_job_price(environment)  # a schedule or new data start jobs too
    if release is not None:
        require_serving(release, environment.known_faults)
        require_signature(release, workspace.release_file, environment)
        training, fit = workspace.command("deploy", "--training"), workspace.command("fit")
        require_image(release, environment, training_command=training, fit_command=fit)
        s3 = workspace.session.client("s3")
        require_artifact(s3, release, adopt_command=workspace.command(f"adopt {release.training_job.name}"))
        require_model(s3, release)
    with explained("looking for the CDK bootstrap stack"):
        if not may_bootstrap:
            refuse_without_bootstrap(cdk.workspace)
        elif not is_bootstrapped(workspace.session, environment):
            cdk.bootstrap()


def prove(cdk: Cdk, release: Release, say: Callable[[str], None]) -> Proof:
    """The proof that the endpoint serves the release, as deployed; KickstandError says how it does not.

    What served before is deleted then, and not earlier. The time of an endpoint that stops by itself begins.
    """
    from deployment.endpoint.capture import require_capture
    from deployment.endpoint.superseded import delete_superseded, superseded
    from deployment.endpoint.verify import require_guardrails, verify_endpoint

    names = cdk.workspace.names
    with explained(f"verifying the endpoint {names.endpoint}"):
        proof = verify_endpoint(cdk.workspace.session, names, release)
        require_guardrails(cdk.workspace.session, names)
        require_capture(cdk.workspace.session, names, release)
    with explained("deleting what the endpoint served before"):
        delete_superseded(cdk.workspace.session, superseded(cdk.workspace.session, names), say)
    begin_watch(cdk.workspace.session, names, say)
    return proof


def refuse_without_review(workspace: Workspace) -> None:
    """Raise InputError where the environment is deployed only by the change sets of a review."""
    environment = workspace.environment
    if not environment.review.require_review:
        return
    review = workspace.command("review")
    raise InputError(
        Problem(
            f"{environment.name} is deployed only by change sets that were reviewed (require_review = true). "
            "Nothing was deployed.",
            environment.where("review.require_review"),
            f"Review it: {review}, then {review} --prepare, which says how to deploy it when it is approved.",
        )
    )


def deploy_pipeline(cdk: Cdk, say: Callable[[str], object], *, prompt: bool, may_bootstrap: bool) -> None:
    """Deploy `PROJECT-ENV-pipeline` and nothing else.

    say: gets a warning where the project file has the repository's name alone: GitHub may issue subjects with ids.
    prompt: whether the CDK command line asks before it grants rights. may_bootstrap: see deploy_environment.
    Raises InputError where the project file names no repository or an assembly was given, KickstandError where the
    account is not bootstrapped or the deployment fails.
    """
    environment = cdk.workspace.environment
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
            refuse_without_bootstrap(cdk.workspace)
        elif not is_bootstrapped(cdk.workspace.session, environment):
            cdk.bootstrap()
    approval = [] if prompt else ["--require-approval", "never"]
    cdk.run("deploy", f"{environment.name}-pipeline/*", "--context", "pipeline=on", *approval)
