"""The alarms that roll a deployment back: read in the name of the execution role, as SageMaker reads them.

One that is in ALARM when a bake begins ends the deployment, whether it was so before or not: AWS does not say. Nor does
it say what becomes of an alarm that is not there, or that the role may not describe: such a deployment goes back at its
first bake, unless `kickstand local switch unreadable-alarms ignored` says otherwise.
https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails-configuration.html
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from localcloud.sagemaker.api.call import Scope
from localcloud.sagemaker.image import Roles
from localcloud.state import UNREADABLE_ALARMS, stands_at


class AlarmStates(Protocol):
    """CloudWatch's alarms of an account and region."""

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these names that are in ALARM now."""

    def missing(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        """Those of these names under which there is no alarm."""

    def reason(self, scope: Scope, name: str) -> str:
        """The StateReason of one."""


class NoAlarms:
    """An account without alarms."""

    def in_alarm(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        return ()

    def missing(self, scope: Scope, names: Sequence[str]) -> tuple[str, ...]:
        return tuple(names)

    def reason(self, scope: Scope, name: str) -> str:
        return ""


class RollbackAlarms:
    """The alarms of one deployment.

    names: of its AutoRollbackConfiguration. role_arns: the execution roles of its models.
    """

    def __init__(
        self, states: AlarmStates, roles: Roles, scope: Scope, names: Sequence[str], role_arns: Sequence[str]
    ) -> None:
        self._states, self._roles, self._scope = states, roles, scope
        self._names, self._role_arns = names, role_arns

    def tripped(self) -> str:
        """Why they end the deployment; empty where none of them does."""
        causes = [
            f"The alarm {name} is in ALARM. {self._states.reason(self._scope, name)}".strip()
            for name in (self._states.in_alarm(self._scope, self._names) if self._names else ())
        ]
        if stands_at(UNREADABLE_ALARMS) == "roll-back":
            causes += self._unreadable()
        return " ".join(causes)

    def _unreadable(self) -> list[str]:
        arns = [self._scope.service_arn("cloudwatch", f"alarm:{name}") for name in self._names]
        denials = [
            self._roles.denial(self._scope, role_arn, "cloudwatch:DescribeAlarms", arn)
            for role_arn in self._role_arns
            for arn in arns
        ]
        missing = [f"There is no alarm {name}." for name in self._states.missing(self._scope, self._names)]
        return missing + [f"{denial.rstrip('.')}." for denial in denials if denial]
