"""What GitHub keeps: the repository with its pull requests, the runs with their artifacts, the comments.

Everything is files below one folder, since `gh` of a step is another process. The user's own repository is only
fetched from: merges happen in the copy.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kickstand.errors import InputError, KickstandError, Problem

MAIN = "main"
BOT = "github-actions[bot]"
LONGEST_COMMENT = 65_536
"""Characters that GitHub takes."""


@dataclass(frozen=True, slots=True)
class Identity:
    """GitHub's numbers of a repository and its owner; and whether the subjects of its tokens hold them.

    They do for repositories that were made since 15 July 2026, and for older ones that opted in.
    """

    owner_id: int = 583231
    repository_id: int = 1296269
    immutable: bool = True


@dataclass(frozen=True, slots=True)
class Hub:
    """The state of one repository, `OWNER/NAME`, below a folder."""

    folder: Path
    name: str

    @property
    def origin(self) -> Path:
        """The bare copy of the repository."""
        return self.folder / "origin.git"

    def identity(self) -> Identity:
        """The numbers that this GitHub has given the repository."""
        found = self.read("repository")
        return Identity(**found) if found else Identity()

    def create(self, identity: Identity) -> None:
        """Give the repository its numbers, as GitHub does when it is made."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.write("repository", asdict(identity))

    def fetch(self, repository: Path, branch: str) -> None:
        """Bring a branch, and main where it went on, from the user's repository."""
        if not self.origin.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            self.git("init", "--quiet", "--bare", "-b", MAIN, str(self.origin), at=self.folder)
        source = str(repository.resolve())
        self.git("fetch", "--quiet", source, f"+refs/heads/{branch}:refs/heads/{branch}")
        # Refused where main was merged into here and the user did not pull: it stays then.
        self.git("fetch", "--quiet", source, f"refs/heads/{MAIN}:refs/heads/{MAIN}", may_fail=True)

    def open_pull_request(self, branch: str) -> dict[str, Any]:
        """The pull request of a branch into main, with its merge as GitHub makes it; the same again if it is open.

        Raises InputError where the branch cannot be merged without a conflict.
        """
        pulls = self.read("pulls")
        number = next((n for n, one in pulls.items() if one["head"]["ref"] == branch and not one["merged_at"]), "")
        number = number or str(len(pulls) + 1)
        head, base = self.commit(branch), self.commit(MAIN)
        tree = self.git("merge-tree", "--write-tree", base, head, may_fail=True)
        if not tree:
            raise InputError(
                Problem(f"{branch} does not merge into {MAIN}.", str(self.origin), "Rebase it, or merge main.")
            )
        merge = self._commit_tree(tree, [base, head], f"Merge {head} into {base}")
        self.git("update-ref", f"refs/pull/{number}/merge", merge)
        repo = {"full_name": self.name}
        pulls[number] = {
            "number": int(number),
            "head": {"ref": branch, "sha": head, "repo": repo},
            "base": {"ref": MAIN, "sha": base, "repo": repo},
            "merged_at": None,
            "merge_commit_sha": merge,
        }
        self.write("pulls", pulls)
        return dict(pulls[number])

    def merge(self, number: int, *, squash: bool) -> tuple[str, str]:
        """Merge a pull request into main; the commits that main was at before and is at now."""
        pulls = self.read("pulls")
        pull = pulls[str(number)]
        before = self.commit(MAIN)
        tree = self.git("merge-tree", "--write-tree", before, pull["head"]["sha"])
        parents = [before] if squash else [before, pull["head"]["sha"]]
        after = self._commit_tree(tree, parents, f"{pull['head']['ref']} (#{number})")
        self.git("update-ref", f"refs/heads/{MAIN}", after)
        pull["merged_at"], pull["merge_commit_sha"] = "2026-01-01T00:00:00Z", after
        self.write("pulls", pulls)
        return before, after

    def commit(self, name: str) -> str:
        return self.git("rev-parse", "--verify", f"{name}^{{commit}}")

    def read(self, what: str) -> dict[str, Any]:
        """`pulls`, `runs`, `comments`, `tokens`, `timelines`: by number or id, as text; `repository`: its identity."""
        file = self.folder / f"{what}.json"
        found: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return found

    def write(self, what: str, found: Mapping[str, Any]) -> None:
        (self.folder / f"{what}.json").write_text(json.dumps(found, indent=1), "utf-8")

    def artifact(self, run: int | str, name: str) -> Path:
        return self.folder / "runs" / str(run) / "artifacts" / name

    def git(self, *words: str, at: Path | None = None, may_fail: bool = False) -> str:
        """What git says of the copy. Raises KickstandError where it fails."""
        nobody = {f"GIT_{who}_{what}": "local" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
        done = subprocess.run(
            ["git", "-C", str(at or self.origin), *words],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            stdin=subprocess.DEVNULL,
            env={**os.environ, **nobody},
        )
        if done.returncode != 0 and not may_fail:
            raise KickstandError(Problem(f"git {words[0]} failed: {done.stderr.strip()}", str(self.origin)))
        return done.stdout.strip() if done.returncode == 0 else ""

    def _commit_tree(self, tree: str, parents: list[str], message: str) -> str:
        return self.git("commit-tree", tree.splitlines()[0], *(w for p in parents for w in ("-p", p)), "-m", message)
