"""A folder with a short path: the embedded database puts a socket into it."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def short_path() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="dasi-cli-"))
    yield folder
    shutil.rmtree(folder)
