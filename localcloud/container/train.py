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

from localcloud.container.channels import check_channels
from localcloud.container.errors import ContainerError, PlatformError, UserError
from localcloud.container.layout import MODEL_FILE, Layout
from localcloud.container.log import set_up_log
from localcloud.container.training_environment import training_environment
from training.hyperparameters.check import check_hyperparameters, container_error, parse_hyperparameters, unsupported


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
    _check_hosts(resources.get("hosts"))
    parameters = parse_hyperparameters(hyperparameters)

    from localcloud.container.boosting import boost, save_model  # a refusal above need not wait for xgboost
    from localcloud.container.training_data import read_training_data

    started = time.monotonic()
    threads = parameters.get("nthread")
    data = read_training_data(
        layout,
        channels,
        weights=parameters.get("csv_weights") == 1,
        threads=threads if isinstance(threads, int) else None,
    )
    log.info("Single node training.")
    log.info("Train matrix has %d rows and %d columns", data.train.num_row(), data.train.num_col())
    if data.validation is not None:
        log.info("Validation matrix has %d rows", data.validation.num_row())
    loaded = time.monotonic()
    booster = boost(parameters, data)
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


def _check_hosts(hosts: object) -> None:
    if not isinstance(hosts, list) or not hosts:
        raise PlatformError("Number of hosts should be an int greater than or equal to 1")
    if len(hosts) > 1:
        raise UserError(f"Training on {len(hosts)} instances is not supported by the local cloud; use one")


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
