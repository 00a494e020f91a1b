"""The schema of the database: migrations, and what a version asks of it."""

from dasi.schema.migrate import Migration, migrate, require_current

__all__ = ["Migration", "migrate", "require_current"]
