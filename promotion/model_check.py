"""Whether the image that is to serve a release can read its model; asked before anything is deployed.

An older xgboost opens the model of a newer one without complaint and predicts from wrong numbers, so the endpoint
would start and answer.
"""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

from kickstand.aws_errors import aws_error
from kickstand.folds import model_count
from kickstand.release import Release
from training.model.archive import ArchiveError, extract_model
from training.model.artifact import fetch_artifact
from training.model.probe import find_models
from training.model.saved_version import require_readable


def require_model(s3: Any, release: Release) -> None:
    """Fetch the release's artifact and look at the model, which is never loaded.

    s3: a client that may read `models/`.
    Raises KickstandError where the release's image cannot read it, and where the artifact holds other models than
    the training made.
    """
    where = release.artifact.s3_uri
    with tempfile.TemporaryDirectory(prefix="kickstand-") as folder:
        fetched = fetch_artifact(s3, where, Path(folder, "model.tar.gz"))
        try:
            files = extract_model(fetched.file, Path(folder, "model"))
        except ArchiveError as error:
            raise ArchiveError(*(dataclasses.replace(problem, where=where) for problem in error.problems)) from error
        except OSError as error:
            raise aws_error(error, "opening the model artifact", where) from error
        count = model_count(release.hyperparameters)
        for model in find_models(files, count, folder=Path(folder, "model"), where=where):
            require_readable(model, release.algorithm.version, where=where)
