"""Pack a folder as SageMaker packs model.tar.gz and output.tar.gz.

The same content gives the same bytes: no times, owners or modes of this machine are in them. So the digest of an
artifact depends on the model alone.
"""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path


def has_files(folder: Path) -> bool:
    """Whether there is any file in `folder` or below; False for a folder that does not exist."""
    return any(path.is_file() for path in folder.rglob("*"))


def pack(folder: Path, archive: Path) -> None:
    """Write everything in `folder` to the gzipped tar `archive`, paths relative to the folder, sorted.

    Links are left out: what they point to is not the job's to give away.
    """
    with (
        archive.open("wb") as out,
        gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=6, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_symlink() or not path.is_file():
                continue
            member = tarfile.TarInfo(path.relative_to(folder).as_posix())
            member.size = path.stat().st_size
            member.mode = 0o644
            with path.open("rb") as content:
                tar.addfile(member, content)
