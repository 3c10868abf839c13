"""What a review of a model looks at, fetched and asked once: test rows, artifacts, learning curves.

Whatever cannot be had is told in `missing`, and the rest goes on without it.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from kickstand.aws.s3 import ChangedObjectError
from kickstand.config.model import Environment
from kickstand.errors import KickstandError, Problem
from kickstand.release.model import Release
from kickstand.text import plain
from kickstand.xgboost_container import model_count
from training.data.checks.objectives import label_columns
from training.evaluation.answers import model_answers
from training.evaluation.evaluation import Evaluation, evaluate
from training.evaluation.metrics import Labels, UnsoundModelError, Vector, objective_of
from training.evaluation.rows import Rows, read_test_rows
from training.evaluation.stores import ModelStore, fetch_curve, fetch_models
from training.model.inspection.model_run import Scores, score_rows
from training.model.learning_curve import Curve


@dataclass(slots=True)
class Evidence:
    """Of one model, and of the live one beside it.

    labels: of the test rows; None where the rows are not to be had. slices: the columns of `[gates] slices`.
    gain, live_gain: by the feature's name. rounds, live_rounds: of a model that is no ensemble, where
    the release has it. missing: what could not be had, and why.
    """

    labels: Labels | None = None
    slices: Mapping[str, Vector] = field(default_factory=dict)
    released: Evaluation | None = None
    live: Evaluation | None = None
    gain: Mapping[str, float] = field(default_factory=dict)
    live_gain: Mapping[str, float] = field(default_factory=dict)
    curve: Curve | None = None
    live_curve: Curve | None = None
    rounds: int | None = None
    live_rounds: int | None = None
    missing: list[str] = field(default_factory=list)
    unsound: list[str] = field(default_factory=list)
    """Those of them that are no want of permission: something was changed, or is no model that works."""

    @contextmanager
    def trying(self, what: str) -> Iterator[None]:
        """What fails inside is missing, by the name of what it was for."""
        try:
            yield
        except KickstandError as error:
            sentence = plain(f"{what}: {' '.join(_text(problem) for problem in error.problems)}")
            self.missing.append(sentence)
            if isinstance(error, ChangedObjectError | UnsoundModelError):
                self.unsound.append(sentence)


def _text(problem: Problem) -> str:
    return f"{problem.message.rstrip()} ({problem.where})" if problem.where else problem.message


def gather(
    environment: Environment,
    release: Release,
    live: Release | None,
    live_artifact_sha256: str,
    stores: Sequence[ModelStore],
) -> Evidence:
    """All of it. live: the release of what is served, where it is known; live_artifact_sha256: empty: nothing is."""
    found = Evidence(rounds=_rounds(release), live_rounds=_rounds(live))
    if release.learning_curve is None:
        found.missing.append("Learning curve: the release names none; the job's log did not have it.")
    else:
        with found.trying("Learning curve"):
            found.curve = fetch_curve(stores, release.artifact.sha256, release.learning_curve)
    if live is not None and live.learning_curve is not None and live.artifact.sha256 != release.artifact.sha256:
        with found.trying("Learning curve of the live model"):
            found.live_curve = fetch_curve(stores, live.artifact.sha256, live.learning_curve)
    with tempfile.TemporaryDirectory(prefix="kickstand-") as name:
        _ask(found, environment, release, live, live_artifact_sha256, stores, Path(name))
    return found


def _rounds(release: Release | None) -> int | None:
    return release.artifact.rounds[0] if release is not None and len(release.artifact.rounds) == 1 else None


def _ask(
    found: Evidence,
    environment: Environment,
    release: Release,
    live: Release | None,
    live_sha256: str,
    stores: Sequence[ModelStore],
    folder: Path,
) -> None:
    if not release.channels:
        found.missing.append("Test rows and models: the release names no data.")
        return
    own = label_columns(release.hyperparameters, release.channels[0].content_type)
    columns = max(channel.columns for channel in release.channels)
    rows: Rows | None = None
    with found.trying("Test rows (metrics on them, predictions, errors, slices)"):
        rows = read_test_rows(release, [environment], lambda channel: stores, folder / "rows")
        named = _slice_columns(found, environment, columns)
        found.slices = dict(zip(named, rows.columns([*named.values()]).T, strict=True)) if named else {}
        found.labels = rows.labels

    def scores(sha256: str, of: Release | None) -> Scores:
        count = None if of is None else model_count(of.hyperparameters)
        models = fetch_models(stores, sha256, count, folder / sha256)
        where = f"artifact {sha256[:12]}"
        try:
            files = [file.path for file in rows.files] if rows is not None and found.labels else []
            return score_rows(models, files, own, columns=columns, where=where)
        except KickstandError as error:
            raise UnsoundModelError(*error.problems) from error

    names = _feature_names(environment, columns, own)
    with found.trying("The released model"):
        given = scores(release.artifact.sha256, release)
        found.gain = {names(number): value for number, value in given.gain.items()}
        found.released = _evaluated(found.labels, given, release, release.artifact.sha256)
    if live_sha256 in ("", release.artifact.sha256):
        return
    if live is None:
        found.missing.append(
            f"The live model's release: none is known for artifact {live_sha256[:12]}, so its settings and data are "
            "not beside the new ones, and its answers are read as the new model's are."
        )
    with found.trying("The live model"):
        given = scores(live_sha256, live)
        found.live_gain = {names(number): value for number, value in given.gain.items()}
        found.live = _evaluated(found.labels, given, live or release, live_sha256)


def _evaluated(labels: Labels | None, given: Scores, release: Release, sha256: str) -> Evaluation | None:
    if labels is None:
        return None
    answers = model_answers(
        given.answers,
        objective=objective_of(release.hyperparameters),
        transform=release.target_transform,
        where=f"artifact {sha256[:12]}",
    )
    return evaluate(answers, labels)


def _slice_columns(found: Evidence, environment: Environment, columns: int) -> dict[str, int]:
    """Where the columns of `[gates] slices` are in a row."""
    named, wanted = environment.data.columns, environment.gates.slices
    if wanted and len(named) != columns:
        found.missing.append(f"Slices: [data] columns names {len(named)} columns, the test rows have {columns}.")
        return {}
    found.missing += [f"Slices: there is no column {name}." for name in wanted if name not in named]
    return {name: named.index(name) for name in wanted if name in named}


class _feature_names:  # noqa: N801  used as a function
    """The name of a feature by its number; `f3` where the project does not name its columns."""

    def __init__(self, environment: Environment, columns: int, labels: int) -> None:
        named = environment.data.columns
        self._names = named[labels:] if len(named) == columns else ()

    def __call__(self, number: int) -> str:
        return self._names[number] if number < len(self._names) else f"f{number}"
