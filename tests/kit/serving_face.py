"""Asks the serving application as an HTTP server would, and makes the models it serves."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import xgboost
from training_folder import numbers

from localcloud.container.hosting.application import ServingApplication
from localcloud.container.hosting.served_model import ServedModel
from localcloud.container.hosting.settings import ServingSettings

TABLE = numbers(300)
FEATURES = TABLE[:, 1:]
ROW = b"0.5,1.5,-1,2"

OBJECTIVES: dict[str, dict[str, Any]] = {
    "reg:squarederror": {},
    "reg:logistic": {},
    "reg:gamma": {},
    "reg:tweedie": {},
    "count:poisson": {},
    "binary:logistic": {"classes": 2},
    "binary:logitraw": {"classes": 2},
    "binary:hinge": {"classes": 2},
    "multi:softmax": {"classes": 3},
    "multi:softprob": {"classes": 3},
    "rank:pairwise": {},
    "rank:ndcg": {"classes": 3},
    "survival:cox": {},
}
"""Objectives, each with what its labels are."""


def model(
    folder: Path,
    parameters: dict[str, Any] | None = None,
    classes: int = 0,
    *,
    name: str = "xgboost-model",
    seed: int = 0,
) -> tuple[Path, xgboost.Booster]:
    """A small model's file, and the same model as xgboost has it."""
    label = numbers(300, classes=classes)[:, 0]
    chosen = {"seed": seed, "subsample": 0.8, **(parameters or {})}
    booster = xgboost.train(chosen, xgboost.DMatrix(FEATURES, label=label), 5)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(booster.save_raw("ubj"))
    return file, booster


def objective_model(folder: Path, objective: str, **more: Any) -> tuple[Path, xgboost.Booster]:
    """A small model of an objective."""
    classes = OBJECTIVES[objective].get("classes", 0)
    parameters = {"objective": objective, **({"num_class": classes} if objective.startswith("multi:") else {})}
    return model(folder, parameters, classes, **more)


def face(*files: Path, **variables: str) -> ServingApplication:
    """The application that serves these files under these environment variables."""
    return ServingApplication(ServedModel(files, threads=1), ServingSettings.from_environment(variables))


def ask(
    application: ServingApplication,
    body: bytes = b"",
    *,
    path: str = "/invocations",
    method: str = "POST",
    content_type: str | None = "text/csv",
    accept: str | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of the answer."""
    headers = [(b"content-type", content_type.encode())] if content_type is not None else []
    headers += [(b"accept", accept.encode())] if accept is not None else []
    return asyncio.run(asked(application, body, path=path, method=method, headers=headers))


async def asked(
    application: ServingApplication,
    body: bytes,
    *,
    path: str = "/invocations",
    method: str = "POST",
    headers: list[tuple[bytes, bytes]],
) -> tuple[int, dict[str, str], bytes]:
    """As `ask`, on a loop that others use as well."""
    parts = [body[start : start + 65536] for start in range(0, len(body), 65536)] or [b""]
    incoming = [
        {"type": "http.request", "body": part, "more_body": index < len(parts) - 1} for index, part in enumerate(parts)
    ]
    sent: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return incoming.pop(0)

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    await application({"type": "http", "method": method, "path": path, "headers": headers}, receive, send)
    return sent[0]["status"], {name.decode(): value.decode() for name, value in sent[0]["headers"]}, sent[1]["body"]
