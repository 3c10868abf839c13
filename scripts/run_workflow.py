"""Run a pull request through the project's own workflow files, command by command, against the local cloud.

    python scripts/run_workflow.py BRANCH                  what its pull request does
    python scripts/run_workflow.py BRANCH --merge squash   and what its merge does then
    python scripts/run_workflow.py --dispatch staging      the deployment that is started by hand

The repository is one that was made today: the subjects of its tokens hold the ids of the project file. --old-subject
makes it one of before 15 July 2026, whose subjects hold names alone.

What `uses:` names, `gh` and `make setup` are stood in for (docs/pipeline.md says how). The repository is only
fetched from: what is merged lies in the copy, STATE/origin.git.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(HERE), str(HERE / "tests" / "kit" / "github_runner")]

from github_hub import MAIN, Hub, Identity  # noqa: E402
from workflow_run import Event, Run  # noqa: E402

from kickstand.config.load import load_project  # noqa: E402
from kickstand.config.model import Project  # noqa: E402
from kickstand.errors import InputError, KickstandError, Problem  # noqa: E402
from localcloud.cloud import LocalCloud  # noqa: E402

_TAKEN_ALONG = ("PATH", "LANG", "TMPDIR", "PIP_INDEX_URL", "HTTPS_PROXY", "https_proxy")


def main() -> int:
    asked = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    asked.add_argument("branch", nargs="?", default="", help="the branch of the pull request into main")
    asked.add_argument("--merge", choices=("merge", "squash"), help="merge it afterwards, and deploy")
    asked.add_argument("--dispatch", metavar="ENV", default="", help="start the deployment of ENV by hand")
    asked.add_argument("--repository", type=Path, default=Path.cwd(), help="default: this folder")
    asked.add_argument("--config", default="kickstand.toml", help="the project file, below the repository")
    asked.add_argument("--state", type=Path, help="default: .kickstand/github of the repository")
    asked.add_argument(
        "--env", metavar="NAME", action="append", default=[], help="a variable of this shell that the steps get too"
    )
    asked.add_argument("--old-subject", action="store_true", help="a repository of before 15 July 2026")
    words = asked.parse_args()
    if bool(words.branch) == bool(words.dispatch):
        asked.error("name a branch, or an environment to dispatch")
    try:
        project = load_project(words.repository / words.config)
        state = words.state or words.repository / ".kickstand" / "github"
        desk = Desk(words.repository.resolve(), project, state, words.env, immutable=not words.old_subject)
        if words.dispatch:
            results = desk.deploy(desk.dispatch(words.dispatch))
        else:
            results = desk.review(words.branch, merge=words.merge)
    except KickstandError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return 1 if "failure" in results.values() else 0


class Desk:
    """One repository on this machine's GitHub."""

    def __init__(
        self, repository: Path, project: Project, state: Path, taken_along: Sequence[str], *, immutable: bool
    ) -> None:
        pipeline = next(iter(project.environments.values())).pipeline
        name = pipeline.repository
        if name is None:
            fix = 'Add: [pipeline] with repository = "OWNER/NAME".'
            raise InputError(Problem("The project file names no repository.", str(project.file), fix))
        self.repository = repository
        self.hub = Hub(state.resolve(), name)
        given = {"owner_id": pipeline.owner_id, "repository_id": pipeline.repository_id}
        ids = {key: value for key, value in given.items() if value is not None}
        self.hub.create(Identity(**ids, immutable=immutable))
        self.variables = variables(project, state.resolve(), taken_along)

    def review(self, branch: str, *, merge: str | None) -> dict[str, str]:
        """The pull request of a branch; then, where it went well and that is asked for, its merge."""
        self.hub.fetch(self.repository, branch)
        pull = self.hub.open_pull_request(branch)
        number = pull["number"]
        event = Event(
            name="pull_request",
            sha=pull["merge_commit_sha"],
            head=pull["head"]["sha"],
            ref=f"refs/pull/{number}/merge",
            payload={"pull_request": pull, "number": number},
        )
        results = self._run("kickstand-review.yml", event)
        if merge is None or "failure" in results.values():
            return results
        before, after = self.hub.merge(number, squash=merge == "squash")
        pushed = {"before": before, "after": after}
        return self.deploy(Event("push", after, after, f"refs/heads/{MAIN}", pushed))

    def dispatch(self, environment: str) -> Event:
        """Main as it is, by hand."""
        self.hub.fetch(self.repository, MAIN)
        now = self.hub.commit(MAIN)
        return Event("workflow_dispatch", now, now, f"refs/heads/{MAIN}", {"inputs": {"environment": environment}})

    def deploy(self, event: Event) -> dict[str, str]:
        return self._run("kickstand-deploy.yml", event)

    def _run(self, file: str, event: Event) -> dict[str, str]:
        """The workflow file is that of the event's commit, as on GitHub."""
        text = self.hub.git("show", f"{event.sha}:.github/workflows/{file}")
        workflow = self.hub.folder / file
        workflow.write_text(text + "\n", "utf-8")
        print(f"{file} ({event.name} {event.sha[:12]})", flush=True)
        run = Run(self.hub, workflow, event, self.variables, say=lambda line: print(line, flush=True))
        results = run.start()
        print(f"Artifacts and summaries: {self.hub.folder / 'runs' / str(run.number)}", flush=True)
        return results


def variables(project: Project, state: Path, taken_along: Sequence[str]) -> dict[str, str]:
    """What a runner's steps find in their environment, and what points them at the local cloud. No credentials.

    taken_along: names of this process's variables that they find there too.
    """
    cloud = LocalCloud.default()
    cloud.start(project=project)
    first = next(iter(project.environments.values()))
    pointed = cloud.environment(first.account, first.region)
    own = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")
    kept = {name: value for name, value in pointed.items() if name not in own}
    cache = {"CDK_HOME": str(state / "cache/cdk"), "JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(state / "cache/jsii")}
    inherited, asked = (
        {name: os.environ[name] for name in names if name in os.environ} for names in (_TAKEN_ALONG, taken_along)
    )
    return {**inherited, **kept, **cache, **asked}


if __name__ == "__main__":
    raise SystemExit(main())
