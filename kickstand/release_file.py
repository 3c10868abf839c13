"""The release file, `releases/ENV.json`: read with every check, written whole or not at all.

Its text is canonical (sorted keys, two spaces, newline at the end), so that a diff shows what changed; its
`sha256` is the SHA-256 of the canonical text of all its other fields.
"""

from __future__ import annotations

import hashlib
import json
import math
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from kickstand.atomic_file import atomic_file
from kickstand.config.model import Environment
from kickstand.errors import InputError, KickstandError, Problem
from kickstand.json_text import JsonError, parse_json, read_bounded
from kickstand.release import SCHEMA_VERSION, Release
from kickstand.release_migrations import can_migrate, migrate, version_faults
from kickstand.release_places import foreign_problems, override_problems, place_problems


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
    release, problems = _judged(release_text(path, environment), path)
    if release is not None:
        foreign = list(foreign_problems(release, environment, path))
        mend = _restore(path)
        problems += foreign or [*place_problems(release, path, mend), *override_problems(release, path, mend)]
    if release is None or problems:
        raise InputError(*problems)
    return release


def parse_release(text: str, path: Path) -> Release:
    """A release from its text, wherever it stood: a file, a commit. Of whichever project and environment.

    InputError: as read_release, about the text alone.
    """
    release, problems = _judged(text, path)
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


def _judged(text: str, path: Path) -> tuple[Release | None, list[Problem]]:
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
    return Problem(f"{field} {words.get(detail['type'], _told(detail))}.", str(path))


def _told(detail: ErrorDetails) -> str:
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
