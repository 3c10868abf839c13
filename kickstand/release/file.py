"""The release file, `releases/ENV.json`: read with every check, written whole or not at all.

Its text is canonical (sorted keys, two spaces, newline at the end), so that a diff shows what changed; its
`sha256` is the SHA-256 of the canonical text of all its other fields.

Older schemas are brought to this one when they are read. A schema that changes gets the next `SCHEMA_VERSION` and,
here, the function that makes its fields from the former ones. A release in git is evidence for as long as the
repository lives: no step is taken out again.
"""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kickstand.atomic_file import atomic_file
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import JsonError, parse_json, read_bounded
from kickstand.release.locations import foreign_problems, override_problems, place_problems
from kickstand.release.model import SCHEMA_VERSION, Artifact, GoldenRows, Promotion, Release

Step = Callable[[dict[str, Any]], dict[str, Any]]
"""From the fields of one version to those of the next; `schema_version` is counted up by `migrate`."""


def _gates_with_figures(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 2 records what each gate measured, who promoted, what was overridden, and the learning curve.

    Version 1 had the names of the gates that were passed, and nothing could be overridden.
    """
    promotion = fields.get("promoted_from")
    if promotion is not None:
        gates = [{"name": name, "passed": True, "figure": "", "limit": ""} for name in promotion["gates"]]
        promotion = {**promotion, "gates": gates, "overrides": [], "by": "", "at": ""}
    return {**fields, "promoted_from": promotion, "learning_curve": None, "earlier_promotions": []}


def _rounds_and_warnings(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 3 records the rounds of the model and what was accepted with a warning; version 2 said neither.

    The metrics of a version 2 made with early stopping are the job's last round's, not the model's own.
    """
    return {**fields, "artifact": {**fields["artifact"], "rounds": []}, "warnings": []}


MIGRATIONS: dict[int, Step] = {1: _gates_with_figures, 2: _rounds_and_warnings}
"""The step that leads on from each version. Version 1 is the first."""


_SINCE: Mapping[str, Mapping[str, int]] = {
    "": {"learning_curve": 2, "earlier_promotions": 2, "warnings": 3},
    "artifact.": {"rounds": 3},
    "promoted_from.": {"overrides": 2, "by": 2, "at": 2},
}
"""The schema version that a field came with, by the part of a release; every other one is of version 1."""


def version_faults(fields: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Fields of an older release that its schema version does not have, or that it lacks: field, and what is wrong."""
    version = fields["schema_version"]
    if not 1 <= version < SCHEMA_VERSION:
        return
    for part, model in (
        ("", Release),
        ("artifact.", Artifact),
        ("golden_rows.", GoldenRows),
        ("promoted_from.", Promotion),
    ):
        found = fields if not part else fields.get(part[:-1])
        if not isinstance(found, dict):
            continue
        since = _SINCE.get(part, {})
        wanted = {name for name in model.model_fields if since.get(name, 1) <= version}
        for name in sorted(found.keys() - wanted):
            came = f"came with schema version {since[name]}; this is of version {version}" if name in since else ""
            yield f"{part}{name}", came or "is not a field of a release"
        for name in sorted(wanted - found.keys()):
            yield f"{part}{name}", "is missing"


def can_migrate(version: int, *, steps: Mapping[int, Step] = MIGRATIONS, to: int = SCHEMA_VERSION) -> bool:
    """Whether there is a step from each version up to `to`."""
    return version <= to and all(number in steps for number in range(version, to))


def migrate(
    fields: Mapping[str, Any], *, steps: Mapping[int, Step] = MIGRATIONS, to: int = SCHEMA_VERSION
) -> dict[str, Any]:
    """The fields of a release in schema version `to`; the given ones are not touched.

    Its `sha256` stays that of the file, which a promotion names and which is proved before this is called.
    Needs `can_migrate`.
    """
    brought = dict(fields)
    for version in range(brought["schema_version"], to):
        brought = {**steps[version](brought), "schema_version": version + 1, "sha256": fields.get("sha256", "")}
    return brought


def release_path(folder: Path, environment_name: str) -> Path:
    """Where an environment's release is: `folder/ENV.json`."""
    return folder / f"{environment_name}.json"


def write_release(path: Path, release: Release) -> Release:
    """Writes a release, its `sha256` filled in, and returns it as written; makes the folder where needed.

    KickstandError: the disk refuses (the former file then stays as it was, and nothing else is left), or a number
    has no JSON form (nan, infinity).
    """
    fields = release.model_dump()
    odd = [place for place, number in _numbers(fields) if not math.isfinite(number)]
    if odd:
        raise KickstandError(*(Problem(f"{place} is not a finite number.", str(path)) for place in odd))
    sealed = release.model_copy(update={"sha256": release_digest(fields)})
    with atomic_file(path) as stream:
        stream.write(canonical(sealed.model_dump()).encode("utf-8"))
    return sealed


def read_release(path: Path, environment: Environment) -> Release:
    """Reads an environment's release.

    InputError names all that is wrong with it: no such file, not JSON, unknown schema, missing or odd fields,
    a text that its own SHA-256 does not fit, another project, environment, account, region or bucket, a model or
    data that are not where their content names them, gates and overrides that do not agree.
    """
    release, problems = _validated(release_text(path, environment), path)
    if release is not None:
        foreign = list(foreign_problems(release, environment, path))
        remedy = _restore(path)
        problems += foreign or [*place_problems(release, path, remedy), *override_problems(release, path, remedy)]
    if release is None or problems:
        raise InputError(*problems)
    return release


def parse_release(text: str, path: Path) -> Release:
    """A release from its text, wherever it stood: a file, a commit. Of whichever project and environment.

    InputError: as read_release, about the text alone.
    """
    release, problems = _validated(text, path)
    if release is None or problems:
        raise InputError(*problems)
    return release


def parse_fields(text: str, path: Path) -> dict[str, Any]:
    """The fields of a release as they stand in its text, in a schema version that this Kickstand knows.

    InputError: not JSON, no object, an unknown schema.
    """
    raw = _parsed(text, path)
    _require_known_schema(raw, path)
    return raw


def canonical(fields: Mapping[str, Any]) -> str:
    """The one text of a release's fields."""
    return json.dumps(fields, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def release_digest(fields: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the canonical text of all fields but `sha256`."""
    text = canonical({name: value for name, value in fields.items() if name != "sha256"})
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _validated(text: str, path: Path) -> tuple[Release | None, list[Problem]]:
    """The release that a text holds, brought to this schema, None where it holds none; and what is wrong with it."""
    raw = parse_fields(text, path)
    problems = list(_seal_problems(raw, text, path))
    odd = dict(version_faults(raw))
    problems += (Problem(f"{field} {message}.", str(path)) for field, message in odd.items())
    try:
        current = text if raw["schema_version"] == SCHEMA_VERSION else json.dumps(migrate(raw))
        return Release.model_validate_json(current, strict=True), problems
    except ValidationError as error:
        details = [one for one in error.errors(include_url=False) if ".".join(map(str, one["loc"])) not in odd]
        return None, [*problems, *(_shape_problem(detail, path) for detail in details)]
    except (LookupError, TypeError, AttributeError) as error:
        message = f"Its fields are not those of schema version {raw['schema_version']}: {type(error).__name__} {error}."
        return None, [*problems, Problem(message, str(path), _restore(path))]


def release_text(path: Path, environment: Environment) -> str:
    """The text of an environment's release file. InputError: there is none, it is a link, or it cannot be read."""
    if path.is_symlink():
        message = "The release is a symbolic link: git would keep where it leads, not what it says."
        raise InputError(Problem(message, str(path), f"Put the file itself there. {_restore(path)}"))
    try:
        # A checkout on Windows may end lines with CR LF; the digest is of the text as it was written.
        return read_bounded(path).decode("utf-8").replace("\r\n", "\n")
    except FileNotFoundError:
        fix = f"Make it: kickstand fit {environment.name}, or kickstand adopt JOB {environment.name}."
        raise InputError(Problem(f"{environment.name} has no release yet.", str(path), fix)) from None
    except OSError as error:
        raise InputError(Problem(f"The release cannot be read: {error.strerror or error}.", str(path))) from None
    except UnicodeDecodeError:
        raise InputError(Problem("The release is not UTF-8 text.", str(path), _restore(path))) from None


def _parsed(text: str, path: Path) -> dict[str, Any]:
    try:
        raw = parse_json(text)
    except JsonError as error:
        fix = _restore(path)
        if any(line.startswith(("<<<<<<<", "=======", ">>>>>>>")) for line in text.splitlines()):
            fix = "It holds a merge conflict of git: take one side whole (git checkout --ours or --theirs)."
        raise InputError(error.problem(path, fix)) from None
    if not isinstance(raw, dict):
        raise InputError(Problem("A release is a JSON object; this is not one.", str(path), _restore(path)))
    return raw


def _require_known_schema(raw: Mapping[str, Any], path: Path) -> None:
    version = raw.get("schema_version")
    if type(version) is not int:
        message = "A release has a whole number as schema_version; this has none."
        raise InputError(Problem(message, str(path), _restore(path)))
    if version > SCHEMA_VERSION:
        message = f"The release is of schema version {version}; this Kickstand reads {SCHEMA_VERSION}."
        raise InputError(Problem(message, str(path), "A newer Kickstand wrote it: update Kickstand."))
    if not can_migrate(version):
        message = f"The release is of schema version {version}, which this Kickstand reads no more."
        raise InputError(Problem(message, str(path), "Make it anew: kickstand fit or kickstand adopt."))


def _seal_problems(raw: Mapping[str, Any], text: str, path: Path) -> Iterator[Problem]:
    """An edit by hand: the digest does not fit, or the text is not in the form that Kickstand writes."""
    expected, found = raw.get("sha256"), release_digest(raw)
    if expected != found:
        message = f"The release was changed after it was written: its sha256 is {expected}, its text gives {found}."
        yield Problem(message, str(path), _restore(path))
    elif text != canonical(raw):
        message = "The release was reformatted after it was written; its text must be as Kickstand wrote it."
        yield Problem(message, str(path), f"{_restore(path)} Keep formatters away from it.")


def _shape_problem(detail: ErrorDetails, path: Path) -> Problem:
    field = ".".join(str(part) for part in detail["loc"])
    words = {
        "missing": "is missing",
        "extra_forbidden": "is not a field of a release",
        "string_pattern_mismatch": "must be a SHA-256: 64 hexadecimal digits in lower case",
    }
    return Problem(f"{field} {words.get(detail['type'], _shape_problems(detail))}.", str(path))


def _shape_problems(detail: ErrorDetails) -> str:
    """pydantic's words behind a field's name: "Input should be a valid integer" as "must be a valid integer"."""
    return detail["msg"].replace("Input should be", "must be")


def _numbers(value: Any, place: str = "") -> Iterator[tuple[str, float]]:
    """Every float of a nest of fields, with its dotted place."""
    if isinstance(value, float):
        yield place, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list | tuple) else ()
    for name, item in items:
        yield from _numbers(item, f"{place}.{name}" if place else str(name))


def _restore(path: Path) -> str:
    name = path.stem
    return (
        f"Take it back from git (git checkout -- {shlex.quote(str(path))}), or make it anew: kickstand fit {name}, "
        f"or adopt JOB {name}."
    )
