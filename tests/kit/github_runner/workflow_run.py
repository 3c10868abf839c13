"""One run of a workflow: its jobs in the order of their needs, the steps of each as they stand in the file."""

from __future__ import annotations

import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from github_hub import Hub
from workflow_actions import Job, act
from workflow_expression import as_text, condition, interpolate

from kickstand.errors import KickstandError

SHELLS = {"": ("bash", "-e"), "bash": ("bash", "--noprofile", "--norc", "-eo", "pipefail"), "python": (sys.executable,)}
"""By `shell:`, what GitHub runs a step's script with."""


@dataclass(frozen=True, slots=True)
class Event:
    """What started a run."""

    name: str
    """`pull_request`, `push`, `workflow_dispatch`."""
    sha: str
    """The commit that is checked out: of a pull request, its merge."""
    head: str
    """The commit that the run is listed under: of a pull request, its head."""
    ref: str
    payload: Mapping[str, Any]
    """`github.event`."""

    @property
    def branch(self) -> str:
        """The branch that the run is listed under: of a pull request, its head."""
        if "pull_request" in self.payload:
            return str(self.payload["pull_request"]["head"]["ref"])
        return self.ref.removeprefix("refs/heads/")


@dataclass
class Run:
    """A workflow file that is run for an event.

    variables: the environment of every step, with what points at the local cloud and without credentials.
    say:       told every step and line that a step prints.
    results:   of each job, `success`, `failure`, `skipped`.
    """

    hub: Hub
    workflow: Path
    event: Event
    variables: Mapping[str, str]
    say: Callable[[str], None]
    number: int = 0
    results: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)

    def start(self) -> dict[str, str]:
        """Run every job; the result of each."""
        self.number = len(self.hub.read("runs")) + 1
        self._record("")
        document = yaml.safe_load(self.workflow.read_text("utf-8"))
        left = dict(document["jobs"])
        while left:
            name = next(n for n, job in left.items() if not set(_needs(job)) & set(left))
            self.results[name] = self._job(name, left.pop(name))
        self._record("failure" if "failure" in self.results.values() else "success")
        return self.results

    def _record(self, conclusion: str) -> None:
        made = {
            "id": self.number,
            "path": f".github/workflows/{self.workflow.name}",
            "event": self.event.name,
            "head_sha": self.event.head,
            "head_branch": self.event.branch,
            "conclusion": conclusion,
            "head_repository": {"full_name": self.hub.name},
        }
        self.hub.write("runs", {**self.hub.read("runs"), str(self.number): made})

    def _job(self, name: str, job: Mapping[str, Any]) -> str:
        needs = {n: {"result": self.results[n], "outputs": self.outputs.get(n, {})} for n in _needs(job)}
        good = all(one["result"] == "success" for one in needs.values())
        context: dict[str, Any] = {
            "github": self._github(),
            "needs": needs,
            "inputs": self.event.payload.get("inputs", {}),
            "steps": {},
        }
        functions = {"cancelled": lambda: False, "success": lambda: good}
        asked = str(job.get("if", "success()"))
        # A condition that does not ask how the needs ended is asked only where they ended well.
        if not (good or "cancelled()" in asked) or not condition(asked, context, functions):
            self.say(f"── {name}: skipped")
            return "skipped"
        self.say(f"── {name}")
        worker = self._worker(name, job)
        context["github"]["token"] = worker.variables.pop("token")
        for step in job["steps"]:
            label = str(step.get("name") or step.get("uses") or step["run"])
            if "if" in step and not condition(str(step["if"]), context, functions):
                continue
            self.say(f"   {label}")
            try:
                outputs = self._step(worker, step, context)
            except KickstandError as error:
                self.say(f"   failed: {error}")
                return "failure"
            if "id" in step:
                context["steps"][step["id"]] = {"outputs": outputs}
        told = {key: interpolate(str(text), context, functions) for key, text in job.get("outputs", {}).items()}
        self.outputs[name] = told
        return "success"

    def _step(self, job: Job, step: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, str]:
        if "uses" in step:
            self.say(f"     {act(job, step['uses'], step.get('with', {}))}")
            return {}
        output = job.workspace.parent / f"output-{secrets.token_hex(4)}"
        script = output.with_suffix(".script")
        script.write_text(str(step["run"]), "utf-8")
        output.touch()
        variables = {key: interpolate(as_text(text), context, {}) for key, text in step.get("env", {}).items()}
        command = [*SHELLS[str(step.get("shell", ""))], str(script)]
        job.workspace.mkdir(parents=True, exist_ok=True)
        with subprocess.Popen(
            command,
            cwd=job.workspace,
            env={**job.variables, **variables, "GITHUB_OUTPUT": str(output)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                self.say(f"     {line.rstrip()}")
        if child.returncode != 0:
            raise KickstandError(f"exit code {child.returncode}")
        return dict(line.split("=", 1) for line in output.read_text("utf-8").splitlines())

    def _worker(self, name: str, job: Mapping[str, Any]) -> Job:
        folder = self.hub.folder / "runs" / str(self.number) / name
        (folder / "temp").mkdir(parents=True)
        token, permissions = secrets.token_hex(8), dict(job.get("permissions", {}))
        self.hub.write("tokens", {**self.hub.read("tokens"), token: permissions})
        variables = {
            **self.variables,
            "PATH": f"{self._programs()}:{self.variables['PATH']}",
            "HOME": str(folder),
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_EVENT_NAME": self.event.name,
            "GITHUB_REF": self.event.ref,
            "GITHUB_REPOSITORY": self.hub.name,
            "GITHUB_RUN_ID": str(self.number),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": self.event.sha,
            "RUNNER_TEMP": str(folder / "temp"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "token": token,
        }
        return Job(
            hub=self.hub,
            run=self.number,
            workspace=folder / "work",
            permissions=permissions,
            environment=str(job.get("environment", "")),
            event=self.event.name,
            ref=self.event.ref,
            sha=self.event.sha,
            variables=variables,
        )

    def _programs(self) -> Path:
        """The folder of `gh` and `make` for the steps."""
        folder = self.hub.folder / "bin"
        folder.mkdir(exist_ok=True)
        own, python = Path(__file__).resolve(), sys.executable
        gh = [python, str(own.with_name("gh_stand_in.py")), str(self.hub.folder.resolve()), self.hub.name]
        setup = [python, str(own.with_name("cached_setup.py"))]
        make = shutil.which("make", path=self.variables["PATH"]) or "make"
        ready = f'case "$*" in setup|"--silent setup") exec {shlex.join(setup)} "$PWD";; esac\nexec {make} "$@"'
        for name, script in {"gh": f'exec {shlex.join(gh)} "$@"', "make": ready}.items():
            file = folder / name
            file.write_text(f"#!/bin/sh\nexport PYTHONPATH={shlex.quote(str(own.parents[3]))}\n{script}\n", "utf-8")
            file.chmod(0o755)
        return folder

    def _github(self) -> dict[str, Any]:
        event = self.event
        return {
            "event": event.payload,
            "event_name": event.name,
            "ref": event.ref,
            "repository": self.hub.name,
            "run_id": self.number,
            "sha": event.sha,
        }


def _needs(job: Mapping[str, Any]) -> list[str]:
    needs = job.get("needs", [])
    return [needs] if isinstance(needs, str) else list(needs)
