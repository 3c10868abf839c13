"""Which xgboost saved a model, and whether an image's can read it. The file is looked at, never loaded."""

from __future__ import annotations

import re
from pathlib import Path

from kickstand.errors import KickstandError, Problem
from training.image.versions import OWN_IMAGE, XGBOOST, newer_than

OLD_BINARY = b"binf"
"""What a model in the binary format of xgboost before 3.1 begins with; it does not say which version wrote it."""

_TAIL = 200
"""The version is the last member of the model."""
_UBJ = re.compile(rb"version\[#[iUIlL][\x00-\x03]{1,8}((?:[iU].|I..){3})\}?\s*$", re.DOTALL)
_JSON = re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)\s*,\s*(\d+)\s*\]\s*\}\s*$')


def saved_by(model: Path) -> tuple[int, ...] | None:
    """`(3, 2, 0)`, as the model itself says; None for the old binary format and for what is no model."""
    with model.open("rb") as opened:
        opened.seek(max(0, model.stat().st_size - _TAIL))
        tail = opened.read()
    if found := _JSON.search(tail):
        return tuple(map(int, found.groups()))
    if found := _UBJ.search(tail):
        return tuple(_integers(found[1]))
    return None


def is_old_binary(model: Path) -> bool:
    """Whether a model has the binary format of xgboost before 3.1."""
    with model.open("rb") as opened:
        return opened.read(len(OLD_BINARY)) == OLD_BINARY


def reading_image(model: Path) -> str:
    """The image whose xgboost reads a model best: the one that saved it, where it is a supported one."""
    if is_old_binary(model):
        return next(iter(XGBOOST))
    version = saved_by(model)
    known = {tuple(map(int, text.split(".")))[:2]: image for image, text in XGBOOST.items()}
    return known.get(version[:2], OWN_IMAGE) if version else OWN_IMAGE


def require_readable(model: Path, image: str, *, where: str) -> None:
    """KickstandError: the image cannot be trusted with the model.

    An older xgboost opens the model of a newer one without complaint, and gets numbers wrong: 1.7 and 3.0 do not
    understand how 3.1 and later write `base_score`, and predict from 0.5. From 3.1 on, the old binary is not read.

    image: the version of the image that will serve it, `3.2-0`. where: the artifact, for messages.
    """
    version = saved_by(model)
    if version is not None and newer_than(version, image):
        saved = ".".join(map(str, version))
        raise KickstandError(
            Problem(
                f"The model was saved by xgboost {saved}; image {image} has xgboost {XGBOOST[image]}, which cannot "
                "read it: it opens the file and predicts from wrong numbers.",
                where,
                f"Train it with image {image}, or serve it with the image that it was trained with.",
            )
        )
    if is_old_binary(model) and tuple(map(int, XGBOOST[image].split("."))) >= (3, 1):
        raise KickstandError(
            Problem(
                f"The model has the binary format of xgboost before 3.1, which image {image} cannot read.",
                where,
                f"Train it again with image {image}.",
            )
        )


def _integers(members: bytes) -> list[int]:
    """The numbers of a UBJSON array: each a type (i, U: one byte; I: two) and its bytes."""
    numbers, at = [], 0
    while at < len(members):
        size = 2 if members[at : at + 1] == b"I" else 1
        numbers.append(int.from_bytes(members[at + 1 : at + 1 + size], "big"))
        at += 1 + size
    return numbers
