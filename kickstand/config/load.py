"""The project file read into a Project: every problem in it reported together, each with its line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

from kickstand.config.cross_rules import environment_problems, project_problems
from kickstand.config.free_tables import accepted, hyperparameter, tag
from kickstand.config.model import (
    Algorithm,
    Bootstrap,
    Data,
    Environment,
    EnvironmentName,
    Hosting,
    Logs,
    Project,
    Roles,
    Storage,
    Training,
    Transform,
)
from kickstand.config.operation import Alarms, Alerts, Capture, Scaling, Update
from kickstand.config.operation_rules import CAPTURE_RULES, OPERATION_RULES
from kickstand.config.promotion import Gates, Pipeline, Policy, Review, Signing
from kickstand.config.promotion_rules import PROMOTION_RULES
from kickstand.config.rules import RULES as SETTING_RULES
from kickstand.config.scaling_rules import SCALING_RULES
from kickstand.config.source import KeyPath, Source, read_source
from kickstand.config.values import Settings, choices, found_type, mismatch
from kickstand.errors import InputError, Problem
from kickstand.xgboost_container import CONTENT_TYPES, MEDIA_TYPES

TABLES: Mapping[str, type[Settings]] = {
    "data": Data,
    "algorithm": Algorithm,
    "training": Training,
    "hosting": Hosting,
    "hosting.update": Update,
    "hosting.alarms": Alarms,
    "hosting.capture": Capture,
    "hosting.scaling": Scaling,
    "transform": Transform,
    "storage": Storage,
    "roles": Roles,
    "logs": Logs,
    "bootstrap": Bootstrap,
    "signing": Signing,
    "gates": Gates,
    "review": Review,
    "policy": Policy,
    "pipeline": Pipeline,
    "alerts": Alerts,
}
"""The tables with fixed keys that an environment may override, and what they become; `A.B` is a table in A."""
OUTER = tuple(table for table in TABLES if "." not in table)
FREE_TABLES = {
    "hyperparameters": hyperparameter,
    "tags": tag,
    "policy_exceptions": accepted,
    "known_faults": accepted,
}
"""The tables whose keys the user names, likewise."""
RULES = {**SETTING_RULES, **OPERATION_RULES, **CAPTURE_RULES, **SCALING_RULES, **PROMOTION_RULES}
"""By `TABLE.KEY`; an override in `[environments.NAME.TABLE]` meets the same rule."""
ENVIRONMENT_KEYS = (
    *("account", "region", "profile", "role_arn", "promotes_from", "max_monthly_usd"),
    *("expires_after", "awake", "idle_after"),
)
ENVIRONMENTS: tuple[EnvironmentName, ...] = get_args(EnvironmentName)


@dataclass(frozen=True, slots=True)
class Written:
    """One setting as it was written. value is a stand-in of None where it is faulty."""

    value: Any
    where: str
    faulty: bool = False


Table = dict[str, Written]


def load_project(path: Path | str) -> Project:
    """Reads a project file.

    Relative paths in it are taken from its folder; whether data files exist is not asked here. InputError
    names every problem of the file with its line: syntax, unknown tables and keys, wrong types, bad values,
    settings that do not go together, names longer than AWS takes.
    """
    source = read_source(Path(path))
    return _Loader(source).project()


class _Loader:
    def __init__(self, source: Source) -> None:
        self.source = source
        self.problems: list[Problem] = []

    def project(self) -> Project:
        self._unknown((), self.source.tables, ("project", *OUTER, *FREE_TABLES, "environments"), "table")
        name = self._table((), "project", {"name": str}).get("name")
        if name is None:
            self._report(("project",), "[project] needs a name.", 'For example: name = "bikes"')
        base = self._overridable(())
        environments: dict[EnvironmentName, Environment] = {}
        bad: set[str] = set()
        for environment in self._environment_names():
            resolved, faulty = self._environment(environment, name, base)
            environments[environment] = resolved
            bad |= faulty
            self.problems += environment_problems(resolved, faulty)
        if bad.isdisjoint(("promotes_from", "storage.existing_bucket", "pipeline.repository", "account")):
            self.problems += project_problems(environments)
        if self.problems:
            raise InputError(*_in_file_order(self.problems))
        return Project(name=name.value if name else "", file=self.source.file, environments=environments)

    def _environment_names(self) -> list[EnvironmentName]:
        """The environments that are written as tables, from first to last."""
        path: KeyPath = ("environments",)
        written = self._keys(path)
        self._unknown(path, written, ENVIRONMENTS, "environment")
        if written == {} and isinstance(self.source.tables.get("environments", {}), dict):
            fix = 'For example: [environments.dev] with account = "111122223333" and region = "us-east-1"'
            self._report(path, "At least one environment must be configured.", fix)
        return [name for name in ENVIRONMENTS if name in written and self._is_table((*path, name), written[name])]

    def _environment(
        self, name: EnvironmentName, project: Written | None, base: Mapping[str, Table]
    ) -> tuple[Environment, frozenset[str]]:
        """One environment resolved, and its faulty settings, for which it holds stand-ins."""
        path: KeyPath = ("environments", name)
        fields = {key: Environment.model_fields[key].annotation for key in ENVIRONMENT_KEYS}
        own = self._table(("environments",), name, fields, also=(*OUTER, *FREE_TABLES))
        for key, example in (("account", '"111122223333"'), ("region", '"us-east-1"')):
            if key not in own:
                self._report(path, f"[environments.{name}] needs {key}.", f"For example: {key} = {example}")
                own[key] = Written(None, self.source.where(path), faulty=True)
        merged = {table: base[table] | override for table, override in self._overridable(path).items()}
        _settle_waiting(merged["training"], base["training"])
        if "train" not in merged["data"]:
            self._report(("data",), "[data] needs train: the path of the training data.", 'train = "data/train.csv"')
            merged["data"]["train"] = Written(None, self.source.where(("data",)), faulty=True)
        settings = {f"{table}.{key}": item for table, keys in merged.items() for key, item in keys.items()} | own
        settings["project"] = project or Written(None, self.source.label, faulty=True)
        bad = frozenset(setting for setting, item in settings.items() if item.faulty)
        lines = {setting: item.where for setting, item in settings.items()}
        lines |= {table: self._table_line(path, table) for table in (*TABLES, *FREE_TABLES)}
        environment = Environment(
            **{"project": "x", "name": name, "account": "0" * 12, "region": "us-east-1"}
            | {key: settings[key].value for key in ("project", *own) if not settings[key].faulty},
            **{table: _model(merged, table) for table in OUTER},
            **{table: _sound(merged[table], table) for table in FREE_TABLES},
            lines={**lines, "name": self.source.where(path), "": self.source.label},
        )
        return environment, bad

    def _overridable(self, path: KeyPath) -> dict[str, Table]:
        """Every table that an environment may override, as written below `path`."""
        tables = {
            table: self._table(
                path,
                table,
                {key: field.annotation for key, field in model.model_fields.items() if f"{table}.{key}" not in TABLES},
                also=[inner.rpartition(".")[2] for inner in TABLES if inner.rpartition(".")[0] == table],
            )
            for table, model in TABLES.items()
        }
        return tables | {table: self._table(path, table, None) for table in FREE_TABLES}

    def _table(self, parent: KeyPath, name: str, fields: Mapping[str, Any] | None, also: Iterable[str] = ()) -> Table:
        """One table as written. fields: its keys and their types, None for a free table; also: tables inside it."""
        path = (*parent, *name.split("."))
        keys = self._keys(path)
        if fields is not None:
            self._unknown(path, keys, (*fields, *also), "key")
        result: Table = {}
        for key, value in keys.items():
            if fields is None or key in fields:
                result[key] = self._setting((*path, key), name, value, None if fields is None else fields[key])
        return result

    def _keys(self, path: KeyPath) -> dict[str, Any]:
        """What is written in a table; nothing where there is none."""
        keys: Any = self.source.tables
        for part in path:
            if not isinstance(keys, dict):
                return {}  # a table around it is none, which is reported there
            keys = keys.get(part, {})
        return keys if self._is_table(path, keys) else {}

    def _is_table(self, path: KeyPath, value: object) -> bool:
        if not isinstance(value, dict):
            self._report(path, f"[{'.'.join(path)}] must be a table, not {found_type(value)}.")
        return isinstance(value, dict)

    def _setting(self, path: KeyPath, table: str, value: object, wanted: Any) -> Written:
        key = path[-1]
        where = self.source.where(path)
        if wanted is None:
            value, fault = FREE_TABLES[table](key, value)
        elif not (fault := mismatch(value, wanted) or _choice_fault(value, wanted)):
            # An environment's own keys share their rules, whatever its name.
            rule = RULES.get(f"{'environments' if path[:-2] == ('environments',) else table}.{key}")
            fault = ("is empty", "Take it out to get its default.") if value == "" else rule(value) if rule else None
        if fault:
            name = key or '""'
            self.problems.append(Problem(f"{name} {fault[0]}.", where, fault[1]))
            return Written(None, where, faulty=True)
        return Written(self._made(value, wanted, key), where)

    def _made(self, value: Any, wanted: Any, key: str) -> Any:
        """The value as the models keep it."""
        if isinstance(value, list):
            paths = wanted == tuple[Path, ...]
            return tuple(self.source.file.parent / Path(item).expanduser() if paths else item for item in value)
        if key == "content_type":
            return MEDIA_TYPES[CONTENT_TYPES[value]]  # the image has other words too, `csv` for text/csv
        if wanted in (Path, Path | None):
            return self.source.file.parent / Path(value).expanduser()
        return value

    def _unknown(self, path: KeyPath, keys: Mapping[str, Any], known: Iterable[str], what: str) -> None:
        known = tuple(known)
        for key in keys:
            if key in known:
                continue
            near = get_close_matches(key, known, n=1)
            fix = f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(known)}."
            inside = f" in [{'.'.join(path)}]" if path else ""
            self._report((*path, key), f'Unknown {what} "{key}"{inside}.', fix)

    def _table_line(self, path: KeyPath, table: str) -> str:
        """Where a table stands: the environment's own, else the project's, else the file alone."""
        for place in ((*path, *table.split(".")), tuple(table.split("."))):
            if place in self.source.lines:
                return self.source.where(place)
        return self.source.label

    def _report(self, path: KeyPath, message: str, fix: str = "") -> None:
        self.problems.append(Problem(message, self.source.where(path), fix))


def _settle_waiting(training: Table, base: Table) -> None:
    """SageMaker demands a maximum wait for spot training, and refuses one without.

    Unset, it is the maximum runtime (start at once or give up). An environment that turns spot off needs no
    longer wait: TOML has no way to take the project's value out.
    """
    spot, runtime = training.get("spot"), training.get("max_runtime_seconds")
    if spot is None or spot.faulty:
        return
    inherited = training.get("max_wait_seconds") is base.get("max_wait_seconds")
    if not spot.value and base.get("spot", spot).value and inherited:
        training.pop("max_wait_seconds", None)
    if spot.value and "max_wait_seconds" not in training and not (runtime and runtime.faulty):
        seconds = runtime.value if runtime else Training().max_runtime_seconds
        training["max_wait_seconds"] = replace(runtime or spot, value=seconds)


def _model(merged: Mapping[str, Table], table: str) -> Settings:
    """The settings of a table with those of the tables in it."""
    inner = {name.rpartition(".")[2]: _model(merged, name) for name in TABLES if name.rpartition(".")[0] == table}
    return TABLES[table](**_sound(merged[table], table), **inner)


def _sound(table: Table, name: str) -> dict[str, Any]:
    """The values of a table; a stand-in for a faulty one that has no default."""
    values = {key: item.value for key, item in table.items() if not item.faulty}
    return {"train": Path()} | values if name == "data" else values


def _choice_fault(value: object, wanted: Any) -> tuple[str, str] | None:
    allowed = choices(wanted)
    if not allowed or value in allowed:
        return None
    near = get_close_matches(str(value), allowed, n=1)
    quoted = " or ".join(f'"{choice}"' for choice in allowed)
    return f'must be {quoted}, not "{value}"', f'Did you mean "{near[0]}"?' if near else ""


def _in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each once (environments share the project's tables), from the top of the file to its end."""

    def line(problem: Problem) -> int:
        number = problem.where.rpartition(":")[2]
        return int(number) if number.isdecimal() else 0

    return sorted(dict.fromkeys(problems), key=line)
