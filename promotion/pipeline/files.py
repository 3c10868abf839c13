"""Writing the workflow files into a user's repository: all or none, and nothing of theirs lost."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from kickstand.atomic_file import atomic_file
from kickstand.config.model import Project
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.git_file import GitFile


def repository_root(project: Project) -> Path:
    """The top of the git repository that the project file is in. InputError: it is in none."""
    return GitFile.of(project.file).folder.resolve()


def project_problems(project: Project, root: Path) -> Iterator[Problem]:
    """Why no workflows can be made of a project, all of it."""
    if not (root / "app.py").is_file() or not (root / "Makefile").is_file():
        message = "The workflows run `make setup` and the CDK app at the top of the repository; there is none."
        yield Problem(message, str(root), "Keep the project file in a clone or a fork of Kickstand's repository.")
    for path in sorted({project.file.resolve(), project.releases.resolve()}):
        named = str(path.relative_to(root)) if path.is_relative_to(root) else ""
        if not named.isprintable() or "${{" in named:
            message = f"The path {named!a} cannot be written into a workflow."
            fix = "Rename its folders: without control characters, and without ${{, which begins GitHub's expressions."
            yield Problem(message, str(root), fix)
    silent = [name for name, environment in project.environments.items() if environment.pipeline.repository is None]
    if silent:
        message = f"It is not said which repository's workflows may act in {', '.join(silent)}."
        yield Problem(
            message, str(project.file), 'Add: [pipeline] with repository = "OWNER/NAME", as GitHub spells it.'
        )
    for name, environment in project.environments.items():
        if not re.fullmatch(r"[\w.@+=,/-]*", environment.profile or ""):
            message = f"The name of the profile {environment.profile!r} cannot be written into a workflow."
            yield Problem(message, environment.where("profile"), "Use letters, digits, - and _.")
        if environment.role_arn:
            message = f"{name} names a role_arn, which the pipeline's own roles may not assume."
            fix = "Put it into a profile of ~/.aws/config, and name that: the workflows know profiles."
            yield Problem(message, environment.where("role_arn"), fix)
    repositories = {one.pipeline.repository for one in project.environments.values()} - {None}
    if len(repositories) > 1:
        message = f"The environments name different repositories: {', '.join(sorted(map(str, repositories)))}."
        yield Problem(message, str(project.file), "One repository holds all workflows of a project: name it once.")


def write_workflows(
    root: Path, files: Mapping[Path, str], *, force: bool, edited: Mapping[Path, bytes] | None = None
) -> list[Path]:
    """Write the files that are not there as they should be; those that were written.

    force:  whether files that differ are written over; else InputError, which names them all.
    edited: files of the user's that the caller has added to: they are written over, after the others.
    KickstandError: the system refuses; what was written by then is taken back.
    """
    wanted = {path: text.encode() for path, text in files.items()} | dict(edited or {})
    before = {path: _read(root / path) for path in wanted}
    differ = [path for path in files if before[path] not in (None, wanted[path])]
    if differ and not force:
        fix = "Look at what differs (git diff after --force shows it), then: kickstand init --github --force"
        raise InputError(*(Problem("This file is there and differs; it was left.", str(root / p), fix) for p in differ))
    written: list[Path] = []
    try:
        for path, content in wanted.items():
            if before[path] != content:
                with atomic_file(root / path) as stream:
                    stream.write(content)
                written.append(path)
    except BaseException:
        for path in written:
            _restore(root / path, before[path])
        raise
    return written


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KickstandError(Problem(f"The file cannot be read: {error.strerror or error}.", str(file))) from error


def _restore(file: Path, before: bytes | None) -> None:
    if before is None:
        file.unlink(missing_ok=True)
    else:
        file.write_bytes(before)
