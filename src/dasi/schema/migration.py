"""One migration: a numbered SQL file, its kind, and what its first lines say.

`-- expand: ...` or `-- contract: ...` is the first line. The version before runs on an expand step
too. A contract step removes what no version needs that runs; a line `-- ends: ...` names the
versions that it ends. `-- concurrently` marks a file of indexes, which takes no transaction.
"""

import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from typing import Literal

Kind = Literal["expand", "contract"]
_MARK = re.compile(r"-- (expand|contract): (\S.*)")
_ENDS = re.compile(r"^-- ends: (\S.*)$", re.MULTILINE)
_CONCURRENTLY = re.compile(r"^-- concurrently$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Migration:
    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def kind(self) -> Kind:
        return "expand" if self._mark()[1] == "expand" else "contract"

    @property
    def purpose(self) -> str:
        return self._mark()[2]

    @property
    def ends(self) -> str:
        """The versions that a contract step ends, such as `versions before 0.2.0`."""
        line = _ENDS.search(self.sql)
        assert line, f"{self} has no line `-- ends: ...`"
        return line[1]

    @property
    def is_concurrent(self) -> bool:
        return _CONCURRENTLY.search(self.sql) is not None

    def _mark(self) -> re.Match[str]:
        mark = _MARK.match(self.sql)
        assert mark, f"{self} does not begin with `-- expand: ...` or `-- contract: ...`"
        return mark

    def __str__(self) -> str:
        return f"{self.number:04}_{self.name}"


def load_migrations(package: str = "dasi.migrations") -> tuple[Migration, ...]:
    """The migrations this version ships, in order: `NNNN_name.sql`, numbered without a gap."""
    files = [f for f in resources.files(package).iterdir() if f.name.endswith(".sql")]
    migrations = []
    for file in sorted(files, key=lambda file: file.name):
        number, _, name = file.name.removesuffix(".sql").partition("_")
        migrations.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    assert [m.number for m in migrations] == list(range(1, len(migrations) + 1)), "a gap"
    return tuple(migrations)
