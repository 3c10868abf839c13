"""The container's log: `[2026-07-01:12:00:00:INFO] message` on standard error."""

from __future__ import annotations

import logging
import sys


def set_up_log() -> logging.Logger:
    """The container's logger, writing lines in the container's form from level INFO on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("[%(asctime)s:%(levelname)s] %(message)s", "%Y-%m-%d:%H:%M:%S"))
    logger = logging.getLogger("container")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logging.captureWarnings(True)
    warnings = logging.getLogger("py.warnings")
    warnings.handlers = [handler]
    warnings.propagate = False
    return logger
