"""The gate `policy`: the target's stacks, with the candidate in them, break none of the rules they are held to."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from kickstand.release_file import release_path, write_release
from promotion.gates.contest import Contest
from promotion.gates.evidence import Evidence
from promotion.gates.gate import Gate, Verdict

if TYPE_CHECKING:
    from promotion.review.reports import Finding, PolicyReport


def judge(contest: Contest, evidence: Evidence) -> Verdict:
    """Passed where rules were asked and none has a finding of level error.

    The stacks are synthesised with the candidate as their release.
    """
    from promotion.policy.report import policy_report

    target = contest.target.environment
    with TemporaryDirectory(dir=evidence.folder) as folder:
        releases = Path(folder)
        write_release(release_path(releases, target.name), contest.candidate)
        return verdict(policy_report(contest.project, target, releases), target.where(""))


def verdict(report: PolicyReport, project_file: str) -> Verdict:
    """What the findings come to. project_file: as places in it begin; what it accepts is told with its reason.

    What the constructs themselves accept is counted: the review has each of them.
    """
    errors = [finding for finding in report.findings if finding.level == "error"]
    warnings = [finding for finding in report.findings if finding.level == "warning"]
    accepted = [one for one in report.acknowledged if one.where.startswith(project_file)]
    figure = f"{_counted(len(errors), 'finding')}, {_counted(len(warnings), 'warning')}"
    if accepted:
        figure += f", {len(accepted)} accepted in {project_file}"
    rules = ", ".join(f"{count} of {source}" for source, count in sorted(report.rules_run.items()))
    details = [*map(_line, errors), *map(_line, warnings)]
    details += [f"accepted: {one.rule} ({one.where}): {one.reason}" for one in accepted]
    if others := len(report.acknowledged) - len(accepted):
        details.append(f"{_counted(others, 'exception')} of the constructs themselves: the review gives the reasons.")
    details.append(f"Rules asked: {rules or 'none'}.")
    return Verdict(not errors and sum(report.rules_run.values()) > 0, figure, tuple(details))


def _line(finding: Finding) -> str:
    place = f"{finding.stack} {finding.resource}".strip()
    return f"{finding.level}: {finding.rule}, {place}: {finding.message} {finding.fix}".strip()


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


GATE = Gate(
    name="policy",
    asked=lambda contest: True,
    limit=lambda contest: "0 findings",
    see=lambda contest: contest.typed(f"review {contest.target.environment.name}"),
    judge=judge,
)
