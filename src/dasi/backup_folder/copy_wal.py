"""Copies WAL segments of the embedded PostgreSQL into the archive, and back for a restore.

PostgreSQL runs it as a program, once for each segment of 16 MB or each time-out. It imports
nothing of dasi, so it starts within some 30 ms.

    copy_wal.py archive FOLDER SEGMENT          in the folder of the cluster, as `archive_command`
    copy_wal.py fetch TARGET SEGMENT FOLDER...  as `restore_command`

`archive` writes FOLDER/wal/SYSTEM/SEGMENT.gz, where SYSTEM is the number of the cluster. The file
is written under another name, forced to the disk, then renamed. One that is there already is never
replaced.
"""

import gzip
import os
import shutil
import sys
from pathlib import Path

CONFLICT, NOT_FOUND, BROKEN = 1, 1, 200
"""Above 125 PostgreSQL ends the recovery. Otherwise it takes the end of the archive for reached."""


def system_identifier(cluster: Path) -> str:
    """PostgreSQL's number of a cluster: the first eight bytes of its control file."""
    with (cluster / "global/pg_control").open("rb") as control:
        return str(int.from_bytes(control.read(8), sys.byteorder))


def archive(folder: Path, source: Path, name: str) -> int:
    """Store a segment and return the exit code. The folder above `folder` must be there."""
    target = folder / f"{name}.gz"
    if target.exists():
        with gzip.open(target) as stored:
            return 0 if stored.read() == source.read_bytes() else CONFLICT
    os.umask(0o077)
    folder.parent.mkdir(exist_ok=True)  # and no more: an archive that is not mounted must fail
    folder.mkdir(exist_ok=True)
    new = folder / f".{name}.{os.getpid()}.new"
    try:
        with new.open("wb") as file, source.open("rb") as segment:
            with gzip.GzipFile("", "wb", 1, file, mtime=0) as compressed:
                shutil.copyfileobj(segment, compressed, 1024 * 1024)
            file.flush()
            os.fsync(file.fileno())
        new.rename(target)
    finally:
        new.unlink(missing_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return 0


def fetch(target: Path, name: str, folders: list[Path]) -> int:
    """Write a segment from the first folder that has it, compressed or not; return the exit code.

    A folder may be the `pg_wal` of a cluster that no longer runs.
    """
    for folder in folders:
        compressed, plain = folder / f"{name}.gz", folder / name
        if not (compressed.exists() or plain.exists()):
            continue
        try:
            with (
                gzip.open(compressed) if compressed.exists() else plain.open("rb") as source,
                target.open("wb") as file,
            ):
                shutil.copyfileobj(source, file, 1024 * 1024)
        except (OSError, EOFError) as broken:
            sys.stderr.write(f"{folder / name} cannot be read: {broken}\n")
            return BROKEN
        return 0
    return NOT_FOUND


def main(verb: str, place: Path, name: str, folders: list[Path]) -> int:
    """Run one of the two and return its exit code."""
    if verb == "archive":
        folder = place / "wal" / system_identifier(Path())
        return archive(folder, Path("pg_wal") / name, name)
    return fetch(place, name, folders)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], [*map(Path, sys.argv[4:])]))
