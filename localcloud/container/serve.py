"""`python -m localcloud.container.serve`: what the image runs for `serve`.

Loads the model below SAGEMAKER_BASE_DIR and serves it on 127.0.0.1, port SAGEMAKER_BIND_TO_PORT. A model that cannot
be loaded ends the program with exit code 1 and the reason in the log; a port that is taken with exit code 2.
"""

from __future__ import annotations

import os
import socket
import sys

PORT_TAKEN = 2


def main() -> int:
    """Load the model, bind the port, serve until SIGTERM."""
    # OpenMP reads this once, when xgboost is loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from localcloud.container.errors import ContainerError
    from localcloud.container.layout import Layout
    from localcloud.container.log import set_up_log
    from localcloud.container.served_model import ServedModel, find_model
    from localcloud.container.serving_application import ServingApplication
    from localcloud.container.serving_settings import ServingSettings

    log = set_up_log()
    try:
        settings = ServingSettings.from_environment(os.environ)
        file = find_model(Layout.from_environment(os.environ).model)
        log.info("Loading the model from %s", file)
        model = ServedModel(file, threads=settings.threads)
    except ContainerError as error:
        log.error("Unable to load model: %s", error)
        return 1
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", settings.port))
    except OSError as error:
        log.error("Port %d cannot be served: %s", settings.port, error.strerror)
        return PORT_TAKEN
    log.info("Model loaded successfully for worker : %d", os.getpid())

    import uvicorn

    configuration = uvicorn.Config(
        ServingApplication(model, settings),
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=65,  # longer than the clients' pools keep an idle connection
        timeout_graceful_shutdown=10,
        backlog=2048,
    )
    uvicorn.Server(configuration).run(sockets=[listener])
    return 0


if __name__ == "__main__":
    sys.exit(main())
