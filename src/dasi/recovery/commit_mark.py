"""The newest known commits in a small file outside the database.

A process that is restarted together with a restore has an empty memory. The file tells it which
rows were committed on this host. All processes of a host share the file:

    folder/newest-commits.json    replaced as a whole (rename), after it was written through (fsync)
    folder/newest-commits.lock    held while one process reads, merges and replaces the file
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec
import structlog

from dasi.foundation.errors import OperatorError

log = structlog.get_logger()

REMEMBERED_MAX = 64
"""More than the requests that one process commits at the same moment."""
_FILE, _LOCK = "newest-commits.json", "newest-commits.lock"


class CommittedAttempt(msgspec.Struct, frozen=True, order=True, array_like=True):
    """An attempt whose commit was confirmed, and when."""

    committed_at: datetime
    merchant_id: int
    attempt_id: str

    @property
    def key(self) -> tuple[int, str]:
        return self.merchant_id, self.attempt_id


class KnownSeal(msgspec.Struct, frozen=True, order=True, array_like=True):
    """A committed seal of the ledger: it covers the events of all processes."""

    seal_number: int
    mac: bytes


class KnownCommits(msgspec.Struct, frozen=True, kw_only=True):
    """The rows that a database with all commits must hold."""

    installation_id: str | None = None
    seal: KnownSeal | None = None
    attempts: tuple[CommittedAttempt, ...] = ()

    def merged(self, other: "KnownCommits") -> "KnownCommits":
        """Return the newest of both; `other` decides whose installation they are of."""
        if self.installation_id not in (None, other.installation_id):
            return other
        attempts = sorted({*self.attempts, *other.attempts})[-REMEMBERED_MAX:]
        seals = [seal for seal in (self.seal, other.seal) if seal is not None]
        return KnownCommits(
            installation_id=other.installation_id,
            seal=max(seals, default=None),
            attempts=tuple(attempts),
        )

    def without(self, missing: "KnownCommits") -> "KnownCommits":
        """Return what is left after what is known to be missing."""
        return KnownCommits(
            installation_id=self.installation_id,
            seal=None if self.seal == missing.seal else self.seal,
            attempts=tuple(entry for entry in self.attempts if entry not in missing.attempts),
        )


class CommitMark:
    """The file of one host. Its functions block: call them from a thread while requests wait."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self) -> KnownCommits:
        """Read the file; nothing is known without one.

        `OperatorError` if it cannot be understood. A user who may not read it knows nothing.
        """
        try:
            return msgspec.json.decode((self._folder / _FILE).read_bytes(), type=KnownCommits)
        except FileNotFoundError:
            return KnownCommits()
        except OSError as refused:
            log.warning("commit_mark_not_read", why=refused.strerror, file=refused.filename)
            return KnownCommits()
        except msgspec.DecodeError as unreadable:
            raise OperatorError(
                f"{self._folder / _FILE} cannot be read.",
                cause=f"{unreadable}. It holds the newest commits that this host knows.",
                hint="Remove it. If the database was restored, run `dasi recover --mode "
                "recovering` before the next start, because dasi cannot notice it by itself.",
            ) from unreadable

    def add(self, known: KnownCommits) -> None:
        """Add what this process knows. `OSError` if the file cannot be written."""
        with self._locked():
            self._replace(self.read().merged(known))

    def remove(self, missing: KnownCommits, *, installation_id: str) -> None:
        """Remove what the database does not hold. `OSError` if the file cannot be written."""
        with self._locked():
            left = self.read().without(missing)
            is_same = left.installation_id in (None, installation_id)
            self._replace(left if is_same else KnownCommits(installation_id=installation_id))

    def ensure_writable(self) -> None:
        """Make the folder. `OperatorError` if the file cannot be kept in it."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with self._locked():
                if (self._folder / _FILE).exists():
                    (self._folder / _FILE).open("r+b").close()
        except OSError as refused:
            raise OperatorError(
                f"The state folder {self._folder} cannot be used.",
                cause=f"{refused.strerror}: {refused.filename}.",
                hint="Make it writable for the account that runs dasi, or set DASI_STATE_DIR to "
                "another folder of this host that a restore of the database leaves alone.",
            ) from refused

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with _open_private(self._folder / _LOCK, os.O_APPEND) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._give_to_owner(self._folder / _LOCK)
            yield

    def _replace(self, known: KnownCommits) -> None:
        file = self._folder / _FILE
        new = file.with_suffix(".new")
        with _open_private(new, os.O_TRUNC) as writing:
            writing.write(msgspec.json.encode(known))
            writing.flush()
            os.fsync(writing.fileno())
        self._give_to_owner(new)
        new.replace(file)
        directory = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _give_to_owner(self, file: Path) -> None:
        """A command that root runs leaves the files to the account of the folder."""
        if os.geteuid() == 0:
            owner = self._folder.stat()
            os.chown(file, owner.st_uid, owner.st_gid)


def _open_private(file: Path, flags: int) -> BinaryIO:
    return os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | flags, 0o600), "wb")
