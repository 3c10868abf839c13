"""The review bundle: the whole review of one environment as a value, and its file `review.json`.

The file is the bundle in one canonical form, so that equal reviews are equal bytes. It is read back with its checks.
The folder `review/ENV` holds it beside the pages that were drawn from it, and is replaced as a whole.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import JsonError, parse_json, read_bounded
from review.reports import CostReport, DriftReport, Headline, Infrastructure, ModelReport, Part, PolicyReport

SCHEMA_VERSION = 1


class ChangeSet(Part):
    """A change set that was made for this review, and nothing else, to be executed."""

    stack: str
    arn: str
    stack_arn: str
    empty: bool = False
    """CloudFormation found nothing to do; nothing is executed."""
    waits_for: str = ""
    """Why there is none yet, in a sentence: what this stack needs first. The ARNs are empty then."""


class Bundle(Part):
    """The review of one environment."""

    schema_version: int = SCHEMA_VERSION
    project: str
    environment: str
    account: str
    region: str
    as_of: str
    """The day that ages are counted to, `YYYY-MM-DD`."""
    assembly_sha256: str
    """See assembly.py."""
    release_sha256: str
    """Empty where there is no release."""
    versions: Mapping[str, str]
    """Of everything that made it: Kickstand, aws-cdk-lib, the CDK command line, …"""
    infrastructure: Infrastructure
    policy: PolicyReport
    model: ModelReport | None
    """None where there is no release."""
    cost: CostReport
    drift: DriftReport
    change_sets: tuple[ChangeSet, ...] = ()
    """Made by `review --prepare`; empty in a pull request's review."""

    @property
    def headlines(self) -> tuple[Headline, ...]:
        """All headlines, danger first."""
        parts = [self.infrastructure, self.policy, self.model, self.cost, self.drift]
        found = [headline for part in parts if part is not None for headline in part.headlines]
        return tuple(sorted(found, key=lambda one: ("danger", "warning", "note").index(one.level)))


REVIEW_JSON = "review.json"


def review_folder(releases: Path, project_file: Path, project: str, environment: str, *, local: bool) -> Path:
    """Where a review lies when nobody names another place: `review/ENV` beside the project file.

    Of the local cloud: in its own state, beside its releases, as these are.
    """
    return (releases.parents[1] / "review" / project if local else project_file.parent / "review") / environment


def bundle_json(bundle: Bundle) -> bytes:
    """The canonical bytes: sorted keys, two spaces, UTF-8, newline at the end; `sha256` is of all other fields."""
    fields = bundle.model_dump(mode="json")
    return _canonical({**fields, "sha256": hashlib.sha256(_canonical(fields)).hexdigest()})


def _canonical(fields: Mapping[str, Any]) -> bytes:
    text = json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False)
    return (text + "\n").encode("utf-8", "replace")  # half a surrogate pair, of a file's name, has no UTF-8


def read_bundle(file: Path, environment: Environment, *, make: str) -> Bundle:
    """The bundle of one environment.

    make: the command that makes it, for messages.
    Raises InputError: no such file, no review, one of a newer Kickstand, of another project, environment, account
    or region, or one that was edited.
    """
    try:
        data = read_bounded(file)
    except FileNotFoundError:
        raise InputError(Problem("There is no review here.", str(file), f"Make it: {make}")) from None
    except OSError as error:
        raise InputError(Problem(f"The review cannot be read: {error.strerror or error}.", str(file))) from None
    bundle = _parsed(data, file, make)
    problems = [
        Problem(f"The review is of the {what} {found}; this is {expected}.", str(file), f"Make it: {make}")
        for what, found, expected in (
            ("project", bundle.project, environment.project),
            ("environment", bundle.environment, environment.name),
            ("account", bundle.account, environment.account),
            ("region", bundle.region, environment.region),
        )
        if found != expected
    ]
    if bundle_json(bundle) != data:
        problems.append(Problem("The review was edited after it was made.", str(file), f"Make it again: {make}"))
    if problems:
        raise InputError(*problems)
    return bundle


def _parsed(data: bytes, file: Path, make: str) -> Bundle:
    try:
        fields = parse_json(data)
        version = fields.get("schema_version") if isinstance(fields, dict) else None
        if type(version) is int and version != SCHEMA_VERSION:
            message = f"The review is of schema version {version}; this Kickstand reads {SCHEMA_VERSION}."
            raise InputError(Problem(message, str(file), f"Make it again: {make}"))
        if isinstance(fields, dict):
            fields.pop("sha256", None)  # read_bundle makes the bytes again, this digest with them
        return Bundle.model_validate_json(json.dumps(fields))
    except JsonError as error:
        raise InputError(error.problem(file, f"Make it: {make}", what="The file holds no review")) from None
    except (ValueError, ValidationError):
        raise InputError(Problem("The file holds no review.", str(file), f"Make it: {make}")) from None


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put exactly these files into the folder, in the place of what a former review left there.

    They are written beside it and then take its place. Raises KickstandError where the system refuses; the former
    review then stays as it was. A folder that holds anything else than a review is refused.
    """
    if folder.exists() and any(folder.iterdir()) and not (folder / REVIEW_JSON).is_file():
        message = "This folder holds something else than a review, which would be lost."
        raise InputError(Problem(message, str(folder), "Name another folder with -o."))
    new: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        new = folder.with_name(f".{folder.name}.{secrets.token_hex(8)}")
        new.mkdir()  # not mkdtemp(): the folder has the mode that the umask gives
        for name, data in files.items():
            with (new / name).open("wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
        _replace(folder, new)
    except OSError as error:
        fix = "The former review is as it was. Make room or choose another place, then run it again."
        raise KickstandError(
            Problem(f"The review could not be written: {error.strerror or error}.", str(folder), fix)
        ) from error
    finally:
        if new is not None:
            shutil.rmtree(new, ignore_errors=True)


def _replace(folder: Path, new: Path) -> None:
    """Let `new` take the place of `folder`; a folder with files in it cannot be renamed over."""
    if not folder.exists():
        new.rename(folder)
        return
    old = new.with_name(new.name + ".old")
    folder.rename(old)
    try:
        new.rename(folder)
    except OSError:
        old.rename(folder)
        raise
    shutil.rmtree(old, ignore_errors=True)
