"""What the review of a merged pull request kept, brought from GitHub for its deployment: of the right run, as data.

    python -m deployment.workflows.review_artifact ENV DIR        in the deploy workflow; GH_TOKEN, GH_REPO, GITHUB_SHA

An artifact is worth as much as the run that kept it. Whoever can push a branch can open a pull request into another
branch of theirs: its run then is one of their own workflow file, of any head commit they like, and keeps what they
like under any name. GitHub does not say which pull request a run is of, once that is closed. So the run is taken only
where its branch has been proposed to main alone. What it kept is unpacked in a folder of its own, nothing of it is
run, and the caller compares it with what the merged commit gives.
https://docs.github.com/en/rest/actions/workflow-runs#list-workflow-runs-for-a-workflow
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote

from kickstand.errors import KickstandError, Problem
from kickstand.json_text import parse_json
from kickstand.text import cut, plain

MAIN = "main"
"""The default branch; the templates of the workflows name it too."""
WORKFLOW = "kickstand-review.yml"
_RETARGETED = ("automatic_base_change_succeeded", "base_ref_changed")
"""Events of a pull request that was one into another branch before.
https://docs.github.com/en/rest/using-the-rest-api/issue-event-types"""
_NAMED = 5
"""Files that a message names."""
_BY_HAND = "Run this workflow by hand: it reviews anew."

Api = Callable[[str], Any]
"""What GitHub's REST API answers to a GET of a path, all pages of a list."""


def fetch(environment: str, folder: Path, *, repository: str, commit: str, gh: Callable[..., str]) -> None:
    """Bring `assembly/ENV` and `review/ENV/review.json` into a folder, which is made.

    gh: runs GitHub's command line; its output. Raises KickstandError where no run is certain to be the review of the
    pull request that was merged as this commit, and where an artifact holds anything else than a review keeps.
    """

    def api(path: str) -> Any:
        pages = parse_json(gh("api", "--paginate", "--slurp", f"repos/{repository}/{path}"))
        if pages and isinstance(pages[0], dict):
            return {key: [one for page in pages for one in page[key]] for key in pages[0] if key.endswith("s")}
        return [one for page in pages for one in page]

    run = review_run(api, merged_pull(api, repository, commit), repository)
    folder.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="artifact-", dir=folder.parent) as unpacked:
        gh("run", "download", str(run), "--name", f"kickstand-{environment}", "--dir", unpacked)
        take(Path(unpacked), environment, folder)


def merged_pull(api: Api, repository: str, commit: str) -> Mapping[str, Any]:
    """The pull request into main that was merged as a commit."""
    for pull in api(f"commits/{commit}/pulls"):
        base, head = pull["base"], pull["head"]
        own = base["repo"]["full_name"] == repository and (head["repo"] or {}).get("full_name") == repository
        if pull["merged_at"] and pull["merge_commit_sha"] == commit and base["ref"] == MAIN and own:
            found: Mapping[str, Any] = pull
            return found
    message = f"No pull request of this repository was merged into {MAIN} as this commit."
    raise KickstandError(Problem(message, commit, _BY_HAND))


def review_run(api: Api, pull: Mapping[str, Any], repository: str) -> int:
    """The id of the newest successful review of a pull request's last commit."""
    branch, head = str(pull["head"]["ref"]), str(pull["head"]["sha"])
    owner = repository.partition("/")[0]
    for other in api(f"pulls?state=all&head={quote(f'{owner}:{branch}', safe='')}&per_page=100"):
        events = {str(one.get("event")) for one in api(f"issues/{other['number']}/timeline?per_page=100")}
        if other["base"]["ref"] != MAIN or events & set(_RETARGETED):
            message = (
                f"The branch was proposed to another branch than {MAIN} too (#{other['number']}), whose own workflow "
                "may have kept anything: which run is the review cannot be determined."
            )
            raise KickstandError(Problem(message, branch, _BY_HAND))
    query = f"head_sha={head}&event=pull_request&status=success&branch={quote(branch, safe='')}&per_page=100"
    runs = [
        int(one["id"])
        for one in api(f"actions/workflows/{WORKFLOW}/runs?{query}")["workflow_runs"]
        if (one["event"], one["head_sha"], one["head_branch"]) == ("pull_request", head, branch)
        and (one["head_repository"] or {}).get("full_name") == repository  # null: a fork that is gone
        and str(one["path"]).partition("@")[0] == f".github/workflows/{WORKFLOW}"
    ]
    if not runs:
        raise KickstandError(Problem(f"No run of {WORKFLOW} reviewed this commit with success.", head, _BY_HAND))
    return max(runs)


def take(unpacked: Path, environment: str, folder: Path) -> None:
    """Move the assembly and the review's values out of an unpacked artifact, where it holds nothing else."""
    strangers = sorted(_strangers(unpacked, environment))
    if strangers:
        more = f" and {len(strangers) - _NAMED} more" if len(strangers) > _NAMED else ""
        message = f"The artifact holds what no review keeps: {', '.join(map(ascii, strangers[:_NAMED]))}{more}."
        fix = f"Find out who made it: nothing of it was used. {_BY_HAND}"
        raise KickstandError(Problem(message, f"kickstand-{environment}", fix))
    for wanted in (Path("assembly", environment), Path("review", environment, "review.json")):
        if not (unpacked / wanted).exists():
            raise KickstandError(Problem(f"The artifact has no {wanted}.", f"kickstand-{environment}", _BY_HAND))
        (folder / wanted).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(unpacked / wanted, folder / wanted)


def _strangers(unpacked: Path, environment: str) -> Iterator[str]:
    """What is no plain file of an assembly or a review."""
    pages = {f"review/{environment}/{name}" for name in ("index.html", "review.json", "review.md")}
    for parent, folders, files in os.walk(unpacked):
        for name in (*folders, *files):
            file = Path(parent, name)
            place, mode = PurePosixPath(file.relative_to(unpacked).as_posix()), file.lstat().st_mode
            of_assembly = place.is_relative_to(f"assembly/{environment}")
            if not (stat.S_ISDIR(mode) or (stat.S_ISREG(mode) and (of_assembly or str(place) in pages))):
                yield str(place)


def _gh(*words: str) -> str:
    done = subprocess.run(
        ["gh", *words], stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", errors="replace", check=False
    )
    if done.returncode != 0:
        said = ascii(done.stderr.strip()[-400:])
        raise KickstandError(Problem(f"gh failed (exit code {done.returncode}): {said}", words[0]))
    return done.stdout


def main(words: Sequence[str]) -> int:
    environment, folder = words
    try:
        variables = os.environ
        fetch(environment, Path(folder), repository=variables["GH_REPO"], commit=variables["GITHUB_SHA"], gh=_gh)
    except KickstandError as error:
        for problem in error.problems:
            print(error_command(problem))  # noqa: T201
        return 1
    return 0


def error_command(problem: Problem) -> str:
    """A problem as a command to GitHub's runner, on one line: what others wrote in it is no second one."""
    said = plain(f"{problem.where}: {problem.message} {problem.fix}")
    return f"::error::{cut(said).replace('%', '%25')}"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
