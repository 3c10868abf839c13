"""`python -m localcloud.container.train`: what the image runs for `train`.

Sees only the layout below SAGEMAKER_BASE_DIR (default `/opt/ml`). Exit code 0 with `model/xgboost-model`, or 1 with
the reason in `output/failure`. SIGTERM ends it without a model, unless save_model_on_termination is "true".
"""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from kickstand.xgboost_container import for_a_job
from localcloud.container.contract import (
    MODEL_FILE,
    AlgorithmError,
    ContainerError,
    Layout,
    UserError,
    accepted_faults,
    check_channels,
    data_files,
    image_version,
    set_up_log,
    training_environment,
)
from localcloud.container.training.collective import LOST, Cluster
from training.hyperparameters.check import check_hyperparameters, container_error, parse_hyperparameters, unsupported

if TYPE_CHECKING:
    from localcloud.container.training.training_data import TrainingData

_log = logging.getLogger("container")


def run(layout: Layout) -> None:
    """Train one model from what the layout holds. Raises ContainerError."""
    log = set_up_log()
    hyperparameters = {str(name): str(value) for name, value in layout.read_config("hyperparameters").items()}
    channels = layout.read_config("inputdataconfig")
    resources = layout.read_config("resourceconfig")
    os.environ.update(
        training_environment(layout, hyperparameters=hyperparameters, channels=channels, resources=resources)
    )
    log.info("Running XGBoost Sagemaker in algorithm mode")
    checkpoints = _checkpoint_folder(layout)
    cluster = Cluster.of(resources)
    _check(
        hyperparameters,
        channels=tuple(channels),
        instances=len(cluster.hosts),
        checkpoints=checkpoints is not None,
    )
    content_type = check_channels(channels)
    parameters = parse_hyperparameters(hyperparameters)
    if cluster.several:
        log.info("Distributed node training with %d hosts: %s", len(cluster.hosts), list(cluster.hosts))
        found = cluster.with_data([name for name in channels if not data_files(layout.channel(name))])
        if found is None:
            return
        cluster = found
    job = _Job(layout, channels, content_type, parameters, cluster, checkpoints)
    if "_kfold" in parameters:
        job.cross_validate()
    else:
        job.train()


@dataclass(frozen=True, slots=True)
class _Job:
    """A job whose settings have been checked."""

    layout: Layout
    channels: Collection[str]
    content_type: str
    parameters: dict[str, Any]
    cluster: Cluster
    checkpoints: Path | None

    def train(self) -> None:
        """One model."""
        # A refusal need not wait for xgboost: it is imported from here on.
        from localcloud.container.training.boosting import boost, save_model
        from localcloud.container.training.training_data import read_training_data

        started = time.monotonic()
        data = read_training_data(self.layout, self.channels, **self._reading)
        _log_sizes(data)
        loaded = time.monotonic()
        with _together(self.cluster):
            booster = boost(
                self.parameters,
                data,
                logs_rounds=self.cluster.is_master,
                agree=self.cluster.agree,
                checkpoints=self.checkpoints,
            )
        if self.cluster.is_master:
            save_model(booster, self.layout.model / MODEL_FILE)
        _log.info(
            "Loaded the data in %.2f s, trained %d rounds in %.2f s.",
            loaded - started,
            booster.num_boosted_rounds(),
            time.monotonic() - loaded,
        )

    def cross_validate(self) -> None:
        """A model for each fold, and predictions.csv."""
        from localcloud.container.training.cross_validation import PREDICTIONS_FILE, cross_validate
        from localcloud.container.training.training_data import read_merged_rows

        rows, channels = read_merged_rows(self.layout, self.channels, **self._reading)
        _log_sizes(channels)
        with _together(self.cluster):
            cross_validate(
                self.parameters,
                rows,
                channels,
                model=self.layout.model / MODEL_FILE,
                predictions=self.layout.output_data / PREDICTIONS_FILE,
                logs_rounds=self.cluster.is_master,
                saves=self.cluster.is_master,
                agree=self.cluster.agree,
            )

    @property
    def _reading(self) -> dict[str, Any]:
        if not self.cluster.several:
            _log.info("Single node training.")
        weights = self.parameters.get("csv_weights") == 1
        return {"content_type": self.content_type, "weights": weights, "threads": self.parameters.get("nthread")}


def _log_sizes(data: TrainingData) -> None:
    _log.info("Train matrix has %d rows and %d columns", data.train.num_row(), data.train.num_col())
    if data.validation is not None:
        _log.info("Validation matrix has %d rows", data.validation.num_row())


def _checkpoint_folder(layout: Layout) -> Path | None:
    """Where checkpoints go; what the platform calls /opt/ml is the layout's base."""
    path = layout.read_config("checkpointconfig", required=False).get("LocalPath")
    if not path:
        return None
    folder = PurePosixPath(str(path))
    below = folder.relative_to("/opt/ml") if folder.is_relative_to("/opt/ml") else None
    return Path(folder) if below is None else layout.base / below


def _check(hyperparameters: dict[str, str], *, channels: tuple[str, ...], instances: int, checkpoints: bool) -> None:
    """Fail in the container's words where the container fails; refuse by name what it or the local cloud gets wrong."""
    if any(name.startswith("sagemaker_") for name in hyperparameters):
        raise UserError("Script mode (sagemaker_program) is not supported by the local cloud")
    problems = [
        *check_hyperparameters(hyperparameters, channels=channels, instances=instances),
        *unsupported(hyperparameters, image_version(), checkpoints=checkpoints, accepted=accepted_faults(os.environ)),
    ]
    explained = for_a_job("\n".join(f"{problem.message} {problem.fix}".strip() for problem in problems))
    if words := container_error(hyperparameters):
        _log.error("%s", explained)  # the container's words can be as terse as 'objective'
        raise UserError(words)
    if problems:
        raise UserError(explained)


@contextmanager
def _together(cluster: Cluster) -> Iterator[None]:
    """Inside, xgboost trains with all hosts of the cluster; what comes of another host's death is named."""
    from localcloud.container.training.boosting import lost_host

    try:
        with cluster.collective():
            yield
    except Exception as error:
        if cluster.several and lost_host(error):
            raise AlgorithmError(f"Host {cluster.host} {LOST}: {str(error).splitlines()[0]}") from None
        raise


def main() -> int:
    """Run, and turn a failure into the failure file and exit code 1."""
    # Threads of OpenMP that wait for one another spin for some 50 microseconds, then sleep. Those that spin longer keep
    # the rest of their own team from the cores wherever the machine has other work, and training takes many times as
    # long; those that sleep at once take a fifth longer on a machine that is idle. Read when xgboost is loaded.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "5000")
    layout = Layout.from_environment(os.environ)
    try:
        run(layout)
    except ContainerError as error:
        return _fail(layout, str(error))
    except Exception:
        return _fail(layout, traceback.format_exc().rstrip())
    return 0


def _fail(layout: Layout, message: str) -> int:
    sys.stderr.write(f"[{time.strftime('%Y-%m-%d:%H:%M:%S')}:ERROR] Reporting training FAILURE\n{message}\n")
    layout.output.mkdir(parents=True, exist_ok=True)
    layout.failure.write_text(f"framework error: \n{message}", encoding="utf-8")
    return 1


if __name__ == "__main__":
    sys.exit(main())
