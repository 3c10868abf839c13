"""The releases of an environment from git alone: who changed them, when, to which model, and by which promotions.

A release is compared with one of another environment, file or commit, or with the one before. It is named by its
commit, and a renamed file is followed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from kickstand.config.model import EnvironmentName, Project
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.git import Commit, GitFile
from kickstand.json_text import read_bounded
from kickstand.release.file import parse_release, read_release, release_path
from kickstand.release.model import GateResult, Override, Promotion, Release

_MEASURING = ("metrics", "not-worse", "slices", "latency", "age")
"""Gates whose figure is a measurement of the model; what the others found is told by their passing."""
_APPROVAL = "approval"


@dataclass(frozen=True, slots=True)
class LineageStep:
    """One promotion, and the environment that it brought the model into."""

    promotion: Promotion
    into: str

    def who(self) -> str:
        """Who promoted, and when; what an older Kickstand did not record is told by the commit."""
        found = ", ".join(one for one in (self.promotion.by, self.promotion.at) if one)
        return found or "not recorded: see the commit"

    def approval(self) -> str:
        """Who approved and why, as the gate recorded it; that nobody was asked where the gate was off."""
        gate = next((one for one in self.promotion.gates if one.name == _APPROVAL), None)
        if gate is None:
            return f"by nobody: {self.into} did not require an approval"
        if not gate.passed:
            return f"by nobody: {gate.figure or 'not recorded'}; the gate was overridden"
        return gate.figure.removeprefix("Approved ") or "by whom is not recorded"

    def gates(self) -> str:
        """`8 passed: age, latency, …`; how many failed and were overridden."""
        passed = [gate.name for gate in self.promotion.gates if gate.passed]
        failed = [gate.name for gate in self.promotion.gates if not gate.passed]
        passed_gates = f"{len(passed)} passed: {', '.join(passed)}" if passed else "none passed"
        return f"{passed_gates}; {len(failed)} failed: {', '.join(failed)}" if failed else passed_gates

    def figures(self) -> str:
        """What the measuring gates found: `latency: p99 5 ms (<= 500 ms); metrics: validation:rmse 0.29 (<= 0.35)`."""
        found = [gate for gate in self.promotion.gates if gate.name in _MEASURING and gate.figure]
        return "; ".join(f"{gate.name}: {gate.figure} ({gate.limit})" for gate in found)

    def overrides(self) -> Iterator[str]:
        """`latency from dev: p99 312 ms, limit <= 200 ms; REASON (WHO)`, one for each gate that was overridden."""
        requested = {gate.name: gate for gate in self.promotion.gates}
        for one in self.promotion.overrides:
            yield _overridden(self.promotion.environment, one, requested.get(one.gate))


def lineage(release: Release) -> tuple[LineageStep, ...]:
    """Every promotion on the model's way into the release's environment, the first first; none where it was trained."""
    promotions = [*release.earlier_promotions, *([release.promoted_from] if release.promoted_from else [])]
    goals = [one.environment for one in promotions[1:]] + [release.environment for _ in promotions[:1]]
    return tuple(LineageStep(promotion, into) for promotion, into in zip(promotions, goals, strict=True))


def trained_in(release: Release) -> str:
    """The environment whose job made the model: `dev, account 111122223333`."""
    steps = lineage(release)
    environment = steps[0].promotion.environment if steps else release.environment
    return f"{environment}, account {release.training_job.arn.split(':')[4]}"


def overrides(release: Release) -> Iterator[str]:
    """Every override on the model's way here, the latest last."""
    for step in lineage(release):
        yield from step.overrides()


def gate_sentence(gate: GateResult) -> str:
    """`p99 312 ms; limit: <= 200 ms`, with FAILED before it where it did."""
    figure = gate.figure or "passed, with a figure that was not recorded"
    limit = f"; limit: {gate.limit}" if gate.limit else ""
    return f"{'' if gate.passed else 'FAILED: '}{figure}{limit}"


def _overridden(environment: str, one: Override, gate: GateResult | None) -> str:
    measured = f": {gate.figure}, limit {gate.limit}" if gate else ""
    return f"{one.gate} from {environment}{measured}; {one.reason} ({one.by})"


@dataclass(frozen=True, slots=True)
class Revision:
    """A commit and the release in it: one of `release`, `problems` and (neither) deleted."""

    commit: Commit
    release: Release | None
    problems: tuple[str, ...] = ()
    """Why its release cannot be read."""


def history(file: GitFile) -> tuple[Revision, ...]:
    """Every commit that changed a release file, newest first. Raises KickstandError where git fails."""
    commits = file.commits()
    texts = file.texts([(commit.id, commit.path) for commit in commits])
    return tuple(revision(commit, text) for commit, text in zip(commits, texts, strict=True))


def revision(commit: Commit, text: str | None) -> Revision:
    """What a commit made of a release file; `text` is None where it deleted it."""
    if text is None:
        return Revision(commit, None)
    try:
        return Revision(commit, parse_release(text, Path(commit.path)))
    except InputError as error:
        return Revision(commit, None, tuple(problem.message for problem in error.problems))


def promoting_commits(revisions: tuple[Revision, ...]) -> dict[str, str]:
    """The commit that first brought each release of an environment, by the release's sha256."""
    return {one.release.sha256: one.commit.id for one in revisions if one.release is not None}


def returns(revisions: tuple[Revision, ...]) -> dict[str, str]:
    """The commits that went back to a release of before, each with the commit that had first brought that one.

    A merge is left out: what it brings, its branch had already.
    """
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    before = ""
    for one in reversed(revisions):
        digest = one.release.sha256 if one.release is not None else ""
        if digest and digest in first and digest != before and not one.commit.is_merge:
            found[one.commit.id] = first[digest]
        if digest:
            first.setdefault(digest, one.commit.id)
        before = digest
    return found


def validation_metric(release: Release) -> str:
    """`validation:rmse 0.29`, all that there are; those of training where nothing was validated."""
    for channel in ("validation:", "train:", ""):
        found = [f"{name} {value:.6g}" for name, value in sorted(release.metrics.items()) if name.startswith(channel)]
        if found:
            return ", ".join(found)
    return "none"


@dataclass(frozen=True, slots=True)
class History:
    """An environment's history and what it refers to."""

    revisions: tuple[Revision, ...]
    """Newest first; at least one."""
    sources: dict[str, str]
    """The commits that brought the releases of the other environments, by the release's sha256."""
    notes: tuple[str, ...]
    """What a reader must know: a working file that differs, a clone that lacks the older part."""


def environment_history(file: GitFile, path: Path, environments: Iterable[str]) -> History:
    """The whole history of the release at `path`, which is `file` in git.

    environments: all of the project; the releases on the way of a promoted one are looked for in theirs.
    Raises InputError where no commit has the release.
    """
    revisions = history(file)
    if not revisions:
        fix = f"Commit it: git add {path} && git commit" if path.exists() else f"Make it: kickstand fit {path.stem}."
        raise InputError(Problem(f"No commit has a release of {path.stem} yet.", str(path), fix))
    released = [one.release for one in revisions if one.release is not None]
    wanted = {step.promotion.environment for release in released for step in lineage(release)}
    sources: dict[str, str] = {}
    for name in (name for name in environments if name in wanted):
        sources |= promoting_commits(history(GitFile.of(path.with_name(f"{name}.json"))))
    return History(revisions, sources, tuple(_notes(file, path)))


def _notes(file: GitFile, path: Path) -> Iterator[str]:
    committed = file.text(file.head())
    try:
        working = path.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    except OSError:
        working = None
    if working != committed:
        yield f"{path} in the working folder is not what HEAD has; it is in no commit yet (kickstand release diff)."
    if file.is_shallow():
        yield "This clone is shallow: older commits are missing from it. Fetch them: git fetch --unshallow"


def named_release(source: str, path: Path, project: Project) -> tuple[str, Release]:
    """The release that a user names, and how to call it.

    source: an environment of the project (its release is beside `path`), else a file, else a commit (with the
    release that stood at `path` then). Raises InputError where it is none of them, or its release is not right.
    """
    other = project.environments.get(cast("EnvironmentName", source))
    if other is not None:
        beside = release_path(path.parent, other.name)
        return str(beside), read_release(beside, other)
    if Path(source).is_file():
        return source, _read_anywhere(Path(source))
    try:
        file = GitFile.of(path)
        commit = file.commit(source)
    except KickstandError as error:
        message = f"{source!r} is no environment of the project, no file, and no commit that git knows here."
        known = ", ".join(project.environments)
        fix = f"Name one of the environments ({known}), a release file, or a commit (git log --oneline)."
        raise InputError(Problem(message, fix=fix)) from error
    text = file.text(commit)
    if text is None:
        raise InputError(Problem(f"The commit {source} has no {file.path}.", fix=_see_history(path)))
    return f"{source}:{file.path}", _committed(text, f"{source}:{file.path}")


def earlier_release(path: Path, release: Release) -> tuple[str, Release]:
    """The release that `release`, the one in the working folder, takes the place of, and how to call it.

    That of HEAD; where it is the very same, the last other one in the history that can be read.
    Raises InputError where there is none.
    """
    name = path.stem
    file = GitFile.of(path)
    head = file.head()
    text = file.text(head) if head else None
    if text is not None:
        committed = _committed(text, f"HEAD:{file.path}")
        if committed.sha256 != release.sha256:
            return f"HEAD:{file.path}", committed
    for one in history(file):
        if one.release is not None and one.release.sha256 != release.sha256:
            return f"{one.commit.id[:12]}:{one.commit.path}", one.release
    message = f"git has no other release of {name} to compare this one with: it is the first."
    raise InputError(Problem(message, str(path), "Compare it with a file or an environment: --from FILE, --from ENV."))


def _read_anywhere(path: Path) -> Release:
    try:
        text = read_bounded(path).decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise InputError(Problem(f"The release cannot be read: {error.strerror or error}.", str(path))) from None
    except UnicodeDecodeError:
        raise InputError(Problem("The release is not UTF-8 text.", str(path))) from None
    return _committed(text, str(path))


def _committed(text: str, place: str) -> Release:
    """A release that is only looked at: what is wrong with it is said without the fix for a working file."""
    try:
        return parse_release(text, Path(place))
    except InputError as error:
        raise InputError(*(Problem(problem.message, place) for problem in error.problems)) from None


def _see_history(path: Path) -> str:
    return f"See: kickstand release history {path.stem}"
