"""Why a cell of CSV text is no number to SageMaker's XGBoost, and how to write it as one.

What stands in a cell says who wrote it: a spreadsheet with decimal commas, `csv.QUOTE_ALL`, pandas' booleans. The cause
has one message for the file, however many cells have it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

_SHOWN_CHARACTERS = 40
_PLAIN = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
NUMBER = re.compile(_PLAIN, re.ASCII)


@dataclass(frozen=True, slots=True)
class Cause:
    """One reason for which cells are no numbers.

    what: stands behind a value, `column 2 holds '1,5', a number with a decimal comma`. fix: what to do.
    """

    what: str
    fix: str
    listed: bool = False
    """Whether the column's different values say what it is (categories)."""


QUOTED = Cause(
    "a number in quotes, which SageMaker's XGBoost does not read",
    "Write the file without quotes: to_csv(header=False, index=False, quoting=csv.QUOTE_NONE).",
)
QUOTED_TEXT = Cause(
    "text in quotes; every cell must be a number, and SageMaker's XGBoost reads no quotes",
    "Leave columns of names and ids out, turn categories into numbers, and write without quotes: "
    "to_csv(header=False, index=False, quoting=csv.QUOTE_NONE).",
)
DECIMAL_COMMA = Cause(
    "a number with a decimal comma; every cell must be a number with a decimal point",
    'Read it with pandas.read_csv(…, sep=";", decimal=",") and write it with to_csv(header=False, index=False).',
)
THOUSANDS = Cause(
    "a number with thousands separators; every cell must be a plain number",
    'Read it with pandas.read_csv(…, thousands=",") and write it with to_csv(header=False, index=False).',
)
GROUPED = Cause("a number whose digits are grouped by _, as in source code", "Write the digits alone.")
MISSING = Cause(
    "a mark for a missing value; every cell must be a number",
    "Leave a missing value empty: to_csv(na_rep=''); pandas.read_csv(…, na_values=[…]) reads such marks.",
)
BOOLEAN = Cause(
    "a boolean; every cell must be a number", "Write 1 and 0: frame[column].astype(int), or .map({'yes': 1, 'no': 0})."
)
DATE = Cause(
    "a date or a time; every cell must be a number",
    "Turn it into numbers, such as year, month, weekday and hour, or seconds (pandas.to_datetime).",
)
PERCENT = Cause("a percentage; every cell must be a number", "Write the number alone, without %.")
CURRENCY = Cause("an amount with its currency; every cell must be a number", "Write the amount alone.")
UNIT = Cause("a number with text behind it; every cell must be a number", "Write the number alone, without its unit.")
HEXADECIMAL = Cause("a hexadecimal number; every cell must be a decimal one", "Write it in decimal digits.")
EXPONENT = Cause("a number whose exponent is incomplete", "Write all of its digits.")
COMMENT = Cause("a comment; every cell must be a number", "Remove comments.")
OTHER_SIGNS = Cause(
    "a number in signs that are not ASCII; every cell must be a number in ASCII",
    "Write ASCII digits, the hyphen-minus -, and no special blanks.",
)
INFINITE = Cause("an infinite number; numbers must be finite", "Leave a missing value empty.")
TOO_LARGE = Cause("a number beyond float32; numbers must be finite", "xgboost keeps float32: scale the column.")
NO_LABEL = Cause("no finite number, as each label and weight must be", "Remove the row, or fill it in.")
BLANKS = Cause("blanks only", "Leave a missing value empty.")
WORD = Cause(
    "; every cell must be a number",
    "Turn categories into numbers (pandas.get_dummies, or .astype('category').cat.codes); leave names and ids out.",
    listed=True,
)
TEXT = frozenset({WORD, QUOTED_TEXT})
"""What a header row has."""

_MARKS = frozenset(
    {"na", "n/a", "#n/a", "<na>", "null", "(null)", "none", "nil", "nat", "?", "-", "--", "---", ".", "\\n", "*"}
)
_BOOLEANS = frozenset({"true", "false", "yes", "no"})
_INFINITY = re.compile(r"[+-]?(?:inf|infinity)", re.IGNORECASE)
_NAN = re.compile(r"[+-]?nan", re.IGNORECASE)
_ONE_COMMA = re.compile(r"[+-]?\d*,\d+(?:[eE][+-]?\d+)?|[+-]?\d+,", re.ASCII)
_ONE_THOUSAND = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)
_POINTS_AND_COMMA = re.compile(r"[+-]?\d{1,3}(?:[. '\u2019\u00a0\u202f]\d{3})+,\d+", re.ASCII)
_THOUSANDS = re.compile(
    r"[+-]?\d{1,3}(?:(?:,\d{3})+|(?:[ '\u2019\u00a0\u202f]\d{3})+)(?:\.\d*)?|[+-]?\d{1,3}(?:\.\d{3}){2,}",
    re.ASCII,
)
_GROUPED = re.compile(r"[+-]?\d+(?:_\d+)+(?:\.\d+)?", re.ASCII)
_HEXADECIMAL = re.compile(r"[+-]?0[xX][0-9a-fA-F]+(?:\.[0-9a-fA-F]*)?(?:[pP][+-]?\d+)?", re.ASCII)
_EXPONENT = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)[eE][+-]?", re.ASCII)
_CURRENCY = re.compile(
    r"(?:[$€£¥₹]|USD|EUR|GBP|CHF|JPY) ?[+-]?[\d.,' ]*\d[\d.,]*|[+-]?[$€£¥₹] ?[\d.,' ]*\d[\d.,]*"
    r"|[+-]?\d[\d.,' ]* ?(?:[$€£¥₹]|USD|EUR|GBP|CHF|JPY)",
    re.ASCII,
)
_PERCENT = re.compile(r"[+-]?[\d.,]*\d[\d.,]* ?%", re.ASCII)
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?(?: ?[AaPp][Mm])?(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"
_DATE = re.compile(
    rf"(?:\d{{4}}[-/.]\d{{1,2}}(?:[-/.]\d{{1,2}})?|\d{{1,2}}[-/.]\d{{1,2}}[-/.]\d{{2,4}}"
    rf"|\d{{1,2}}[- ][A-Za-z]{{3}}[- ]\d{{2,4}})(?:[T ]{_TIME})?|{_TIME}",
    re.ASCII,
)
_COMMENT = re.compile(rf"#.*|(?:{_PLAIN})\s*#.*", re.ASCII | re.DOTALL)
_UNIT = re.compile(rf"(?:{_PLAIN})\s?[^\W\d_].{{0,11}}|(?:{_PLAIN})\s?[°µ].{{0,11}}", re.ASCII)
_LONGEST_NUMBER = 80
"""Characters from which on a cell is not compared with forms of numbers."""


def cause_of(cell: bytes, delimiter: str = ",") -> Cause:
    """Why a cell that is neither empty nor a finite number is none. NaN, which a feature may be, is no label.

    delimiter: of the file. Between commas `"1,234"` has a thousands separator, between semicolons a decimal comma.
    """
    text = cell[: 4 * _LONGEST_NUMBER].decode("utf-8", errors="replace").strip(" \t")
    if text.startswith(("'", '"')):
        inner = text.strip(" \t" + text[0])
        if inner == "" or NUMBER.fullmatch(inner):
            return QUOTED
        found = cause_of(inner.encode(), delimiter)
        return QUOTED_TEXT if found is WORD else found
    if not text:
        return BLANKS
    if text.lower() in _MARKS:
        return MISSING
    if text.lower() in _BOOLEANS:
        return BOOLEAN
    if len(text) > _LONGEST_NUMBER:
        return WORD
    if delimiter == "," and _ONE_THOUSAND.fullmatch(text):
        return THOUSANDS
    for form, cause in _FORMS:
        if form.fullmatch(text):
            return cause
    return OTHER_SIGNS if _is_number_elsewhere(text) else WORD


def is_numeric(cell: bytes) -> bool:
    """Whether a cell is a number in some form or another, so that a word above it is its name."""
    text = cell[:_LONGEST_NUMBER].decode("utf-8", errors="replace").strip(" \t\r\"'")
    return text != "" and (NUMBER.fullmatch(text) is not None or cause_of(text.encode()) not in TEXT)


def shown(cell: bytes) -> str:
    """A cell for a message: quoted, short, printable."""
    text = cell[: 4 * _SHOWN_CHARACTERS + 4].decode("utf-8", errors="backslashreplace")
    return repr(text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}…")


def _is_number_elsewhere(text: str) -> bool:
    """A number once its digits, signs and blanks are those of ASCII."""
    if text.isascii():
        return False
    plain = unicodedata.normalize("NFKC", text).replace("\u2212", "-").replace("\u2013", "-")
    digits = "".join(str(unicodedata.decimal(letter, letter)) for letter in plain if letter.isprintable())
    return NUMBER.fullmatch(digits.replace("\u066b", ".").strip(" \ufeff")) is not None


_FORMS = (
    (NUMBER, TOO_LARGE),
    (_NAN, NO_LABEL),
    (_INFINITY, INFINITE),
    (_POINTS_AND_COMMA, DECIMAL_COMMA),
    (_ONE_COMMA, DECIMAL_COMMA),
    (_THOUSANDS, THOUSANDS),
    (_GROUPED, GROUPED),
    (_HEXADECIMAL, HEXADECIMAL),
    (_EXPONENT, EXPONENT),
    (_DATE, DATE),
    (_PERCENT, PERCENT),
    (_CURRENCY, CURRENCY),
    (_COMMENT, COMMENT),
    (_UNIT, UNIT),
)
