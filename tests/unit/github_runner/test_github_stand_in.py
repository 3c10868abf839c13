"""The tokens of the local GitHub say what GitHub documents, written out, whatever the trust policies hold."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from github_hub import Hub, Identity
from workflow_actions import Job, subject

from localcloud.ministack.iam.sts import github_keys

ROLE = "arn:{}:iam::111122223333:role/bikes-dev-deploy-us-east-1"


def job(folder: Path, identity: Identity, *, environment: str = "", event: str = "push") -> Job:
    hub = Hub(folder, "octocat/my-repo")
    hub.create(identity)
    return Job(hub, 1, folder / "work", {}, environment, event, "refs/heads/main", "0" * 40, {})


MADE_TODAY = Identity(owner_id=123456, repository_id=456789)
OLD = Identity(owner_id=123456, repository_id=456789, immutable=False)


@pytest.mark.parametrize(
    ("identity", "environment", "event", "expected"),
    [
        (MADE_TODAY, "prod", "push", "repo:octocat@123456/my-repo@456789:environment:prod"),
        (MADE_TODAY, "", "pull_request", "repo:octocat@123456/my-repo@456789:pull_request"),
        (MADE_TODAY, "", "push", "repo:octocat@123456/my-repo@456789:ref:refs/heads/main"),
        (OLD, "prod", "push", "repo:octocat/my-repo:environment:prod"),
        (OLD, "", "pull_request", "repo:octocat/my-repo:pull_request"),
    ],
)
def test_the_subject_is_githubs(
    tmp_path: Path, identity: Identity, environment: str, event: str, expected: str
) -> None:
    assert subject(job(tmp_path, identity, environment=environment, event=event)) == expected


def token(**claims: Any) -> str:
    return f"e30.{base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()}.x"


def test_sts_takes_githubs_claims_from_githubs_tokens_in_commercial_regions_alone() -> None:
    claims = {"iss": "https://token.actions.githubusercontent.com", "repository_id": "456789", "run_id": "1"}
    known = {"token.actions.githubusercontent.com:repository_id": "456789"}
    assert github_keys(ROLE.format("aws"), token(**claims)) == known
    assert github_keys(ROLE.format("aws-us-gov"), token(**claims)) == {}
    assert github_keys(ROLE.format("aws"), token(**claims | {"iss": "https://tokens.example.com"})) == {}
    assert github_keys(ROLE.format("aws"), "no token") == {}
