"""Expressions of workflow files, `${{ … }}`: the part of the language that Kickstand's workflows use.

https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
Whatever else is met is an error: a runner that guesses would prove nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<name>[A-Za-z_][\w-]*)|(?P<sign>&&|\|\||==|!=|[!().,*]))")
_INTERPOLATED = re.compile(r"\$\{\{(.*?)\}\}", re.DOTALL)

Functions = Mapping[str, Callable[..., Any]]


class ExpressionError(ValueError):
    """An expression that this is not made for."""


def evaluate(text: str, context: Mapping[str, Any], functions: Functions) -> Any:
    """The value of an expression without its braces. A property that is not there is None, as on GitHub."""
    parser = _Parser(list(_tokens(text)), context, {**_FUNCTIONS, **functions})
    value = parser.either()
    if parser.left():
        raise ExpressionError(f"not understood: {text!r}")
    return value


def interpolate(text: str, context: Mapping[str, Any], functions: Functions) -> str:
    """A text with its `${{ … }}` filled in."""
    return _INTERPOLATED.sub(lambda found: as_text(evaluate(found[1], context, functions)), text)


def condition(text: str, context: Mapping[str, Any], functions: Functions) -> bool:
    """Whether an `if:` holds; the braces may be left out there."""
    whole = _INTERPOLATED.fullmatch(text.strip())
    return bool(evaluate(whole[1] if whole else text, context, functions))


def as_text(value: Any) -> str:
    """A value as it is put into a text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)


def _tokens(text: str) -> Any:
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None:
            raise ExpressionError(f"not understood: {text[place:]!r}")
        place = found.end()
        kind = str(found.lastgroup)
        yield kind, found[kind]


def _same(left: Any, right: Any) -> bool:
    """Texts are equal without regard to case, as GitHub compares them."""
    both = isinstance(left, str) and isinstance(right, str)
    return bool(left.lower() == right.lower()) if both else bool(left == right)


def _contains(where: Any, what: Any) -> bool:
    if isinstance(where, (list, tuple)):
        return any(_same(one, what) for one in where)
    return as_text(what).lower() in as_text(where).lower()


_FUNCTIONS: Functions = {"contains": _contains, "fromJSON": json.loads}


class _Parser:
    def __init__(self, tokens: Sequence[tuple[str, str]], context: Mapping[str, Any], functions: Functions) -> None:
        self._tokens, self._place = tokens, 0
        self._context, self._functions = context, functions

    def left(self) -> bool:
        return self._place < len(self._tokens)

    def _next(self, *signs: str) -> str:
        """Take the next sign, where it is one of these; else empty."""
        if self.left() and self._tokens[self._place][0] == "sign" and self._tokens[self._place][1] in signs:
            self._place += 1
            return self._tokens[self._place - 1][1]
        return ""

    def either(self) -> Any:
        value = self._both()
        while self._next("||"):
            other = self._both()
            value = value or other
        return value

    def _both(self) -> Any:
        value = self._compared()
        while self._next("&&"):
            other = self._compared()
            value = value and other
        return value

    def _compared(self) -> Any:
        value = self._single()
        sign = self._next("==", "!=")
        return _same(value, self._single()) == (sign == "==") if sign else value

    def _single(self) -> Any:
        if self._next("!"):
            return not self._single()
        if self._next("("):
            value = self.either()
            self._require(")")
            return value
        if not self.left():
            raise ExpressionError("the expression ends too early")
        kind, text = self._tokens[self._place]
        self._place += 1
        if kind == "text":
            return text[1:-1].replace("''", "'")
        if kind != "name":
            raise ExpressionError(f"not understood: {text!r}")
        return self._call(text) if self._next("(") else self._property(text)

    def _call(self, name: str) -> Any:
        if name not in self._functions:
            raise ExpressionError(f"there is no function {name} here")
        given: list[Any] = []
        while not self._next(")"):
            given.append(self.either())
            if not self._next(","):
                self._require(")")
                break
        return self._functions[name](*given)

    def _property(self, name: str) -> Any:
        if name not in self._context:
            raise ExpressionError(f"there is no context {name} here")
        value, many = self._context[name], False
        while self._next("."):
            if self._next("*"):
                value, many = list(value.values()) if isinstance(value, Mapping) else [], True
                continue
            key = self._tokens[self._place][1]
            self._place += 1
            value = [_get(one, key) for one in value] if many else _get(value, key)
        return value

    def _require(self, sign: str) -> None:
        if not self._next(sign):
            raise ExpressionError(f"{sign} is missing")


def _get(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None
