"""What GitHub says of the repository that a project file names, read with `gh`; and its ids, written into the file.

https://docs.github.com/en/rest/repos/repos#get-a-repository
https://docs.github.com/en/rest/actions/oidc#get-the-customization-template-for-an-oidc-subject-claim-for-a-repository
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kickstand.aws.github_oidc import IMMUTABLE_SINCE, Repository
from kickstand.config.source import KeyPath, Source
from kickstand.errors import Problem

_SECONDS = 30
"""How long `gh` may take for an answer."""


class GithubError(Exception):
    """GitHub could not be read; the text says why."""


@dataclass(frozen=True, slots=True)
class GithubRepository:
    """A repository as GitHub has it.

    name:      `OWNER/NAME`, as GitHub spells it, under its present name.
    immutable: whether the subjects of its tokens hold the ids; None: GitHub does not say.
    template:  whether its subjects are made from a template of its own instead.
    """

    name: str
    owner_id: int
    repository_id: int
    immutable: bool | None
    template: bool = False


def read_repository(name: str) -> GithubRepository:
    """Read a repository on github.com. GithubError: `gh` is missing, not logged in, or has no answer."""
    found = _gh(f"repos/{name}")
    try:
        owner_id, repository_id = int(found["owner"]["id"]), int(found["id"])
        spelt, created = str(found["full_name"]), str(found.get("created_at", ""))
    except (KeyError, TypeError, ValueError):
        raise GithubError(f"gh api repos/{name} answered without the ids") from None
    try:
        subject = _gh(f"repos/{spelt}/actions/oidc/customization/sub")
    except GithubError:
        subject = {}  # it may be closed to who asks
    immutable = subject.get("use_immutable_subject")
    if not isinstance(immutable, bool):
        immutable = True if created[:10] >= IMMUTABLE_SINCE else None
    return GithubRepository(spelt, owner_id, repository_id, immutable, subject.get("use_default") is False)


def repository_problems(named: Repository, found: GithubRepository, where: str) -> Iterator[Problem]:
    """Why no role would be given to the repository's workflows, all of it. named: as the project file has it."""
    sub = f"repos/{found.name}/actions/oidc/customization/sub"
    if named.name != found.name:
        message = f'GitHub spells the repository "{found.name}", not "{named.name}"; AWS compares every letter.'
        yield Problem(message, where, f'Write repository = "{found.name}".')
    for key, written, theirs in (
        ("owner_id", named.owner_id, found.owner_id),
        ("repository_id", named.repository_id, found.repository_id),
    ):
        if written is not None and written != theirs:
            yield Problem(f"{key} is {written}; of {found.name} it is {theirs} on GitHub.", where, f"Write {theirs}.")
    if found.template:
        message = f"The subjects of {found.name}'s tokens follow a template of its own, which the roles do not trust."
        yield Problem(message, where, f"Put the default back: gh api --method PUT {sub} -F use_default=true")
    elif named.is_immutable and found.immutable is False:
        message = f"The project file has the ids of {found.name}, whose subjects hold names alone."
        fix = f"Run: {opt_in(found.name)}. Or take owner_id and repository_id out."
        yield Problem(message, where, fix)


def opt_in(name: str) -> str:
    """The command that gives an older repository subjects with ids."""
    sub = f"repos/{name}/actions/oidc/customization/sub"
    return f"gh api --method PUT {sub} -F use_default=true -F use_immutable_subject=true"


def with_ids(text: str, source: Source, found: GithubRepository) -> str | None:
    """The project file with the ids below each `repository` that lacks them; None where it cannot be edited so.

    Everything else stays, letter by letter; the result is parsed and compared before it is given.
    """
    lines = text.split("\n")
    for path, number in sorted(_repositories(source), key=lambda one: -one[1]):
        match = re.match(r"(\s*(?:[\w\"'-]+\s*\.\s*)*)repository\s*=", lines[number - 1])
        if match is None:
            return None
        end = "\r" if lines[number - 1].endswith("\r") else ""
        ids = {"owner_id": found.owner_id, "repository_id": found.repository_id}
        written = _table(source.tables, path[:-1])
        new = [f"{match[1]}{key} = {value}{end}" for key, value in ids.items() if key not in written]
        lines[number:number] = new
    edited = "\n".join(lines)
    return edited if _same_but_ids(edited, source.tables, found) else None


def _repositories(source: Source) -> list[tuple[KeyPath, int]]:
    return [(path, line) for path, line in source.lines.items() if path[-2:] == ("pipeline", "repository")]


def _table(tables: Mapping[str, Any], path: Sequence[str]) -> Any:
    for part in path:
        tables = tables[part]
    return tables


def _same_but_ids(edited: str, before: Mapping[str, Any], found: GithubRepository) -> bool:
    wanted = json.loads(json.dumps(before, default=str))
    for one in (wanted, *wanted.get("environments", {}).values()):
        if "repository" in one.get("pipeline", {}):
            one["pipeline"] |= {"owner_id": found.owner_id, "repository_id": found.repository_id}
    try:
        return bool(json.loads(json.dumps(tomllib.loads(edited.removeprefix("\ufeff")), default=str)) == wanted)
    except tomllib.TOMLDecodeError:
        return False


def _gh(path: str) -> dict[str, Any]:
    program = shutil.which("gh")
    if program is None:
        raise GithubError("the program gh is not there")
    command = [program, "api", "--hostname", "github.com", path]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", timeout=_SECONDS
        )
        found = json.loads(done.stdout) if done.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, ValueError) as error:
        raise GithubError(f"gh api {path}: {error}") from None
    if not isinstance(found, dict):
        said = done.stderr.strip().splitlines()
        raise GithubError(f"gh api {path}: {said[0] if said else f'exit code {done.returncode}'}")
    return found
