"""The last screen of `fit` and `adopt`: what was released, and what to type next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from kickstand.folds import models_sentence, rounds_sentence
from kickstand.release import Release

if TYPE_CHECKING:
    from rich.console import Console


def summary_lines(release: Release, file: Path) -> list[tuple[str, str]]:
    """What a person wants to know of a release: label and text, in reading order."""
    job = release.training_job
    metrics = "  ".join(f"{name} {value:.5f}" for name, value in sorted(release.metrics.items()))
    several = models_sentence(release.hyperparameters)
    return [
        ("metrics", metrics or "none"),
        *([("warnings", f"{len(release.warnings)}, on record in the release")] if release.warnings else []),
        ("model", f"SHA-256 {release.artifact.sha256}, {release.artifact.size:,} bytes"),
        *([("models", several)] if several else []),
        *([("rounds", rounds_sentence(release.artifact.rounds))] if release.artifact.rounds else []),
        ("job", f"{job.name}, {job.billable_seconds} s billable on {job.instance_count} x {job.instance_type}"),
        ("release", str(file)),
    ]


def show_release(console: Console, release: Release, file: Path, *, next_command: str) -> None:
    """Print the summary and the next command."""
    console.print()
    for label, text in summary_lines(release, file):
        console.print(f"{label:<14} {text}")
    console.print(f"\nServe it: {next_command}", style="bold")
