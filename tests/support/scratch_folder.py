"""A folder in memory for databases that a test run throws away."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_MEMORY = Path("/dev/shm")
_FREE_MIN_BYTES = 3 * 1024**3
"""A container often has 64 MB there, and a test's server needs up to 1 GB."""


@contextmanager
def scratch_folder(prefix: str) -> Iterator[Path]:
    """Make a folder with a short path: PostgreSQL puts a socket into it. Remove it at the end."""
    fits_in_memory = _IN_MEMORY.is_dir() and shutil.disk_usage(_IN_MEMORY).free >= _FREE_MIN_BYTES
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=_IN_MEMORY if fits_in_memory else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
