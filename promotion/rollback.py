"""Rollback: an earlier release found in git, checked as if it were new, then put in its place byte for byte.

What was served is read from the commits that HEAD followed by itself: a release that only a branch tried, and a merge
did not keep, is none to go back to.
"""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from kickstand.atomic_file import atomic_file, put_on_disk
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.git import GitFile
from kickstand.release.file import parse_release, read_release
from kickstand.release.history import Revision, history, validation_metric
from kickstand.release.model import Release
from kickstand.signing.envelope import signature_path
from kickstand.signing.verify import require_signature
from promotion.gates.gate import Outcome

_MOST_DIGITS = 3
"""Of `--to N`; a longer word is a commit, also where it is of digits alone."""


@dataclass(frozen=True, slots=True)
class EarlierRelease:
    """A release as a commit has it, with its signature. Texts are byte for byte what the commit holds."""

    commit: str
    """Its full id."""
    release: Release
    text: str
    present: Release | None
    """The committed release that it would take the place of; None where that cannot be read."""
    signature: str | None
    """The text of its signature's file; None where that commit has none."""


def earlier_release(path: Path, to: str) -> EarlierRelease:
    """The release of an environment that `--to` names, from git.

    path: the release file. to: how many releases back, counted from the committed one (`1`: the one before it), or
    any name of a commit. Raises InputError: no history, a shallow clone, fewer releases than that, a commit that has
    none, the very release that is committed.
    """
    file = GitFile.of(path)
    current = file.text(file.head()) if file.head() else None
    if current is None:
        message = f"No commit has a release of {path.stem}: there is nothing to go back from."
        raise InputError(Problem(message, str(path)))
    found = _counted(file, path, int(to)) if to.isdecimal() and len(to) <= _MOST_DIGITS else _of_commit(file, path, to)
    if found.text == current:
        message = f"The release of {to} is the one that is committed now: there is nothing to go back to."
        raise InputError(Problem(message, str(path), f"See: kickstand release history {path.stem}"))
    return found


def require_committed(path: Path, goal: EarlierRelease) -> None:
    """Raise InputError where the working release or its signature is in no commit: a rollback would lose it.

    What is the goal's already was put there by a rollback that did not come to its end; it goes on.
    """
    for place, wanted in ((path, goal.text), (signature_path(path), goal.signature)):
        file = GitFile.of(place)
        working = _text(place)
        if working not in (file.text(file.head()), wanted):
            message = f"{place.name} in the working folder is not what HEAD has: going back would lose it."
            named = shlex.quote(str(place))
            fix = f"Commit it (git add {named} && git commit), or drop it (git checkout -- {named})."
            raise InputError(Problem(message, str(place), fix))


def served_releases(revisions: Sequence[Revision], mainline: frozenset[str]) -> list[Revision]:
    """The distinct releases that HEAD's own line had, the newest first, each as its first commit brought it."""
    first: dict[str, Revision] = {}
    for one in reversed(revisions):
        if one.release is not None and one.commit.id in mainline:
            first.setdefault(one.release.sha256, one)
    return list(reversed(first.values()))


def _counted(file: GitFile, path: Path, back: int) -> EarlierRelease:
    name = path.stem
    if back < 1:
        raise InputError(Problem("--to counts releases back from the present one: 1 is the one before it.", "--to 0"))
    if file.is_shallow():
        message = "This clone is shallow: older commits are missing from it, and releases with them."
        raise InputError(Problem(message, str(file.folder), "Fetch them: git fetch --unshallow"))
    revisions, mainline = history(file), file.mainline()
    served = served_releases(revisions, mainline)
    present = _present(file, path)
    current = next((number for number, one in enumerate(served) if present and one.release == present), None)
    if current is None:
        message = f"The committed release of {name} cannot be read, so releases cannot be counted back from it."
        raise InputError(Problem(message, str(path), f"Name a commit: --to COMMIT (kickstand release history {name})."))
    earlier = served[current + 1 :]
    if len(earlier) < back:
        raise InputError(_too_far(name, earlier, back, path))
    return _at_its_end(file, path, earlier[back - 1], revisions, mainline)


def _present(file: GitFile, path: Path) -> Release | None:
    """The committed release; None where it cannot be read."""
    text = file.text(file.head())
    try:
        return None if text is None else parse_release(text, path)
    except InputError:
        return None


def _too_far(name: str, earlier: Sequence[Revision], back: int, path: Path) -> Problem:
    count = len(earlier)
    message = f"{name} has {count} earlier release{'' if count == 1 else 's'} in git, not {back}."
    if not count:
        message = f"{name} has no earlier release in git."
    listed = "; ".join(
        f"--to {number}: {one.commit.id[:12]} of {one.commit.date[:10]}, model {one.release.artifact.sha256[:12]}, "
        f"{validation_metric(one.release)}"
        for number, one in enumerate(earlier, start=1)
        if one.release is not None
    )
    return Problem(message, str(path), listed or f"Make another release: kickstand fit {name}, or promote one.")


def _at_its_end(
    file: GitFile, path: Path, chosen: Revision, revisions: Sequence[Revision], mainline: frozenset[str]
) -> EarlierRelease:
    """The release as it last stood before the next one: a signature may have come in a later commit than it."""
    assert chosen.release is not None  # served_releases has no others
    line = [one for one in revisions if one.commit.id in mainline]
    place = line.index(chosen)
    followed = line[place - 1].commit.id if place else ""
    state = file.commit(f"{followed}^") if followed else chosen.commit.id
    return _read(file, path, state, chosen.commit.path, called=chosen.commit.id)


def _of_commit(file: GitFile, path: Path, to: str) -> EarlierRelease:
    commit = file.commit(to)
    places = dict.fromkeys([file.path, *(one.path for one in file.commits())])
    for place in places:
        (text,) = file.texts([(commit, place)])
        if text is not None:
            return _read(file, path, commit, place, called=commit)
    fix = f"See: kickstand release history {path.stem}"
    raise InputError(Problem(f"The commit {to} has no {file.path}.", str(file.folder), fix))


def _read(file: GitFile, path: Path, state: str, place: str, *, called: str) -> EarlierRelease:
    beside = signature_path(Path(place)).as_posix()
    text, signature = file.texts([(state, place), (state, beside)])
    where = f"{called[:12]}:{place}"
    assert text is not None  # the caller has seen it there
    try:
        release = parse_release(text, Path(where))
    except InputError as error:
        raise InputError(*(Problem(problem.message, where) for problem in error.problems)) from None
    return EarlierRelease(called, release, text, _present(file, path), signature)


def _text(place: Path) -> str | None:
    try:
        return place.read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    except FileNotFoundError:
        return None


def require_good(earlier: EarlierRelease, path: Path, environment: Environment) -> Release:
    """The earlier release, with every check that the environment makes of a release of now, its signature included.

    InputError: of another project, account or bucket by now; its signature is missing or not trusted any more.
    """
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        draft = Path(folder, path.name)
        _place(earlier, draft)
        try:
            release = read_release(draft, environment)
            require_signature(release, draft, environment)
        except InputError as error:
            place = f"{earlier.commit[:12]}:{path.name}"
            problems = (
                replace(each, where=place, fix="Go back to another one: --to N or COMMIT.") for each in error.problems
            )
            raise InputError(*problems) from None
    return release


def require_gates(outcomes: Sequence[Outcome], release: Release) -> None:
    """Raise KickstandError where a gate refuses the earlier release.

    A gate that was overridden when that release was promoted stays overridden: the release says so for ever, and
    by whom. A new override has no place in a release that is restored byte for byte.
    """
    origin = release.promoted_from
    overridden = {one.gate for one in origin.overrides} if origin is not None else set()
    refused = [outcome.gate for outcome in outcomes if not outcome.passed and outcome.gate not in overridden]
    if refused:
        message = f"The gate {refused[0]} refuses" if len(refused) == 1 else f"The gates {', '.join(refused)} refuse"
        raise KickstandError(
            f"{message} the earlier release. Nothing was changed. Go back to another one: --to N or COMMIT."
        )


def restore(earlier: EarlierRelease, path: Path) -> None:
    """Put the release in its place, and its signature; a signature that the commit has not is taken away.

    The release comes last: until then the present one stays, without a signature that fits it.
    """
    _place(earlier, path)


def _place(earlier: EarlierRelease, path: Path) -> None:
    signature = signature_path(path)
    with atomic_file(path) as stream:
        stream.write(earlier.text.encode("utf-8"))
        put_on_disk(stream)  # without room for it the signature is not touched either
        if earlier.signature is None:
            signature.unlink(missing_ok=True)
        else:
            with atomic_file(signature) as beside:
                beside.write(earlier.signature.encode("utf-8"))
