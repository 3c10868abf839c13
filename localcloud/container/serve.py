"""`python -m localcloud.container.serve [SOCKET]`: what the image runs for `serve`.

Loads the model below SAGEMAKER_BASE_DIR and serves it on 127.0.0.1, port SAGEMAKER_BIND_TO_PORT, or on a Unix socket
in the current folder, which closes it to other users of the machine. A model that cannot be loaded ends the program
with exit code 1 and the reason in the log; a port that is taken with exit code 2.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import os
import socket
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from localcloud.container.hosting.application import ServingApplication
    from localcloud.container.hosting.settings import ServingSettings

PORT_TAKEN = 2
_PREPARE_SECONDS = 5.0
"""From the start: what a large body needs is three quarters of the imports, and instances often start together."""


def main() -> int:
    """Load the model, bind the port, serve until SIGTERM."""
    # OpenMP reads this once, when xgboost is loaded
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from localcloud.container.contract import ContainerError, Layout, set_up_log
    from localcloud.container.hosting.application import ServingApplication
    from localcloud.container.hosting.served_model import ServedModel, find_models
    from localcloud.container.hosting.settings import ServingSettings

    log = set_up_log()
    try:
        settings = ServingSettings.from_environment(os.environ)
        files = find_models(Layout.from_environment(os.environ).model, ensemble=settings.ensemble)
        application = ServingApplication(ServedModel(files, threads=1), settings)
    except ContainerError as error:
        log.error("Unable to load model: %s", error)
        return 1
    place: socket.socket | str = sys.argv[1] if len(sys.argv) > 1 else ""
    try:
        place = place or _bind(settings.port)
    except OSError as error:
        log.error("Port %d cannot be served: %s", settings.port, error.strerror)
        return PORT_TAKEN
    log.info("Model loaded successfully for worker : %d", os.getpid())
    _serve(application, settings, place)
    return 0


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    return listener


def _serve(application: ServingApplication, settings: ServingSettings, place: socket.socket | str) -> None:
    """Serve on a bound socket, or on a Unix socket that is made at a path."""
    import uvicorn

    from localcloud.container.hosting.connection import Patience, ServingConnection

    configuration = uvicorn.Config(
        application,
        uds=place if isinstance(place, str) else None,
        http=ServingConnection,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=65,  # longer than the clients' pools keep an idle connection
        timeout_graceful_shutdown=10,
        backlog=2048,
    )
    server = uvicorn.Server(configuration)

    async def serve() -> None:
        patience = Patience(server.server_state.connections, settings.timeout_seconds)
        watching = asyncio.create_task(patience.watch())
        asyncio.get_running_loop().call_later(_PREPARE_SECONDS, _prepare)
        await server.serve(sockets=None if isinstance(place, str) else [place])
        watching.cancel()

    # What is loaded by now stays: the collector need not look through it again and again.
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=configuration.get_loop_factory()) as runner:
        runner.run(serve())


def _prepare() -> None:
    """Import what the first large body needs, unless one was there already; other requests are answered meanwhile."""
    module = "localcloud.container.hosting.request_rows"
    threading.Thread(target=importlib.import_module, args=(module,), name="prepare", daemon=True).start()


if __name__ == "__main__":
    sys.exit(main())
