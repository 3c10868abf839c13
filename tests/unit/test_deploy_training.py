"""`deploy --training`: the training stack alone, and not where an environment takes only what was reviewed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from samples import environment

from kickstand.config.model import Review
from kickstand.errors import InputError
from promotion import bootstrap
from promotion.cdk import Cdk
from promotion.deployment import Talk, deploy_training

TALK = Talk(lambda line: None, lambda words: f"kickstand {words}")


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What the CDK command line was asked."""
    asked: list[tuple[str, ...]] = []
    monkeypatch.setattr(Cdk, "run", lambda _, *words: asked.append(words))
    monkeypatch.setattr(bootstrap, "refuse_without_bootstrap", lambda cdk: None)
    return asked


class NoStacks:
    """CloudFormation of an account without stacks."""

    def client(self, service: str) -> NoStacks:
        return self

    def get_paginator(self, operation: str) -> NoStacks:
        return self

    def paginate(self, **request: str) -> list[Any]:
        return []


def cdk(**changes: Any) -> Cdk:
    project: Any = None
    session: Any = NoStacks()
    return Cdk(project, environment(**changes), session, Path("releases"), None)


def test_only_the_training_stack_is_deployed(ran: list[tuple[str, ...]]) -> None:
    deploy_training(cdk(), TALK)
    deploy_training(cdk(), TALK, ask=False)
    assert ran == [("deploy", "dev/training"), ("deploy", "dev/training", "--require-approval", "never")]


def test_an_environment_that_is_reviewed_is_not_deployed_past_its_review(ran: list[tuple[str, ...]]) -> None:
    with pytest.raises(InputError, match="require_review = true"):
        deploy_training(cdk(review=Review(require_review=True)), TALK)
    assert ran == []
