"""On which line of a TOML text each key stands: tomllib parses values and forgets their places."""

from __future__ import annotations

import tomllib
from bisect import bisect_right

KeyPath = tuple[str, ...]
"""Keys from the top: `("environments", "dev", "training", "spot")`; an array's item adds its index as text."""


def index_lines(text: str) -> dict[KeyPath, int]:
    """The line, counted from 1, of every table, key and array item of `text`.

    `text` must be valid TOML (parse it with tomllib first): nothing is checked here. A table that only dotted
    keys or deeper tables imply gets the line where it is first implied. Items of an array of tables share one
    path: their header's.
    """
    scanner = _Scanner(text)
    scanner.document()
    return scanner.lines


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.lines: dict[KeyPath, int] = {}
        self._breaks = [i for i, character in enumerate(text) if character == "\n"]

    def document(self) -> None:
        table: KeyPath = ()
        while self._skip(" \t\r\n"):
            if self.text[self.at] == "[":
                table = self._header()
            else:
                self._pair(table)

    def _header(self) -> KeyPath:
        start = self.at
        self._skip("[ \t")
        path = self._key()
        self._skip("] \t")
        self._note(path, start)
        # A header is the table's own place, even where a deeper table implied it earlier.
        self.lines[path] = self._line(start)
        return path

    def _pair(self, table: KeyPath) -> None:
        start = self.at
        path = table + self._key()
        self._skip("= \t")
        self._note(path, start)
        self._value(path)

    def _key(self) -> KeyPath:
        """One key, dotted or not, up to the `=` or `]` behind it."""
        parts: list[str] = []
        while self.text[self.at] not in "=]":
            if self.text[self.at] in "\"'":
                start = self.at
                self._string()
                parts.append(_plain(self.text[start : self.at]))
            else:
                parts.append(self._until(" \t.=]"))
            self._skip(" \t.")
        return tuple(parts)

    def _value(self, path: KeyPath) -> None:
        opening = self.text[self.at]
        if opening == "{":
            self.at += 1
            while self._skip(" \t\r\n,") and self.text[self.at] != "}":
                self._pair(path)
            self.at += 1
        elif opening == "[":
            self.at += 1
            item = 0
            while self._skip(" \t\r\n,") and self.text[self.at] != "]":
                here = (*path, str(item))
                self._note(here, self.at)
                self._value(here)
                item += 1
            self.at += 1
        elif opening in "\"'":
            self._string()
        else:
            self._until("#,]}\r\n")

    def _string(self) -> None:
        quote = self.text[self.at]
        closing = quote * 3 if self.text.startswith(quote * 3, self.at) else quote
        self.at += len(closing)
        while not self.text.startswith(closing, self.at):
            self.at += 2 if quote == '"' and self.text[self.at] == "\\" else 1
        self.at += len(closing)
        # Up to two quotes may stand directly before the closing three.
        while len(closing) == 3 and self.text.startswith(quote, self.at):
            self.at += 1

    def _until(self, stops: str) -> str:
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in stops:
            self.at += 1
        return self.text[start : self.at]

    def _skip(self, characters: str) -> bool:
        """Passes over `characters` and, where they hold a line break, comments; false at the end of the text."""
        while self.at < len(self.text):
            if self.text[self.at] == "#" and "\n" in characters:
                self._until("\n")
            elif self.text[self.at] in characters:
                self.at += 1
            else:
                return True
        return False

    def _note(self, path: KeyPath, offset: int) -> None:
        for depth in range(1, len(path) + 1):
            self.lines.setdefault(path[:depth], self._line(offset))

    def _line(self, offset: int) -> int:
        return bisect_right(self._breaks, offset - 1) + 1


def _plain(quoted_key: str) -> str:
    """A quoted key without its quotes and escapes."""
    return next(iter(tomllib.loads(f"{quoted_key} = 0")))
