"""What one check found, and how a whole examination is run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from kickstand.errors import KickstandError

Status = Literal["ok", "warning", "problem", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    name:   what was looked at: `bootstrap`, `quota: training`.
    status: `ok`; `warning`: works today, or may not be wanted; `problem`: something will fail; `skipped`: not asked.
    found:  what was seen, or why nothing was asked.
    fix:    a command to type or a thing to change. Empty where nothing is to be done.
    """

    name: str
    status: Status
    found: str
    fix: str = ""


Check = Callable[[], Iterable[Finding]]


def findings_of(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Run every check, in order; one that cannot be made says so and stops none of the others.

    A check that AWS denies is skipped, with the permission that it lacks; any other failure is a problem.
    """
    from kickstand.aws.errors import AWS_FAILURES, DENIED, aws_error, error_code

    for name, check in checks:
        try:
            yield from check()
        except KickstandError as error:
            yield from (Finding(name, "problem", p.message, p.fix) for p in error.problems)
        except AWS_FAILURES as error:
            (problem,) = aws_error(error, "asking AWS").problems
            yield Finding(name, "skipped" if error_code(error) in DENIED else "problem", problem.message, problem.fix)


def problems(findings: Iterable[Finding]) -> int:
    """How many of the findings are problems."""
    return sum(finding.status == "problem" for finding in findings)
