"""Hostile training data and rows: CSV and libsvm."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator

from hostile.archives import packed, sheet
from hostile.binary_data import PARQUET, PARQUET_RIGHT, RECORDIO, RECORDIO_RIGHT, good_parquet, recordio
from hostile.case import ROWS, Case, Stage, table
from hostile.damage import ESCAPES, HUGE, mutants

Content = bytes | str | Callable[[], bytes | str]

WIDE = 1_000_000
LONG = "1,2,3,4\n" * 50_000

CSV: dict[str, Content] = {
    "empty": "",
    "one newline": "\n",
    "blank lines": "\n" * 100_000,
    "zeros": bytes(1 << 20),
    "NUL in a cell": "1,2\0,3,4\n" * 5,
    "lone quote": '1,"2,3,4\n' + LONG,
    "quotes everywhere": '"1","2","3","4"\n' * 1_000,
    "quote never closed": '1,2,3,"' + "x" * 1_000_000,
    "carriage returns alone": "1,2,3,4\r" * 1_000,
    "mixed ends": "1,2,3,4\r\n5,6,7,8\r9,1,2,3\n" * 10,
    "UTF-16": ROWS.encode("utf-16"),
    "UTF-16 big-endian": ROWS.encode("utf-16-be"),
    "UTF-32": ROWS.encode("utf-32"),
    "byte order mark": b"\xef\xbb\xbf" + ROWS.encode(),
    "Latin-1": b"1,2,\xe4,4\n" * 10,
    "random bytes": bytes(range(256)) * 400,
    "header": "label,a,b,c\n" + ROWS,
    "header with escapes": "label,\x1b[2J,\u202e,\x9b31m\n" + ROWS,
    "header of a megabyte": "label," + "A" * 1_000_000 + ",b,c\n" + ROWS,
    "header of a million names": lambda: ",".join(f"n{n}" for n in range(WIDE)) + "\n" + ROWS,
    "semicolons": ROWS.replace(",", ";"),
    "tabs": ROWS.replace(",", "\t"),
    "decimal commas": ROWS.replace(",", ";").replace(".", ","),
    "blanks for commas": ROWS.replace(",", " "),
    "bars": ROWS.replace(",", "|"),
    "json lines": '{"label": 1, "a": 2}\n' * 1_000,
    "json": '[{"label": 1}]',
    "html": "<html>\n<body>\n<p>Not found</p>\n</body>\n</html>\n",
    "python": "import os\nprint(os.environ)\n",
    "readme": "# Data\n\nThese files, made by us, hold rows.\n",
    "a million commas": "," * WIDE,
    "a million columns": lambda: ",".join(["1"] * WIDE) + "\n",
    "ten rows of 300,000 columns": lambda: (",".join(["1"] * 300_000) + "\n") * 10,
    "ten rows of 300,000 words": lambda: (",".join(["x"] * 300_000) + "\n") * 10,
    "fifty megabytes of commas": lambda: b"," * 50_000_000,
    "fifty megabytes of rows of commas": lambda: (b"," * 999 + b"\n") * 50_000,
    "fifty megabytes without an end": lambda: b"1" * 50_000_000,
    "a widening triangle": lambda: "".join("1," * n + "1\n" for n in range(1, 2_000)),
    "every row another width": lambda: "".join("1," * (n % 40) + "1\n" for n in range(20_000)),
    "one short row at the end": LONG + "1,2\n",
    "200,000 words": "1,x,2,y\n" * 50_000,
    "200,000 different words": lambda: "".join(f"1,w{n},2,v{n}\n" for n in range(50_000)),
    "a word a column": "1,a,2,3\n4,5,b,6\nx,7,8,9\n1,2,3,c\n" * 1_000,
    "5,000 digits": f"1,{HUGE},2,3\n" * 4,
    "1e400": "1e400,1,2,3\n" * 4,
    "label NaN": "nan,1,2,3\n" * 4,
    "label infinite": "inf,1,2,3\n-inf,1,2,3\n" * 4,
    "features infinite": "1,inf,-inf,3\n" * 4,
    "label missing": ",1,2,3\n" * 1_000,
    "hexadecimal": "0x1,0x2,0x3,0x4\n" * 4,
    "underscores": "1_000,2,3,4\n" * 4,
    "other digits": "\u0661,\u0662,\u0663,\u0664\n" * 4,
    "thousands": '"1,000",2,3,4\n' * 4,
    "percent": "1%,2%,3%,4%\n" * 4,
    "money": "$1,$2,$3,$4\n" * 4,
    "dates": "2026-01-01,2,3,4\n" * 1_000,
    "true and false": "true,false,1,2\n" * 1_000,
    "formulas": "=1+1,@SUM(A1),2,3\n" * 4,
    "merge conflict": "<<<<<<< HEAD\n1,2,3,4\n=======\n5,6,7,8\n>>>>>>> b\n",
    "gzip": gzip.compress(ROWS.encode()),
    "gzip bomb": lambda: gzip.compress(bytes(50_000_000)),
    "zip": sheet(),
    "tar": packed(("train.csv", ROWS.encode())),
    "sqlite": b"SQLite format 3\0" + bytes(4096),
    "pdf": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n",
    "png": b"\x89PNG\r\n\x1a\n" + bytes(1000),
    "parquet by another name": b"PAR1" + bytes(100) + b"PAR1",
    "pickle": b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR.",
    "git lfs pointer": "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
    **{f"cell with {name}": f"1,{text},2,3\n" * 10 for name, text in ESCAPES.items()},
    **{f"header with {name}": f"label,{text},b,c\n{ROWS}" for name, text in ESCAPES.items()},
}
CSV_RIGHT = (
    "byte order mark",
    "semicolons",
    "bars",
    "tabs",
    "mixed ends",
    "features infinite",
    "hexadecimal",
    "1e400",
    "5,000 digits",
    "a million commas",
    "a million columns",
    "ten rows of 300,000 columns",
    "carriage returns alone",
    "blanks for commas",
    "underscores",
)

LIBSVM: dict[str, Content] = {
    "empty": "",
    "words": "hello world\n" * 1_000,
    "index negative": "1 -1:2\n" * 4,
    "index of 5,000 digits": f"1 {HUGE}:2\n" * 4,
    "index at 4 billion": "1 4294967296:2\n" * 4,
    "index at 2 billion": "1 2000000000:2\n" * 4,
    "index twice": "1 1:2 1:3\n" * 4,
    "index falling": "1 3:2 1:3\n" * 4,
    "value a word": "1 1:x 2:y\n" * 1_000,
    "value NaN": "1 1:nan 2:inf\n" * 4,
    "label a word": "x 1:2 3:4\n" * 1_000,
    "label of 5,000 digits": f"{HUGE} 1:2\n" * 4,
    "weight negative": "1:-5 1:2 3:4\n" * 4,
    "qid": "1 qid:1 1:2\n2 qid:0 1:3\n" * 4,
    "qid huge": f"1 qid:{HUGE} 1:2\n" * 4,
    "colons": ":::::\n" * 1_000,
    "no label": "1:2 3:4\n" * 4,
    "a million pairs": lambda: "1 " + " ".join(f"{n}:1" for n in range(WIDE)) + "\n",
    "a line of 20 megabytes": lambda: "1 " + "1" * 20_000_000,
    "zeros": bytes(100_000),
    "UTF-16": "1 1:2\n".encode("utf-16") * 4,
    "CSV in truth": ROWS,
    "comments": "# a\n" * 1_000,
    "gzip": gzip.compress(b"1 1:2\n" * 10),
    **{f"value with {name}": f"1 1:{text} 2:3\n" * 10 for name, text in ESCAPES.items()},
}
LIBSVM_RIGHT = (
    "index at 2 billion",
    "index twice",
    "index falling",
    "value NaN",
    "weight negative",
    "no label",  # `1:2` is a label with a weight
    "CSV in truth",
    "qid",
    "comments",
    "a million pairs",
    "value with tab",
)


def _train(content_type: str) -> Callable[[Stage, bytes | str], None]:
    def put(stage: Stage, content: bytes | str) -> None:
        stage.project(
            lambda text: (
                text.replace("[data]", f'[data]\ncontent_type = "{content_type}"')
                .replace('test = "test.csv"\n', "")
                .replace("golden_rows = 2\n", "")
            )
        )
        stage.put("train.csv", content)

    return put


def cases(seed: int, count: int) -> Iterator[Case]:
    for kind, content_type, inputs, good, right in (
        ("csv", "text/csv", CSV, ROWS.encode(), CSV_RIGHT),
        ("libsvm", "text/libsvm", LIBSVM, b"1 1:2 2:3\n0 1:4 3:1\n" * 5, LIBSVM_RIGHT),
        ("parquet", "application/x-parquet", PARQUET, good_parquet(), PARQUET_RIGHT),
        ("recordio", "application/x-recordio-protobuf", RECORDIO, recordio(), RECORDIO_RIGHT),
    ):
        every = {**inputs, **mutants(good, count, seed)}
        for case in table(kind, ("upload", "dev"), every, _train(content_type)):
            accepted = case.name in right or case.name.startswith("mutant")
            yield Case("data", f"{kind}: {case.name}", case.words, case.put, accepted)
