"""The schema of the database: migrations, and what a version asks of it."""

from dasi.schema.migrate import contract, migrate
from dasi.schema.migration import Migration
from dasi.schema.schema_state import require_current, schema_state

__all__ = ["Migration", "contract", "migrate", "require_current", "schema_state"]
