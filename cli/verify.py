"""`kickstand verify`: whether AWS serves exactly what the release says, and whether anyone could have swapped it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.context import open_workspace, short
from cli.options import AS_JSON, ENV
from kickstand.console import echo, echo_json
from kickstand.errors import KickstandError
from kickstand.names import Names, partition
from kickstand.text import labelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from kickstand.errors import KickstandError
    from kickstand.release.model import Release
    from kickstand.workspace import Workspace

_DOES_NOT_FIT = "DOES NOT FIT; see the end"


@dataclass(slots=True)
class _Proofs:
    """What was proved and what was not, in the order it was asked. say: prints a line as it comes."""

    say: Callable[[str], object]
    shown: list[tuple[str, bool, str]] = field(default_factory=list)
    failures: list[KickstandError] = field(default_factory=list)

    def add(self, label: str, text: str, *, holds: bool = True) -> None:
        self.shown.append((label, holds, text))
        for line in labelled(label, text, indent=0, width=12):
            self.say(line)

    def check(self, label: str, proof: Callable[[], str]) -> None:
        """Tell what a proof says; where it fails, say so, and keep why."""
        try:
            self.add(label, proof())
        except KickstandError as failure:
            self.add(label, _DOES_NOT_FIT, holds=False)
            self.failures.append(failure)


def verify(
    ctx: typer.Context,
    environment: ENV,
    data: Annotated[
        bool, typer.Option("--data", help="Also check every file that the model was trained on against its digest.")
    ] = False,
    as_json: AS_JSON = False,
) -> None:
    """Verify release, signature, artifact and live endpoint against each other, and show who could replace them."""
    from deployment.audit import artifact_writes, writes_sentence
    from deployment.endpoint.capture import require_capture
    from deployment.endpoint.verify import require_guardrails, verify_endpoint
    from kickstand.aws.errors import explained
    from kickstand.signing.verify import require_signature
    from training.model.artifact import require_artifact

    workspace, _ = open_workspace(ctx, environment, data_on_stdout=as_json)
    path, release = workspace.release_file, workspace.release()
    s3 = workspace.session.client("s3")
    again = workspace.command(f"adopt {release.training_job.name}")

    def signature() -> str:
        signed = require_signature(release, path, workspace.environment)
        return signed.sentence() if signed else "none; this environment demands none"

    def artifact() -> str:
        require_artifact(s3, release, adopt_command=again)
        return f"{release.artifact.s3_uri} holds the bytes that the release names"

    def endpoint() -> str:
        with explained(f"verifying the endpoint {workspace.names.endpoint}"):
            return verify_endpoint(workspace.session, workspace.names, release).sentence()

    def guardrail() -> str:
        with explained(f"verifying the guardrail of the endpoint {workspace.names.endpoint}"):
            return require_guardrails(workspace.session, workspace.names)

    def capture() -> str:
        with explained(f"verifying what the endpoint {workspace.names.endpoint} captures"):
            return require_capture(workspace.session, workspace.names, release)

    # Each is asked, whatever became of the one before: an auditor wants to know of everything.
    proofs = _Proofs(say=(lambda _: None) if as_json else typer.echo)
    proofs.add("release", f"{short(path)} is as it was written: {release.sha256}")
    proofs.check("signature", signature)
    proofs.check("artifact", artifact)
    proofs.check("written", lambda: writes_sentence(artifact_writes(s3, release.artifact), release.artifact))
    proofs.check("endpoint", endpoint)
    proofs.check("guardrail", guardrail)
    proofs.check("capture", capture)
    if data:
        _prove_data(workspace, release, proofs)
    _prove_access(workspace, release, proofs)
    if as_json:
        fields = [{"what": label, "holds": holds, "says": text} for label, holds, text in proofs.shown]
        wrong = [problem.message for failure in proofs.failures for problem in failure.problems]
        echo_json(json.dumps({"environment": environment, "proofs": fields, "problems": wrong}, indent=2))
    elif not proofs.failures:
        echo(f"\nAll of it fits: {workspace.names.endpoint} serves the model that was released.")
    if proofs.failures:
        # Two of them can meet the same, that there is no endpoint.
        raise type(proofs.failures[0])(
            *dict.fromkeys(problem for failure in proofs.failures for problem in failure.problems)
        )


def _prove_access(workspace: Workspace, release: Release, proofs: _Proofs) -> None:
    """Who may write to the artifact's place or change the endpoint, by the deployed stacks."""
    from review.access.allowed import allowed, deployed_stacks
    from review.access.view import replacement_risks

    names, environment = workspace.names, workspace.environment
    try:
        cloudformation = workspace.session.client("cloudformation")
        stacks = deployed_stacks(cloudformation, names, deploy=workspace.command("deploy"))
    except KickstandError as failure:
        proofs.add("may write", "not known", holds=False)
        proofs.failures.append(failure)
        return
    place = release.artifact.s3_uri.removeprefix("s3://")
    for label, sentence in replacement_risks(
        allowed(stacks, environment),
        artifact_arn=f"arn:{partition(environment.region)}:s3:::{place}",
        endpoint_arn=names.arn("sagemaker", f"endpoint/{names.endpoint}"),
        account=environment.account,
    ):
        proofs.add(label, sentence)


def _prove_data(workspace: Workspace, release: Release, proofs: _Proofs) -> None:
    from deployment.audit import check_data, require_data

    checked = check_data(release, lambda bucket: _reader(workspace, bucket))
    for each in checked:
        proofs.add("data", each.sentence(), holds=not (each.changed or each.unread))
    try:
        require_data(checked)
    except KickstandError as failure:
        proofs.failures.append(failure)


def _reader(workspace: Workspace, bucket: str) -> Any:
    """An S3 client of the environment that a bucket belongs to: data stay where they were trained on."""

    for name, environment in workspace.project.environments.items():
        if Names(environment).bucket == bucket and name != workspace.environment.name:
            return workspace.open(name).session.client("s3")
    return workspace.session.client("s3")
