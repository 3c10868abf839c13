"""Metric math: the expressions of GetMetricData and of alarms, as far as stacks use them; all else is refused by name.

Numbers, ids, + - * / and comparisons, AND, OR, IF, FILL with a number, a metric or REPEAT, and SUM, AVG, MIN, MAX of
several metrics or over one. https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence

Series = list[float | None]
"""A value for each period, oldest first; None where there is none."""
Value = float | Series

_LONGEST = 2048
_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_OVER: dict[str, Callable[[Sequence[float]], float]] = {
    "SUM": math.fsum,
    "AVG": lambda values: math.fsum(values) / len(values),
    "MIN": min,
    "MAX": max,
}
_FUNCTIONS = ("IF", "FILL", *_OVER)
_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_WORDS = ((re.compile(r"&&|\bAND\b"), " and "), (re.compile(r"\|\||\bOR\b"), " or "))


class MathError(ValueError):
    """An expression that cannot be computed; the text says which part and why."""


class Expression:
    """A parsed expression. Raises MathError for what is wrong or not supported."""

    def __init__(self, text: str) -> None:
        self.text = text
        if not 0 < len(text) <= _LONGEST:
            raise MathError(f"Expected an expression of 1 to {_LONGEST} characters, found {len(text)}.")
        python = text
        for pattern, word in _WORDS:
            python = pattern.sub(word, python)
        try:
            self._tree = ast.parse(python.strip(), mode="eval").body
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            raise MathError(f"Error in expression '{text}': it cannot be read.") from None
        self.ids: set[str] = set()
        self._check(self._tree)

    def value(self, values: Mapping[str, Value], periods: int) -> Value:
        """Its value, given that of each id, for so many periods."""
        return _Computation(values, periods).of(self._tree)

    def _check(self, node: ast.expr) -> None:
        if isinstance(node, ast.Name):
            if not _ID.fullmatch(node.id):
                raise self._refused(node.id)
            self.ids.add(node.id)
        elif isinstance(node, ast.Constant):
            if type(node.value) not in (int, float):
                raise self._refused(repr(node.value))
        elif isinstance(node, ast.Call):
            self._check_call(node)
        elif isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            self._check_all([node.left, node.right])
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            self._check(node.operand)
        elif isinstance(node, ast.BoolOp):
            self._check_all(node.values)
        elif isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARISONS:
            self._check_all([node.left, node.comparators[0]])
        else:
            raise self._refused(ast.unparse(node))

    def _check_call(self, node: ast.Call) -> None:
        name = node.func.id if isinstance(node.func, ast.Name) else ast.unparse(node.func)
        if name not in _FUNCTIONS:
            raise self._refused(f"the function {name}")
        wanted = {"IF": 3, "FILL": 2}.get(name, 1)
        if len(node.args) != wanted or node.keywords:
            raise MathError(f"Error in expression '{self.text}': {name} takes {wanted} arguments.")
        if name == "FILL" and isinstance(node.args[1], ast.Name) and node.args[1].id == "REPEAT":
            self._check(node.args[0])
        elif name in _OVER and isinstance(node.args[0], ast.List) and node.args[0].elts:
            self._check_all(node.args[0].elts)
        else:
            self._check_all(node.args)

    def _check_all(self, nodes: Sequence[ast.expr]) -> None:
        for node in nodes:
            self._check(node)

    def _refused(self, what: str) -> MathError:
        return MathError(
            f"Error in expression '{self.text}': {what} is not supported by the local cloud. It knows + - * /, "
            f"comparisons, AND, OR and {', '.join(_FUNCTIONS)}."
        )


class _Computation:
    def __init__(self, values: Mapping[str, Value], periods: int) -> None:
        self._values, self._periods = values, periods

    def of(self, node: ast.expr) -> Value:
        match node:
            case ast.Name():
                return self._values[node.id]
            case ast.Constant():
                return float(node.value)  # type: ignore[arg-type]
            case ast.UnaryOp():
                negative = isinstance(node.op, ast.USub)
                return self._each(lambda value: -value if negative else value, self.of(node.operand))
            case ast.BinOp():
                return self._each(_ARITHMETIC[type(node.op)], self.of(node.left), self.of(node.right))
            case ast.Compare():
                compare = _COMPARISONS[type(node.ops[0])]
                return self._each(lambda a, b: float(compare(a, b)), self.of(node.left), self.of(node.comparators[0]))
            case ast.BoolOp():
                whole = any if isinstance(node.op, ast.Or) else all
                return self._each(lambda *each: float(whole(each)), *map(self.of, node.values))
            case ast.Call(func=ast.Name(id="IF")):
                return self._chosen(*map(self.of, node.args))
            case ast.Call(func=ast.Name(id="FILL")):
                return self._filled(*node.args)
            case ast.Call(func=ast.Name(id=name)):
                return self._over(_OVER[name], node.args[0])
        raise AssertionError(ast.dump(node))

    def _each(self, compute: Callable[..., float], *values: Value) -> Value:
        """Compute period by period; no value where one is missing, or the result is no number."""
        if all(isinstance(value, float) for value in values):
            result = _number(compute, *values)
            return [None] * self._periods if result is None else result
        columns = zip(*map(self._series, values), strict=True)
        return [None if None in column else _number(compute, *column) for column in columns]

    def _series(self, value: Value) -> Series:
        return [value] * self._periods if isinstance(value, float) else value

    def _chosen(self, condition: Value, yes: Value, no: Value) -> Value:
        if isinstance(condition, float):
            return yes if condition else no
        triples = zip(condition, self._series(yes), self._series(no), strict=True)
        return [None if chosen is None else (a if chosen else b) for chosen, a, b in triples]

    def _filled(self, filled: ast.expr, by: ast.expr) -> Value:
        series = self._series(self.of(filled))
        if isinstance(by, ast.Name) and by.id == "REPEAT":
            last: float | None = None
            return [last := (last if value is None else value) for value in series]
        return [b if a is None else a for a, b in zip(series, self._series(self.of(by)), strict=True)]

    def _over(self, function: Callable[[Sequence[float]], float], argument: ast.expr) -> Value:
        if not isinstance(argument, ast.List):
            present = [value for value in self._series(self.of(argument)) if value is not None]
            return function(present) if present else [None] * self._periods
        columns = zip(*(self._series(self.of(each)) for each in argument.elts), strict=True)
        found = [[value for value in column if value is not None] for column in columns]
        return [function(values) if values else None for values in found]


def _number(compute: Callable[..., float], *values: Value | None) -> float | None:
    try:
        result = float(compute(*values))
    except (ZeroDivisionError, OverflowError):
        return None
    return result if math.isfinite(result) else None
