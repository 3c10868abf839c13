"""What cfn-lint says of templates: whether CloudFormation will take them in a region."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

from promotion.policy.checked_assembly import CheckedStack
from promotion.review.reports import Finding


def lint_findings(stacks: Iterable[CheckedStack], region: str) -> tuple[tuple[Finding, ...], int]:
    """The findings of cfn-lint, and how many rules it asked.

    Offline, and without the machine's own `.cfnlintrc`: what a review says must not depend on who makes it.
    """
    from cfnlint.config import ConfigMixIn
    from cfnlint.decode.decode import decode_str
    from cfnlint.runner import Runner

    with TemporaryDirectory(prefix="kickstand-lint-") as folder:
        settings = Path(folder) / "cfnlintrc.yaml"
        settings.write_text("{}\n", "utf-8")
        runner = Runner(ConfigMixIn(["--config-file", str(settings), "--regions", region]))
        findings = []
        for stack in stacks:
            template, faults = decode_str(stack.template)
            matches = faults if template is None else list(runner.validate_template(template))
            for match in matches:
                path = [str(part) for part in getattr(match, "path", None) or ()]
                where = ".".join(path[2:]) if path[:1] == ["Resources"] else ".".join(path)
                findings.append(
                    Finding(
                        source="cfn-lint",
                        rule=match.rule.id,
                        level="error" if match.rule.severity == "error" else "warning",
                        stack=stack.name,
                        resource=path[1] if path[:1] == ["Resources"] and len(path) > 1 else "",
                        message=f"{where}: {match.message}" if where else match.message,
                        fix=f"{match.rule.shortdesc}: {match.rule.source_url}",
                    )
                )
        return tuple(findings), len(runner.rules)
