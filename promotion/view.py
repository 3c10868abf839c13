"""Which gates may be overridden and what it takes; what a promotion and a rollback print."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.release.model import Override, Release
from kickstand.release.view import diff_lines, differences
from kickstand.signing.envelope import signature_path
from kickstand.signing.sign import can_sign
from kickstand.text import plain
from kickstand.workspace import Workspace
from promotion.candidate import pieces_of
from promotion.gates.gate import Outcome
from promotion.gates.run import GATES
from promotion.rollback import EarlierRelease

NEVER = {
    "artifact-scan": "a model that can run code is no model to serve",
    "signature": "it would be unknown who vouches for the model",
    "approval": "it would be one person's word in place of two: have it approved (kickstand approve)",
}
"""Gates that cannot be overridden, and why: docs/decisions/0007-promotion.md."""

SHORTEST_REASON = 10
"""Characters; what is shorter explains nothing to whoever reads it in a year."""


def asked_overrides(gates: Sequence[str], reasons: Sequence[str]) -> dict[str, str]:
    """The pairs of `--override GATE --reason TEXT`, checked before anything is asked of AWS.

    Raises InputError with every problem: no reason for a gate, a reason too short, a gate that there is not or
    that cannot be overridden, one named twice.
    """
    known = [gate.name for gate in GATES]
    problems = []
    if len(gates) != len(reasons):
        message = f"{len(gates)} times --override and {len(reasons)} times --reason: each override has its own reason."
        problems.append(Problem(message, fix="Write them in pairs: --override GATE --reason TEXT"))
    for gate in dict.fromkeys(gates):
        where = f"--override {gate}"
        if gate not in known:
            problems.append(Problem(f"There is no gate {gate!r}.", where, f"The gates: {', '.join(known)}."))
        elif gate in NEVER:
            problems.append(Problem(f"The gate {gate} cannot be overridden: {NEVER[gate]}.", where))
        if list(gates).count(gate) > 1:
            problems.append(Problem("It is overridden twice.", where, "Name each gate once."))
    for reason in reasons:
        if len(reason.strip()) < SHORTEST_REASON:
            message = f"A reason has at least {SHORTEST_REASON} characters; it is on record in the release."
            problems.append(Problem(message, f"--reason {reason!r}", "Say why it is right to go on."))
    if problems:
        raise InputError(*problems)
    return {gate: reason.strip() for gate, reason in zip(gates, reasons, strict=True)}


def overrides_of(
    outcomes: Sequence[Outcome], requested: Mapping[str, str], *, by: str, rerun_command: str
) -> tuple[Override, ...]:
    """The overrides of the gates that failed; none where all were passed.

    requested: gate and reason. by: ARN of who overrides. rerun_command: what promotes again.
    Raises KickstandError where a gate failed that is not overridden, and InputError where one is overridden that
    did not fail: the release would tell of trouble that there was not.
    """
    failed = {outcome.gate for outcome in outcomes if not outcome.passed}
    idle = [gate for gate in requested if gate not in failed]
    if idle:
        known = {outcome.gate for outcome in outcomes}
        raise InputError(
            *(
                Problem(
                    f"The gate {gate} {'was passed' if gate in known else 'is not set here'}: "
                    "there is nothing to override. Nothing was written.",
                    f"--override {gate}",
                    "Leave it out.",
                )
                for gate in idle
            )
        )
    refused = [gate for gate in dict.fromkeys(outcome.gate for outcome in outcomes) if gate in failed - set(requested)]
    if refused:
        raise KickstandError(Problem(_refusal(refused), fix=_way_on(refused, requested, rerun_command)))
    return tuple(Override(gate=gate, reason=reason, by=by) for gate, reason in requested.items())


def _refusal(refused: Sequence[str]) -> str:
    gates = f"The gate {refused[0]}" if len(refused) == 1 else f"The gates {', '.join(refused)}"
    return f"{gates} refused the model. Nothing was written."


def _way_on(refused: Sequence[str], requested: Mapping[str, str], command: str) -> str:
    hopeless = [gate for gate in refused if gate in NEVER]
    if hopeless:
        return " ".join(f"{gate} cannot be overridden: {NEVER[gate]}." for gate in hopeless)
    pairs = " ".join(f"--override {gate} --reason '...'" for gate in (*requested, *refused))
    return f"Make a better model; or override the gate, on record in the release: {command} {pairs}"


def begin_lines(release: Release, target: Environment) -> list[str]:
    """What goes where."""
    job = release.training_job.name
    return [plain(f"{release.environment} -> {target.name}: model {release.artifact.sha256[:12]} of the job {job}")]


def done_lines(release: Release, written: Release, target: Workspace, *, in_git: bool) -> list[str]:
    """The digest at both ends, the file, what was overridden, and what to type next.

    in_git: whether the release lies in the project's repository, to be committed.
    """
    name, file = written.environment, target.release_file
    origin = written.promoted_from
    return [
        "",
        f"The same bytes at both ends, SHA-256 {written.artifact.sha256}:",
        f"  {release.environment:<8} {release.artifact.s3_uri}",
        f"  {name:<8} {written.artifact.s3_uri}",
        f"Release {written.sha256[:12]} of {name}: {from_here(file)}",
        *_override_lines(origin.overrides if origin is not None else ()),
        "",
        "Next:",
        *([f"  {_commit(release, written, file)}"] if in_git else []),
        *(f"  {line}" for line in deployment_commands(target)),
    ]


def deployment_commands(workspace: Workspace) -> list[str]:
    """What is typed to look at a new release's deployment, and to deploy it."""
    review = workspace.command("review")
    if not workspace.environment.review.require_review:
        return [review, workspace.command("deploy")]
    file = f"review/{workspace.environment.name}/review.json"
    return [review, f"{review} --prepare", workspace.command("deploy", "--reviewed", file)]


def from_here(path: Path) -> Path:
    """A path as it is typed from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def added_files(release_file: Path) -> str:
    """The release and its signature, where there is one, as the words of `git add`."""
    signature = signature_path(release_file)
    files = [release_file, *([signature] if signature.exists() else [])]
    return " ".join(shlex.quote(str(from_here(file))) for file in files)


def _commit(release: Release, written: Release, file: Path) -> str:
    subject = f"{written.environment}: model {written.artifact.sha256[:12]} from {release.environment}"
    return f"git add {added_files(file)} && git commit -m {shlex.quote(subject)}"


def plan_lines(release: Release, candidate: Release, overrides: Sequence[Override], target: Workspace) -> list[str]:
    """What a promotion would do, in its order."""
    environment = target.environment
    copies = [
        f"  copy {piece.uri} to {goal.uri}"
        for piece, goal in zip(pieces_of(release), pieces_of(candidate), strict=True)
    ]
    golden = candidate.golden_rows.s3_uri
    return [
        "",
        "It would, in the role " + target.names.release_role_arn + ":",
        *copies,
        *([f"  put the golden rows into {golden}"] if golden else []),
        f"  register {release.artifact.sha256[:12]} in {target.names.model_package_group}, pending approval",
        f"  write {from_here(target.release_file)}{_signed(target)}",
        *_override_lines(overrides),
        f"Nothing was written: a dry run for {environment.name}.",
    ]


def _signed(target: Workspace) -> str:
    return " and its signature" if can_sign(target.environment.signing) else ""


def _override_lines(overrides: Sequence[Override]) -> list[str]:
    return [plain(f"OVERRIDDEN {one.gate}: {one.reason} ({one.by})") for one in overrides]


def rollback_lines(earlier: EarlierRelease, name: str) -> list[str]:
    """Which release it goes back to, and what that changes."""
    release = earlier.release
    lines = [
        f"{name} goes back to the release of commit {earlier.commit[:12]}: release {release.sha256[:12]}, "
        f"model {release.artifact.sha256[:12]}.",
        *(diff_lines(differences(earlier.present, release)) if earlier.present is not None else ()),
        "",
    ]
    return [plain(line) for line in lines]


def commit_lines(earlier: EarlierRelease, path: Path, reason: str) -> list[str]:
    """The file, and the commit that makes the rollback a part of the history."""
    subject = f"{path.stem}: back to the release of {earlier.commit[:12]}"
    message = f"{subject}: {reason.strip()}" if reason.strip() else subject
    return [
        "",
        f"{from_here(path)} is again what commit {earlier.commit[:12]} has, byte for byte.",
        "Make it a part of the history:",
        f"  git add {added_files(path)} && git commit -m {shlex.quote(plain(message))}",
    ]


def review_lines(workspace: Workspace) -> list[str]:
    """What comes next where only reviewed change sets are deployed."""
    message = f"Nothing was deployed: {workspace.environment.name} is deployed by reviewed change sets alone. Then:"
    return [message, *(f"  {line}" for line in deployment_commands(workspace))]
