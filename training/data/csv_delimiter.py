"""The delimiter of CSV text, as the container finds it: Python's own `csv.Sniffer`, on the first line.

Source: `data_utils._get_csv_delimiter` for training, `encoder.csv_to_dmatrix` for requests.
"""

from __future__ import annotations

import csv

_PREFERRED = ",\t; :"
"""What the sniffer takes before all others, in its order, where a line has it (`csv.Sniffer.preferred`)."""
_OF_NUMBERS = frozenset(".+-'\"")
_SAMPLE = 512
"""Characters of a request's first line that the container looks at."""
_QUOTED_SAMPLE = 8192
"""Characters of a line with quotes that the sniffer is given: its time grows with their square."""


def sniffed(line: str) -> str:
    """What the sniffer finds in a line: of one without a preferred delimiter or quotes its most frequent character.

    Raises csv.Error where it finds nothing, as in a blank line.
    """
    if '"' not in line and "'" not in line:  # the sniffer itself takes a hundred times as long
        for delimiter in _PREFERRED:
            if delimiter in line:
                return delimiter
    return csv.Sniffer().sniff(line[:_QUOTED_SAMPLE]).delimiter


def delimiter_of(line: bytes) -> str:
    """The delimiter of a line of rows that were checked, or are to be; a comma where only numbers could be split."""
    try:
        found = sniffed(line.strip(b"\r\n").decode("utf-8", errors="ignore"))
    except csv.Error:
        return ","
    return "," if is_of_a_number(found) or not found.isascii() else found


def split_number(line: bytes) -> str:
    """What the sniffer takes for the delimiter of a line of cells, where it may stand inside a number; else empty."""
    try:
        found = sniffed(line.decode("utf-8", errors="ignore"))
    except csv.Error:
        return ""
    return found if is_of_a_number(found) and not found.isalpha() else ""


def request_delimiter(line: str) -> str:
    """The delimiter of a request by its first line. Raises csv.Error where the sniffer finds nothing."""
    found = sniffed(line[:_SAMPLE])
    return "," if found.isalnum() else found


def is_of_a_number(delimiter: str) -> bool:
    """Whether what the sniffer found may stand inside a cell: the line has one cell, or a delimiter it passes over.

    Training on AWS splits the rows there all the same.
    """
    return delimiter.isalnum() or delimiter in _OF_NUMBERS
