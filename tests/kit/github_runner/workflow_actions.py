"""What stands in for the actions that a workflow uses: checkout, upload-artifact, configure-aws-credentials."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from github_hub import Hub

from kickstand.errors import KickstandError, Problem
from localcloud.root_keys import RootKeys
from localcloud.state import StateFolder


@dataclass(frozen=True, slots=True)
class Job:
    """One job at work, as its actions see it."""

    hub: Hub
    run: int
    workspace: Path
    permissions: Mapping[str, str]
    environment: str
    """The GitHub environment; empty: none."""
    event: str
    ref: str
    sha: str
    variables: dict[str, str]
    """The environment of its steps; actions add to it."""


def act(job: Job, uses: str, given: Mapping[str, Any]) -> str:
    """Do what an action does; a line that says what was done. Raises KickstandError where it would fail."""
    name = uses.partition("@")[0]
    known = {
        "actions/checkout": _checkout,
        "actions/upload-artifact": _upload,
        "aws-actions/configure-aws-credentials": _credentials,
    }
    if name not in known:
        raise KickstandError(Problem(f"Nothing stands in for the action {name}.", uses))
    return known[name](job, given)


def _checkout(job: Job, given: Mapping[str, Any]) -> str:
    _require(job, "contents", "read")
    depth = int(given.get("fetch-depth", 1))
    words = [] if depth == 0 else [f"--depth={depth}"]
    job.workspace.mkdir(parents=True, exist_ok=True)
    for command in (
        ["init", "--quiet"],
        ["fetch", "--quiet", *words, job.hub.origin.resolve().as_uri(), "+refs/heads/*:refs/remotes/origin/*", job.sha],
        ["checkout", "--quiet", "--detach", job.sha],
    ):
        job.hub.git(*command, at=job.workspace)
    return f"checked out {job.sha[:12]}{'' if depth else ' with its history'}"


def _upload(job: Job, given: Mapping[str, Any]) -> str:
    """Copy the files, from the folder that all of them share on; hidden ones where it is asked for."""
    name = str(given["name"])
    paths = [job.workspace / line.strip() for line in str(given["path"]).splitlines() if line.strip()]
    root = paths[0] if len(paths) == 1 else job.workspace
    target = job.hub.artifact(job.run, name)
    if target.exists():
        raise KickstandError(Problem("An artifact with this name already exists on the workflow run.", name))
    files = [file for path in paths for file in sorted(path.rglob("*")) if file.is_file()]
    if str(given.get("include-hidden-files", "false")).lower() != "true":
        files = [one for one in files if not any(p.startswith(".") for p in one.relative_to(root).parts)]
    if not files and given.get("if-no-files-found") == "error":
        raise KickstandError(Problem("No files were found with the provided path.", str(given["path"])))
    for file in files:
        place = target / file.relative_to(root)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)  # artifacts keep no file modes
    return f"kept {name}: {len(files)} files"


def _credentials(job: Job, given: Mapping[str, Any]) -> str:
    """Assume the role in the local cloud with a token that says what GitHub's would say of this job."""
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config
    from botocore.exceptions import ClientError

    _require(job, "id-token", "write")
    role, region = str(given["role-to-assume"]), str(given["aws-region"])
    identity = job.hub.identity()
    claims = {
        "iss": "https://token.actions.githubusercontent.com",
        "aud": given.get("audience", "sts.amazonaws.com"),
        "sub": subject(job),
        "repository": job.hub.name,
        "repository_id": str(identity.repository_id),
        "repository_owner": job.hub.name.partition("/")[0],
        "repository_owner_id": str(identity.owner_id),
        "exp": int(time.time()) + 300,
    }
    # The state folder that the job is pointed at: GitHub's place in it is taken by who can read its secret.
    keys = RootKeys(StateFolder.of_ca(Path(job.variables["AWS_CA_BUNDLE"])))
    try:
        made = (
            boto3.Session()
            .client(
                "sts",
                region_name=region,
                endpoint_url=job.variables["AWS_ENDPOINT_URL"],
                verify=job.variables["AWS_CA_BUNDLE"],
                config=Config(signature_version=UNSIGNED),
            )
            .assume_role_with_web_identity(
                RoleArn=role, RoleSessionName="GitHubActions", WebIdentityToken=keys.web_identity_token(claims)
            )["Credentials"]
        )
    except ClientError as error:
        raise KickstandError(
            Problem(f"The role was not given: {error}", role, f"The token says: {claims['sub']}")
        ) from None
    job.variables.update(
        AWS_ACCESS_KEY_ID=made["AccessKeyId"],
        AWS_SECRET_ACCESS_KEY=made["SecretAccessKey"],
        AWS_SESSION_TOKEN=made["SessionToken"],
        AWS_REGION=region,
        AWS_DEFAULT_REGION=region,
    )
    return f"assumed {role} as {claims['sub']}"


def subject(job: Job) -> str:
    """`sub` of the job's token: the repository, then its environment, else its pull request, else its branch.

    As GitHub documents it, and not by what writes the trust policies: a mistake there is to be seen here.
    https://docs.github.com/en/actions/reference/security/oidc
    """
    identity, (owner, name) = job.hub.identity(), job.hub.name.split("/")
    repository = f"{owner}/{name}"
    if identity.immutable:
        repository = f"{owner}@{identity.owner_id}/{name}@{identity.repository_id}"
    if job.environment:
        return f"repo:{repository}:environment:{job.environment}"
    return f"repo:{repository}:{'pull_request' if job.event == 'pull_request' else f'ref:{job.ref}'}"


def _require(job: Job, scope: str, level: str) -> None:
    if job.permissions.get(scope) not in (level, "write"):
        raise KickstandError(Problem(f"The job lacks the permission {scope}: {level}.", job.workspace.parent.name))
