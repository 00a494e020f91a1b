"""The sentinel: one sealed row of the database that only its own sealing keys open.

With other keys every secret in the database is closed, which would show at the first charge only.
"""

from dasi.foundation.db import Database
from dasi.foundation.errors import OperatorError
from dasi.foundation.vault import DecryptionError, EncryptedColumn, Vault
from dasi.sealing_keys import sentinel_store
from dasi.sealing_keys.key_source import SOURCES

_TEXT = "dasi"


async def check_sealing_keys(database: Database, vault: Vault) -> None:
    """Raise `OperatorError` if the keys are not this database's. A new one gets its sentinel."""
    sealed = await sentinel_store.sentinel_any_merchant(database)
    if sealed is None:
        sealed = await sentinel_store.insert_sentinel_any_merchant(
            database, SENTINEL.seal(vault, _TEXT, is_only=True)
        )
    try:
        SENTINEL.open(vault, sealed, is_only=True)
    except DecryptionError as error:
        raise OperatorError(
            "The sealing keys are not those of this database.",
            cause=f"Its sentinel does not open: {error}.",
            hint=f"Set the keys that sealed it, in {', '.join(SOURCES[:-1])} or {SOURCES[-1]}. "
            "The key in use before a rotation is needed until `dasi vault rotate` has ended.",
        ) from error


SENTINEL = EncryptedColumn(
    title="the sentinel of the keys",
    table="vault_sentinel",
    key=("is_only",),
    column="sealed",
    bound_to=("is_only",),
)
