"""Write a file whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from kickstand.errors import KickstandError, Problem


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes `path`'s place only when the block ends well; makes the folder if needed.

    It has the mode that the umask gives a new file. On any error, an interrupt or a full disk the former file stays
    as it was and nothing is left behind, folders included. Raises KickstandError where the system refuses to write.
    """
    name = None
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Made by open() and not by mkstemp(): so the system itself gives the mode, by the umask or the folder's rules.
        name = path.with_name(f".{path.name[:100]}.{secrets.token_hex(8)}")
        with name.open("xb") as stream:
            yield stream
            put_on_disk(stream)
        name.replace(path)
    except OSError as error:
        _discard(name, made)
        if error.errno is None:
            raise  # not the file system: some of botocore's connection errors are OSErrors too
        raise KickstandError(
            Problem(
                f"The file could not be written: {error.strerror or error}.",
                str(path),
                "The file is as it was. Make room or choose another place, then run it again.",
            )
        ) from error
    except BaseException:
        _discard(name, made)
        raise


def put_on_disk(stream: BinaryIO) -> None:
    """Have what was written on the disk by now: a disk without room says so here, before anything else is done."""
    stream.flush()
    os.fsync(stream.fileno())


def _discard(name: Path | None, folders: Sequence[Path]) -> None:
    """Remove a file that was begun, and folders made for it (the deepest first) that nobody uses by now."""
    if name is not None:
        with suppress(OSError):  # a folder that cannot be written to has nothing of it
            name.unlink(missing_ok=True)
    for folder in folders:
        try:
            folder.rmdir()
        except OSError:
            return
