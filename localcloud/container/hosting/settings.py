"""What the serving program reads from its environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.container.contract import UserError, accepted_faults
from localcloud.container.hosting.selected_output import ACCEPTS, KEYS, PLAIN_ACCEPTS, selected_keys

_MEGABYTE = 1024**2
_NOT_SUPPORTED = {
    "SAGEMAKER_PROGRAM": "script mode",
    "SAGEMAKER_SUBMIT_DIRECTORY": "script mode",
    "SAGEMAKER_MULTI_MODEL": "multi-model endpoints",
}


@dataclass(frozen=True, slots=True)
class ServingSettings:
    """port and limits of the server.

    workers:          predictions of large bodies at once (SAGEMAKER_MODEL_SERVER_WORKERS; default: cores).
    timeout_seconds:  SAGEMAKER_MODEL_SERVER_TIMEOUT; default 60.
    default_accept:   SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT; default text/csv.
    max_body_bytes:   MAX_CONTENT_LENGTH; default 6 MiB.
    batch:            SAGEMAKER_BATCH is set.
    selected:         keys of SAGEMAKER_INFERENCE_OUTPUT; () where it is not set.
    ensemble:         SAGEMAKER_INFERENCE_ENSEMBLE; default true.
    accepted:         known faults of the image that are accepted (KICKSTAND_KNOWN_FAULTS).
    """

    port: int
    workers: int
    timeout_seconds: float
    default_accept: str
    max_body_bytes: int
    batch: bool
    selected: tuple[str, ...]
    ensemble: bool
    accepted: frozenset[str] = frozenset()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> ServingSettings:
        """Read the environment. Raises UserError naming everything that is wrong or not supported."""
        wrong = [
            f"{name} ({what}) is not supported by the local cloud"
            for name, what in _NOT_SUPPORTED.items()
            if environment.get(name, "false").lower() != "false"
        ]

        def number(name: str, default: int) -> int:
            text = environment.get(name) or str(default)
            if text.isdecimal() and int(text) > 0:
                return int(text)
            wrong.append(f"{name} must be a positive whole number, found {text!r}")
            return default

        selected: tuple[str, ...] = ()
        if (requested := environment.get("SAGEMAKER_INFERENCE_OUTPUT")) is not None:
            selected = selected_keys(requested)
            if odd := [key for key in selected if key not in KEYS]:
                wrong.append(f"SAGEMAKER_INFERENCE_OUTPUT must name some of {', '.join(KEYS)}; found {odd}")
        batch = bool(environment.get("SAGEMAKER_BATCH"))
        accepts = ACCEPTS if selected or batch else PLAIN_ACCEPTS
        accept = environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT") or "text/csv"
        if accept not in accepts:
            wrong.append(f"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT must be one of {accepts}, found {accept!r}")
        ensemble = (environment.get("SAGEMAKER_INFERENCE_ENSEMBLE") or "true").lower()
        if ensemble not in ("true", "false"):
            wrong.append(f"SAGEMAKER_INFERENCE_ENSEMBLE must be true or false, found {ensemble!r}")
        settings = cls(
            port=number("SAGEMAKER_BIND_TO_PORT", 8080),
            workers=number("SAGEMAKER_MODEL_SERVER_WORKERS", os.cpu_count() or 1),
            timeout_seconds=float(number("SAGEMAKER_MODEL_SERVER_TIMEOUT", 60)),
            default_accept=accept,
            max_body_bytes=number("MAX_CONTENT_LENGTH", 6 * _MEGABYTE),
            batch=batch,
            selected=selected,
            ensemble=ensemble == "true",
            accepted=frozenset(accepted_faults(environment)),
        )
        if wrong:
            raise UserError("\n".join(wrong))
        return settings
