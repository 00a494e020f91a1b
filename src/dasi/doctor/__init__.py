"""`dasi doctor`: whether an installation is fit to serve, from its database to its public URL."""

from dasi.doctor.database import check_database
from dasi.doctor.findings import Finding
from dasi.doctor.public_url import check_public_url
from dasi.doctor.surroundings import check_backups, check_disks, check_pg

__all__ = [
    "Finding",
    "check_backups",
    "check_database",
    "check_disks",
    "check_pg",
    "check_public_url",
]
