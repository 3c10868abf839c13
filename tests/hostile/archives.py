"""Hostile model archives: adopted as a job's `model.tar.gz`."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from hostile.case import JOB, Case, Stage, table
from hostile.damage import ESCAPES, mutants
from hostile.models import MODEL

ADOPT = ("adopt", JOB, "dev")
NAME = "xgboost-model"


def tar(*members: tuple[str, bytes], format: int = tarfile.PAX_FORMAT, **fields: Any) -> bytes:
    """A tar, unpacked. fields: of the last member's header."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=format, encoding="utf-8", errors="surrogatepass") as made:
        for place, (name, body) in enumerate(members):
            member = tarfile.TarInfo(name)
            member.size = len(body)
            if place == len(members) - 1:
                for field, value in fields.items():
                    setattr(member, field, value)
            made.addfile(member, io.BytesIO(body) if member.isreg() else None)
    return packed.getvalue()


def packed(*members: tuple[str, bytes], **fields: Any) -> bytes:
    return gzip.compress(tar(*members, **fields), 1, mtime=0)


def beside(name: str, **fields: Any) -> bytes:
    """A good model, and one more member."""
    return packed((NAME, MODEL), (name, b"" if "type" in fields else b"x"), **fields)


def repeated(piece: bytes, times: int, *, before: bytes = b"", level: int = 9) -> bytes:
    """gzip of many equal pieces, made without holding them."""
    squeeze = zlib.compressobj(level, zlib.DEFLATED, 31)
    parts = [squeeze.compress(before)]
    block, rest = divmod(times, 1024)
    parts += [squeeze.compress(piece * 1024) for _ in range(block)]
    parts += [squeeze.compress(piece * rest), squeeze.flush()]
    return b"".join(parts)


def header(name: str, size: int) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = size
    return member.tobuf(tarfile.USTAR_FORMAT)


def bomb() -> bytes:
    """Four gigabytes of zeros behind a header that says so: 1,000 to 1."""
    return repeated(bytes(1 << 20), 4 << 10, before=header(NAME, 4 << 30), level=1)


def nested() -> bytes:
    made = tar((NAME, MODEL))
    for _ in range(20):
        made = packed((NAME, made))
    return made


def bad_checksum() -> bytes:
    made = bytearray(tar((NAME, MODEL)))
    made[148:156] = b"0000000\0"
    return gzip.compress(bytes(made))


def patched_size(value: bytes) -> Callable[[], bytes]:
    """The header's size field as given, its checksum right."""

    def make() -> bytes:
        block = bytearray(header(NAME, len(MODEL)))
        block[124:136] = value.ljust(12, b"\0")[:12]
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        return gzip.compress(bytes(block) + MODEL + bytes(2048))

    return make


def sheet() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as book:
        book.writestr("[Content_Types].xml", "<Types/>")
        book.writestr("xl/workbook.xml", "<workbook/>")
    return made.getvalue()


GOOD = packed((NAME, MODEL))

INPUTS: dict[str, bytes | Callable[[], bytes]] = {
    "empty": b"",
    "one byte": b"\x1f",
    "gzip of nothing": gzip.compress(b""),
    "zeros": bytes(1 << 20),
    "gzip of zeros": gzip.compress(bytes(1 << 20)),
    "not packed": tar((NAME, MODEL)),
    "no archive": b"hello",
    "html": b"<html><body>Access denied</body></html>",
    "zip": sheet(),
    "the model itself": MODEL,
    "packed twice": gzip.compress(GOOD),
    "nested twenty deep": nested,
    "bomb of one member": bomb,
    "bomb of zeros": lambda: repeated(bytes(1 << 20), 4 << 10, level=1),
    "bomb behind the end": lambda: repeated(bytes(1 << 20), 2 << 10, before=tar((NAME, MODEL)), level=1),
    "a million members": lambda: repeated(header("a", 0), 1_000_000),
    "a million folders": lambda: repeated(header("d/", 0), 1_000_000),
    "a million links": lambda: repeated(_link_header(), 1_000_000),
    "a hundred bad members": lambda: packed(*((f"../{n}", b"") for n in range(100))),
    "nine thousand bad members": lambda: packed(*((f"../{n}", b"") for n in range(9_000))),
    "nine thousand empty files": lambda: packed((NAME, MODEL), *((f"f{n}", b"") for n in range(9_000))),
    "no member": packed(),
    "a folder alone": packed(("d", b""), type=tarfile.DIRTYPE),
    "empty model": packed((NAME, b"")),
    "model of zeros": packed((NAME, bytes(4096))),
    "sparse member": beside("s", type=tarfile.GNUTYPE_SPARSE),
    "symlink out": beside("l", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "symlink for the model": packed((NAME, b""), type=tarfile.SYMTYPE, linkname="/etc/passwd"),
    "symlink with an escape": beside("l", type=tarfile.SYMTYPE, linkname="\x1b[2Jx"),
    "hard link": beside("l", type=tarfile.LNKTYPE, linkname=NAME),
    "hard link out": beside("l", type=tarfile.LNKTYPE, linkname="../../etc/shadow"),
    "link, then a file through it": lambda: gzip.compress(
        tar(("d", b""), type=tarfile.SYMTYPE, linkname="/tmp")[:512] + tar((f"d/{NAME}", MODEL))
    ),
    "character device": beside("c", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
    "block device": beside("b", type=tarfile.BLKTYPE, devmajor=8, devminor=0),
    "pipe": beside("p", type=tarfile.FIFOTYPE),
    "model is a pipe": packed((NAME, b""), type=tarfile.FIFOTYPE),
    "unknown type": beside("u", type=b"Q"),
    "climbs out": beside("../../../etc/cron.d/x"),
    "climbs out inside": beside("a/../../x"),
    "absolute": beside("/etc/cron.d/x"),
    "windows path": beside("..\\..\\x"),
    "drive": beside("C:\\x"),
    "the model in a folder": packed((f"d/{NAME}", MODEL)),
    "the model in ./d": packed((f"./d/{NAME}", MODEL)),
    "the model twice": packed((NAME, MODEL), (NAME, MODEL)),
    "file and folder of one name": packed((NAME, MODEL), (f"{NAME}/x", b"")),
    "two models": packed((NAME, MODEL), (f"{NAME}-1", MODEL)),
    "models of folds": packed((f"{NAME}-0", MODEL), (f"{NAME}-1", MODEL)),
    "upper case": packed(("XGBoost-Model", MODEL)),
    "a pickle": packed((NAME, b"\x80\x04cos\nsystem\n(S'touch /tmp/owned'\ntR.")),
    "code beside": packed((NAME, MODEL), ("code/inference.py", b"import os")),
    "a long name": beside("n" * 100_000),
    "1,500 folders deep": lambda: beside("d/" * 1_500 + "x"),
    "20,000 folders deep": lambda: beside("d/" * 20_000 + "x"),
    "folders 1,500 deep": lambda: packed((NAME, MODEL), ("d/" * 1_500, b""), type=tarfile.DIRTYPE),
    "empty name": beside(""),
    "name of dots": beside("."),
    "not UTF-8": lambda: gzip.compress(tar((NAME, MODEL))[:-1024] + _raw_name(b"\xff\xfe\x80") + bytes(1024)),
    "surrogate": lambda: beside("\udc80\udcff"),
    "pax size of another": lambda: packed((NAME, MODEL), pax_headers={"size": "99999999999"}),
    "pax size no number": lambda: packed((NAME, MODEL), pax_headers={"size": "x" * 100}),
    "pax size of 5,000 digits": lambda: packed((NAME, MODEL), pax_headers={"size": "9" * 5_000}),
    "pax header of ten megabytes": lambda: packed((NAME, MODEL), pax_headers={"comment": "c" * 10_000_000}),
    "pax header of 300 megabytes": lambda: gzip.compress(_pax_block(300 << 20), 1),
    "checksum wrong": bad_checksum,
    "size negative": patched_size(b"\xff" * 12),
    "size in base 256": patched_size(b"\x80" + b"\x7f" * 11),
    "size no number": patched_size(b"zzzz"),
    "cut in the header": GOOD[:5],
    "cut in the middle": GOOD[: len(GOOD) // 2],
    "cut before the checksum": GOOD[:-8],
    "gzip checksum wrong": GOOD[:-8] + bytes(4) + GOOD[-4:],
    "garbage behind": GOOD + b"garbage" * 1000,
    "another archive behind": GOOD + packed(("evil", b"x")),
    "zeros behind": GOOD + bytes(100_000),
    "gzip name with an escape": b"\x1f\x8b\x08\x08\0\0\0\0\0\xff\x1b[2Jx\0" + GOOD[10:],
    "gzip of a reserved method": GOOD[:2] + b"\x07" + GOOD[3:],
    **{f"member named {what}": partial(beside, text) for what, text in ESCAPES.items()},
    **{f"only member named {what}": partial(packed, (text, MODEL)) for what, text in ESCAPES.items()},
}
RIGHT = ("zeros behind", "gzip name with an escape", "not UTF-8", "another archive behind")
"""Odd, and whole archives nevertheless: what is behind the end of a tar, nobody reads."""


def _link_header() -> bytes:
    member = tarfile.TarInfo("l")
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member.tobuf(tarfile.USTAR_FORMAT)


def _raw_name(name: bytes) -> bytes:
    block = bytearray(header("x", 0))
    block[: len(name)] = name
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _pax_block(size: int) -> bytes:
    member = tarfile.TarInfo("././@PaxHeader")
    member.type, member.size = tarfile.XHDTYPE, size
    return member.tobuf(tarfile.USTAR_FORMAT) + b"c" * size


def cases(seed: int, count: int) -> Iterator[Case]:
    for case in table("archive", ADOPT, {**INPUTS, **mutants(GOOD, count, seed)}, Stage.artifact):
        accepted = case.name in RIGHT or case.name.startswith("mutant")
        yield Case(case.kind, case.name, case.words, case.put, accepted)
    for name in ("bomb of zeros", "a hundred bad members", "member named escape", "1,500 folders deep", "empty"):
        content = INPUTS[name] if name in INPUTS else INPUTS[f"{name}"]
        yield from table("archive", ("gate", "dev", "--only", "artifact-scan"), {f"gate: {name}": content}, _promised)


def _promised(stage: Stage, body: bytes) -> None:
    """The release names these very bytes."""
    import hashlib

    digest = hashlib.sha256(body).hexdigest()
    uri = f"s3://{stage.release_fields()['bucket']}/models/{digest}/model.tar.gz"
    stage.account.put(uri, body)
    stage.seal(artifact={**stage.release_fields()["artifact"], "sha256": digest, "size": len(body), "s3_uri": uri})
