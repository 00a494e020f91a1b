"""A folder with a short path: the embedded database puts a socket into it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.dasi_program import Running
from support.scratch_folder import scratch_folder


@pytest.fixture
def short_path() -> Iterator[Path]:
    with scratch_folder("dasi-cli-") as folder:
        yield folder


def up_url(program: Running) -> str:
    """The gateway's URL, once `dasi up` prints it."""
    return program.until("dasi is ready on ").split()[4]
