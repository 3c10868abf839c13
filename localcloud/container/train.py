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
from typing import TYPE_CHECKING, Any

from localcloud.container.channels import check_channels
from localcloud.container.collective import LOST, Cluster
from localcloud.container.data_files import data_files
from localcloud.container.errors import AlgorithmError, ContainerError, UserError
from localcloud.container.layout import MODEL_FILE, Layout
from localcloud.container.log import set_up_log
from localcloud.container.training_environment import training_environment
from training.hyperparameters.check import check_hyperparameters, container_error, parse_hyperparameters, unsupported

if TYPE_CHECKING:
    import xgboost

    from localcloud.container.training_data import TrainingData


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
    _check(hyperparameters, channels=tuple(channels), checkpoints="LocalPath" in _checkpoints(layout))
    check_channels(channels)
    cluster = Cluster.of(resources)
    parameters = parse_hyperparameters(hyperparameters)
    if cluster.several:
        log.info("Distributed node training with %d hosts: %s", len(cluster.hosts), list(cluster.hosts))
        found = cluster.with_data([name for name in channels if not data_files(layout.channel(name))])
        if found is None:
            return
        cluster = found

    from localcloud.container.boosting import save_model  # a refusal above need not wait for xgboost
    from localcloud.container.training_data import read_training_data

    started = time.monotonic()
    threads = parameters.get("nthread")
    data = read_training_data(
        layout,
        channels,
        weights=parameters.get("csv_weights") == 1,
        threads=threads if isinstance(threads, int) else None,
    )
    if not cluster.several:
        log.info("Single node training.")
    log.info("Train matrix has %d rows and %d columns", data.train.num_row(), data.train.num_col())
    if data.validation is not None:
        log.info("Validation matrix has %d rows", data.validation.num_row())
    loaded = time.monotonic()
    booster = _boost_together(parameters, data, cluster)
    if cluster.is_master:
        save_model(booster, layout.model / MODEL_FILE)
    log.info(
        "Loaded the data in %.2f s, trained %d rounds in %.2f s.",
        loaded - started,
        booster.num_boosted_rounds(),
        time.monotonic() - loaded,
    )


def _checkpoints(layout: Layout) -> dict[str, object]:
    return layout.read_config("checkpointconfig", required=False)


def _check(hyperparameters: dict[str, str], *, channels: tuple[str, ...], checkpoints: bool) -> None:
    """Fail in the container's words where the container fails; refuse by name what it or the local cloud gets wrong."""
    if any(name.startswith("sagemaker_") for name in hyperparameters):
        raise UserError("Script mode (sagemaker_program) is not supported by the local cloud")
    problems = [
        *check_hyperparameters(hyperparameters, channels=channels),
        *unsupported(hyperparameters, "3.2-0", checkpoints=checkpoints),
    ]
    explained = "\n".join(f"{problem.message} {problem.fix}".strip() for problem in problems)
    if words := container_error(hyperparameters):
        logging.getLogger("container").error("%s", explained)  # the container's words can be as terse as 'objective'
        raise UserError(words)
    if problems:
        raise UserError(explained)


def _boost_together(parameters: dict[str, Any], data: TrainingData, cluster: Cluster) -> xgboost.Booster:
    """Train with all hosts of the cluster; the first of them writes the log of the rounds."""
    from localcloud.container.boosting import boost, lost_host

    try:
        with cluster.collective():
            return boost(parameters, data, speaks=cluster.is_master, agree=cluster.agree)
    except Exception as error:
        if cluster.several and lost_host(error):
            raise AlgorithmError(f"Host {cluster.host} {LOST}: {str(error).splitlines()[0]}") from None
        raise


def main() -> int:
    """Run, and turn a failure into the failure file and exit code 1."""
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
