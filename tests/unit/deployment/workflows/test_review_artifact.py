"""What a deployment takes of GitHub: the artifact of the merged pull request's own review, unpacked as data.

The forgeries are built as somebody would build them who may push a branch and nothing else.
"""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from gh_stand_in import main as local_gh
from github_hub import Hub, Identity

from deployment.workflows.review_artifact import error_command, fetch
from kickstand.errors import KickstandError, Problem

NAME = "rides/bikes"
HEAD, MERGED = "a" * 40, "b" * 40
REPO = {"full_name": NAME}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """A pull request of the branch `release`, reviewed by run 1 and merged into main."""
    hub = Hub(tmp_path / "hub", NAME)
    hub.create(Identity())
    hub.write("tokens", {"t": {"actions": "read", "pull-requests": "read"}})
    monkeypatch.setenv("GH_REPO", NAME)
    monkeypatch.setenv("GH_TOKEN", "t")
    propose(hub, 1, merged_at="2026-11-23T12:00:00Z", merge_commit_sha=MERGED)
    reviewed(hub, 1)
    return hub


def propose(hub: Hub, number: int, *, branch: str = "release", base: str = "main", **more: Any) -> None:
    pull = {
        "number": number,
        "head": {"ref": branch, "sha": HEAD, "repo": REPO},
        "base": {"ref": base, "sha": "c" * 40, "repo": REPO},
        "merged_at": None,
        "merge_commit_sha": "d" * 40,
        **more,
    }
    hub.write("pulls", {**hub.read("pulls"), str(number): pull})


def reviewed(hub: Hub, run: int, files: dict[str, str] | None = None, **more: Any) -> Path:
    """A run that ended well, and the artifact that it kept."""
    record = {
        "id": run,
        "path": ".github/workflows/kickstand-review.yml",
        "event": "pull_request",
        "head_sha": HEAD,
        "head_branch": "release",
        "conclusion": "success",
        "head_repository": REPO,
        **more,
    }
    hub.write("runs", {**hub.read("runs"), str(run): record})
    artifact = hub.artifact(run, "kickstand-prod")
    for name in ("index.html", "review.md", "review.json"):
        put(artifact / "review/prod" / name, f"run {run}")
    for name, text in {"assembly/prod/manifest.json": f"run {run}", **(files or {})}.items():
        put(artifact / name, text)
    return artifact


def put(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def taken(hub: Hub, folder: Path) -> dict[str, str]:
    """The files that were taken; KickstandError."""

    def gh(*words: str) -> str:
        out, err = io.StringIO(), io.StringIO()
        with redirect_stdout(out), redirect_stderr(err):
            code = local_gh([str(hub.folder), NAME, *words])
        assert code == 0, err.getvalue()
        return out.getvalue()

    fetch("prod", folder, repository=NAME, commit=MERGED, gh=gh)
    return {str(one.relative_to(folder)): one.read_text() for one in folder.rglob("*") if one.is_file()}


def refused(hub: Hub, folder: Path) -> str:
    with pytest.raises(KickstandError) as caught:
        taken(hub, folder)
    assert not folder.exists() or not any(folder.iterdir())
    (problem,) = caught.value.problems
    assert "Run this workflow by hand: it reviews anew." in problem.fix
    return problem.message


def test_the_newest_review_gives_its_assembly_and_its_values_and_nothing_else(hub: Hub, tmp_path: Path) -> None:
    reviewed(hub, 2)
    reviewed(hub, 3, conclusion="failure")
    assert taken(hub, tmp_path / "new") == {
        "assembly/prod/manifest.json": "run 2",
        "review/prod/review.json": "run 2",
    }


def test_the_run_of_a_pull_request_of_the_same_branch_into_another_is_refused(hub: Hub, tmp_path: Path) -> None:
    """Given a second pull request of the merged head, into a branch whose workflow file keeps what it likes."""
    propose(hub, 2, base="mine")
    reviewed(hub, 2, {".venv/lib/python3.12/site-packages/mine.pth": "import os; os.system('id')"})
    assert refused(hub, tmp_path / "new") == (
        "The branch was proposed to another branch than main too (#2), whose own workflow may have kept anything: "
        "which run is the review cannot be determined."
    )


def test_a_pull_request_that_was_one_into_another_branch_first_is_refused(hub: Hub, tmp_path: Path) -> None:
    reviewed(hub, 2, {"assembly/prod/tree.json": "forged"})
    hub.write("timelines", {"1": ["committed", "base_ref_changed", "merged"]})
    assert "(#1), whose own workflow may have kept anything" in refused(hub, tmp_path / "new")


@pytest.mark.parametrize(
    "other",
    [
        {"head_branch": "copy"},  # the same commit under another name, proposed to anything
        {"head_repository": {"full_name": "mallory/bikes"}},
        {"head_repository": None},
        {"event": "push"},
        {"head_sha": "e" * 40},
        {"path": ".github/workflows/mine.yml"},
    ],
    ids=["branch", "fork", "deleted fork", "event", "commit", "workflow"],
)
def test_a_run_of_anything_else_is_passed_over(hub: Hub, tmp_path: Path, other: dict[str, Any]) -> None:
    propose(hub, 2, branch="copy", base="mine")
    reviewed(hub, 2, **other)
    assert taken(hub, tmp_path / "new")["assembly/prod/manifest.json"] == "run 1"


@pytest.mark.parametrize(
    "other",
    [
        {"merged_at": None},
        {"merge_commit_sha": "e" * 40, "head": {"ref": "release", "sha": MERGED, "repo": REPO}},
        {"base": {"ref": "mine", "sha": "c" * 40, "repo": REPO}},
        {"head": {"ref": "release", "sha": HEAD, "repo": {"full_name": "mallory/bikes"}}},
        {"head": {"ref": "release", "sha": HEAD, "repo": None}},
    ],
    ids=["open", "another merge", "another base", "a fork", "a deleted fork"],
)
def test_without_a_pull_request_that_was_merged_into_main_nothing_is_taken(
    hub: Hub, tmp_path: Path, other: dict[str, Any]
) -> None:
    propose(hub, 1, **{"merged_at": "2026-11-23T12:00:00Z", "merge_commit_sha": MERGED, **other})
    assert refused(hub, tmp_path / "new") == "No pull request of this repository was merged into main as this commit."


@pytest.mark.parametrize(
    "planted",
    [".venv/lib/python3.12/site-packages/mine.pth", "app.py", "assembly/dev/manifest.json", "review/prod/x.json"],
)
def test_an_artifact_with_anything_that_no_review_keeps_is_refused(hub: Hub, tmp_path: Path, planted: str) -> None:
    reviewed(hub, 1, {planted: "import os"})
    assert refused(hub, tmp_path / "new") == f"The artifact holds what no review keeps: {planted!r}."


def test_a_link_out_of_the_assembly_is_refused(tmp_path: Path) -> None:
    from deployment.workflows.review_artifact import take

    unpacked = tmp_path / "unpacked"
    put(unpacked / "review/prod/review.json", "{}")
    put(unpacked / "assembly/prod/manifest.json", "{}")
    (unpacked / "assembly/prod/asset").symlink_to("/etc")
    with pytest.raises(KickstandError, match=r"no review keeps: 'assembly/prod/asset'\."):
        take(unpacked, "prod", tmp_path / "new")


def test_names_of_others_in_a_workflow_command_are_no_second_command() -> None:
    said = error_command(Problem("100% of\n::add-mask::a", "k\x1b", "Do."))
    assert said == r"::error::k\x1b: 100%25 of\n::add-mask::a Do."
