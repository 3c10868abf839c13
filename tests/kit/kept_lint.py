"""cfn-lint as a review runs it: what it finds in a template is kept for all processes of a test run.

It takes 0.5 s of CPU to load its rules, and a second for each template; a run's reviews are of few templates, one of
which is reviewed, prepared and deployed. Imported by `warm_python`'s server, it is in all programs that this one forks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from cfnlint.config import ConfigMixIn
from cfnlint.rules import Rules
from cfnlint.runner import Runner
from once_a_run import once_a_run

_OF_A_RULE = ("id", "severity", "shortdesc", "source_url")
"""What a finding says of its rule."""
_validate, _load = Runner.validate_template, Runner._get_rules
_RULES: list[Rules] = []


def load_rules(runner: Any) -> None:
    """Give a runner its rules: this process's, where it has no further ones of its own."""
    if runner.config.custom_rules or runner.config.append_rules != ConfigMixIn([]).append_rules:
        _load(runner)
        return
    if not _RULES:
        _load(runner)
        _RULES.append(runner.rules)
    runner.rules = _RULES[0]


def validate(runner: Any, template: dict[str, Any]) -> Iterator[Any]:
    """The matches of a template, with what a finding is made of."""
    found = once_a_run(
        json.dumps(["lint", template, runner.config.regions]), lambda: json.dumps(_matches(runner, template)).encode()
    )
    for rule, message, path in json.loads(found):
        yield SimpleNamespace(rule=SimpleNamespace(**rule), message=message, path=path)


def _matches(runner: Any, template: dict[str, Any]) -> list[tuple[dict[str, str], str, list[str | int]]]:
    return [
        ({name: getattr(one.rule, name) for name in _OF_A_RULE}, one.message, [*(getattr(one, "path", None) or ())])
        for one in _validate(runner, template)
    ]


@contextmanager
def kept_lint() -> Iterator[None]:
    """In this process, while the block runs."""
    with patch.object(Runner, "validate_template", validate), patch.object(Runner, "_get_rules", load_rules):
        yield


def preload() -> None:
    """From here on, with the rules loaded: for a process that others are forked from."""
    patch.object(Runner, "validate_template", validate).start()
    patch.object(Runner, "_get_rules", load_rules).start()
    Runner(ConfigMixIn(["--regions", "us-east-1"]))
