"""A folder with a short path: the embedded database puts a socket into it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dasi_program import Running


@pytest.fixture
def short_path() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dasi-cli-"))
    yield folder
    shutil.rmtree(folder)


def up_url(program: Running) -> str:
    """The gateway's URL, once `dasi up` prints it."""
    return program.until("dasi is ready on ").split()[4]
