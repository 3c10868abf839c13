"""What an SDK's code indexes without looking in the answers of SageMaker, read from its source.

A value is followed from the call that gives it (`client.describe_training_job(…)`) through assignments, loops and
arguments of functions of the same package, to each `answer["Member"]`. A member that the same function looks for
(`"Member" in answer`, `answer.get("Member")`) is not counted.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from localcloud.sagemaker.api.service_model import service_model

Place = tuple[str, ...]
"""Operation, then members; `[]` is an entry of a list: ("DescribeModel", "PrimaryContainer", "Image")."""


@dataclass
class Reads:
    """The functions of an SDK by name, and what each of their parameters may be given."""

    operations: frozenset[str]
    functions: dict[str, list[ast.FunctionDef]] = field(default_factory=dict)
    given: dict[tuple[str, str], set[Place]] = field(default_factory=dict)
    found: set[Place] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    """Functions to be read, or read again with more that they may be given."""


def indexed(files: Iterable[Path], operations: Iterable[str]) -> set[str]:
    """The members that the files index without looking, as `DescribeModel: PrimaryContainer.Image`.

    files: the modules of one SDK. operations: the ones to follow, by AWS's names. Members that botocore's model of the
    operation's answer does not have are left out: the SDK means another answer there.
    """
    reads = Reads(frozenset(operations))
    calls = {re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower() for operation in reads.operations}
    for file in files:
        with warnings.catch_warnings(action="ignore"):  # of the SDK's own strings
            tree = ast.parse(file.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef):
                reads.functions.setdefault(node.name, []).append(node)
                if any(_name(each) in calls for each in ast.walk(node)):
                    reads.waiting.add(node.name)
    while reads.waiting:
        for function in reads.functions[reads.waiting.pop()]:
            _Function(reads, function).read()
    return {f"{place[0]}: {'.'.join(place[1:])}" for place in reads.found if _answered(place)}


def _answered(place: Place) -> bool:
    """Whether the operation's answer has such a member."""
    shape = service_model("sagemaker").operation_model(place[0]).output_shape
    for step in place[1:]:
        if step == "[]" and shape.type_name == "list":
            shape = shape.member
        elif shape.type_name == "structure" and step in shape.members:
            shape = shape.members[step]
        else:
            return False
    return True


def _name(node: ast.AST) -> str:
    """The name of what is called."""
    if not isinstance(node, ast.Call):
        return ""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


class _Function:
    """One function's values, and what it indexes."""

    def __init__(self, reads: Reads, function: ast.FunctionDef) -> None:
        self._reads, self._function = reads, function
        self._values: dict[str, set[Place]] = {}
        for parameter in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs):
            if places := reads.given.get((function.name, parameter.arg)):
                self._values[parameter.arg] = set(places)

    def read(self) -> None:
        for _ in range(2):  # a loop's body may use what its end assigns
            for node in ast.walk(self._function):
                self._bind(node)
        looked = self._looked_for()
        for node in ast.walk(self._function):
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
                self._reads.found |= {place for place in self._places(node) - looked if place[-1] != "[]"}
            elif isinstance(node, ast.Call):
                self._pass_on(node)

    def _bind(self, node: ast.AST) -> None:
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    self._values.setdefault(target.id, set()).update(self._places(node.value))
        elif isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
            entries = {(*place, "[]") for place in self._places(node.iter)}
            self._values.setdefault(node.target.id, set()).update(entries)

    def _places(self, node: ast.expr) -> set[Place]:
        """What an expression may be; empty for what is not followed."""
        if isinstance(node, ast.Name):
            return self._values.get(node.id, set())
        if isinstance(node, ast.Subscript):
            return {(*place, step) for place in self._places(node.value) for step in _steps(node.slice)}
        if isinstance(node, ast.Call):
            return self._called(node)
        if isinstance(node, ast.BoolOp):
            return {place for value in node.values for place in self._places(value)}
        if isinstance(node, ast.Lambda):
            return self._places(node.body)
        return set()

    def _called(self, node: ast.Call) -> set[Place]:
        name = _name(node)
        operation = "".join(word.title() for word in name.split("_"))
        if operation in self._reads.operations:
            return {(operation,)}
        if name == "get" and isinstance(node.func, ast.Attribute) and node.args:
            return {(*place, step) for place in self._places(node.func.value) for step in _steps(node.args[0])}
        if name in ("copy", "deepcopy", "_wait_until", "wait_until", "_flush_log_streams"):
            return {place for argument in node.args for place in self._places(argument)}
        return set()

    def _looked_for(self) -> set[Place]:
        looked: set[Place] = set()
        for node in ast.walk(self._function):
            if isinstance(node, ast.Compare) and any(isinstance(op, ast.In | ast.NotIn) for op in node.ops):
                steps = tuple(_steps(node.left))
                looked |= {(*place, step) for place in self._places(node.comparators[0]) for step in steps}
            elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "get":
                looked |= self._called(node)
        return looked

    def _pass_on(self, node: ast.Call) -> None:
        name = _name(node)
        for function in self._reads.functions.get(name, ()):
            names = [parameter.arg for parameter in function.args.args]
            if names[:1] in (["self"], ["cls"]):
                names = names[1:]
            arguments: Mapping[str, ast.expr] = {
                **dict(zip(names, node.args, strict=False)),
                **{keyword.arg: keyword.value for keyword in node.keywords if keyword.arg},
            }
            for parameter, value in arguments.items():
                known = self._reads.given.setdefault((name, parameter), set())
                if new := self._places(value) - known:
                    known |= new
                    self._reads.waiting.add(name)


def _steps(node: ast.AST) -> Iterator[str]:
    """The member that a constant names; `[]` for a number."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.Constant) and isinstance(node.value, int):
        yield "[]"
