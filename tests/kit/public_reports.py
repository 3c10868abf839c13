"""The inputs of public bug reports: 240, 80 and 80 rows of a label and four features, and what a report did to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

Table = npt.NDArray[np.float64]
NAMES = ("y", "a", "b", "c", "d")
SIZES = {"train": 240, "validation": 80, "test": 80}


def table(channel: str, label: str = "number") -> Table:
    """The rows of a channel; label: `number`, `class` (0 and 1), `degree` (0 to 2)."""
    rows = SIZES[channel]
    draw = np.random.default_rng(list(SIZES).index(channel))
    features = np.column_stack(
        [
            draw.uniform(0, 10, rows).round(3),
            draw.integers(0, 6, rows),
            draw.normal(size=rows).round(4),
            draw.uniform(100, 200, rows).round(1),
        ]
    )
    value = (features[:, 0] - features[:, 1] + draw.normal(0, 0.3, rows)).round(4)
    labels = {"number": value, "class": value > 2.5, "degree": np.digitize(value, [0, 4])}
    return np.column_stack([labels[label], features])


def cells(rows: Table) -> list[list[str]]:
    return [[f"{cell:.10g}" for cell in row] for row in rows.tolist()]


def lines(rows: list[list[str]], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


@dataclass
class Project:
    """A folder with data in CSV, and what its project file says."""

    folder: Path
    label: str = "number"

    def __post_init__(self) -> None:
        (self.folder / "data").mkdir()
        for channel in SIZES:
            self.write(f"{channel}.csv", lines(cells(table(channel, self.label))))

    def write(self, name: str, content: str | bytes) -> None:
        file = self.folder / "data" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content if isinstance(content, bytes) else content.encode())

    def parquet(self, name: str, columns: dict[str, Any]) -> None:
        sink = pa.BufferOutputStream()
        pyarrow.parquet.write_table(pa.table(columns), sink)
        self.write(name, sink.getvalue().to_pybytes())


def by_name(channel: str) -> dict[str, Any]:
    return dict(zip(NAMES, table(channel).T.copy(), strict=True))


def quoted(project: Project) -> None:
    project.write("train.csv", lines([[f'"{cell}"' for cell in row] for row in cells(table("train"))]))


def decimal_commas(project: Project) -> None:
    for channel in SIZES:
        rows = [[cell.replace(".", ",") for cell in row] for row in cells(table(channel))]
        project.write(f"{channel}.csv", lines(rows, ";"))


def counts_first(project: Project) -> None:
    for channel, rows in SIZES.items():
        label_last = [[*row[1:], row[0]] for row in cells(table(channel, "degree"))]
        project.write(f"{channel}.csv", f"{rows},4,low,middle,high\n{lines(label_last)}")


def nan(project: Project) -> None:
    rows = cells(table("train"))
    for row in rows[:70]:
        row[2] = "NaN"
    project.write("train.csv", lines(rows))


def index_as_label(project: Project) -> None:
    for channel in SIZES:
        numbered = [[str(number), *row] for number, row in enumerate(cells(table(channel)))]
        project.write(f"{channel}.csv", lines(numbered))


def huge_labels(project: Project) -> None:
    first = 16777217
    for channel, rows in SIZES.items():
        found = cells(table(channel))
        project.write(f"{channel}.csv", lines([[str(first + place), *row[1:]] for place, row in enumerate(found)]))
        first += rows


def same_features_twice(project: Project) -> None:
    for channel in SIZES:
        rows = [
            " ".join([row[0], *(f"{place}:{cell}" for place, cell in enumerate(row[1:])), "3:7"])
            for row in cells(table(channel, "class"))
        ]
        project.write(f"{channel}.libsvm", "\n".join(rows) + "\n")


def other_order(project: Project) -> None:
    train = {name: values[:120] for name, values in by_name("train").items()}
    project.parquet("train/p0.parquet", train)
    rest = {name: values[120:] for name, values in by_name("train").items()}
    project.parquet("train/p1.parquet", {name: rest[name] for name in ("y", "d", "c", "b", "a")})
    for channel in ("validation", "test"):
        project.parquet(f"{channel}/p.parquet", by_name(channel))


def label_last(project: Project) -> None:
    for channel in SIZES:
        columns = by_name(channel)
        project.parquet(f"{channel}/p.parquet", {name: columns[name] for name in ("a", "b", "c", "d", "y")})


def unsigned(project: Project) -> None:
    for channel, rows in SIZES.items():
        big = pa.array([2**63 + place % 7 for place in range(rows)], pa.uint64())
        project.parquet(f"{channel}/p.parquet", {**by_name(channel), "b": big})


def parts_with(name: str, content: str = "1.5,2,3,-0.5,120\n") -> Callable[[Project], None]:
    """Train as three parts and one more file."""

    def write(project: Project) -> None:
        rows = cells(table("train"))
        for part in range(3):
            project.write(f"train/part-0000{part}.csv", lines(rows[part * 80 : part * 80 + 80]))
        project.write(f"train/{name}", content)

    return write


def one_class(channel: str, value: int) -> Callable[[Project], None]:
    def write(project: Project) -> None:
        rows = [[str(value), *row[1:]] for row in cells(table(channel, "class"))]
        project.write(f"{channel}.csv", lines(rows))

    return write


def as_they_are(project: Project) -> None:
    """The rows as they are."""
