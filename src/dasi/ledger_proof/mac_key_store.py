"""The MAC keys of replaced sealing keys, and their SQL.

A MAC key is derived from a sealing key. Before a sealing key is dropped, `dasi vault rotate` stores
its MAC key here, sealed with the newest key, because earlier events are verified with it.
"""

from contextlib import suppress

from dasi.engine import Engine
from dasi.foundation.vault import DecryptionError, EncryptedColumn, MacKeys

SEALED_MAC_KEYS = EncryptedColumn(
    title="MAC keys of the ledger",
    table="ledger_mac_keys",
    key=("key_id",),
    column="sealed_key",
    bound_to=("key_id",),
)


async def preserve_mac_keys_any_merchant(engine: Engine) -> None:
    """Store the MAC keys of the older sealing keys, which may be dropped afterwards."""
    keys = engine.vault.mac_keys
    for key_id, key in keys.older.items():
        sealed = SEALED_MAC_KEYS.seal(engine.vault, key.hex(), key_id=key_id.hex())
        await engine.database.fetch(
            """INSERT INTO ledger_mac_keys (key_id, sealed_key, created_at) VALUES ($1, $2, $3)
               ON CONFLICT (key_id) DO NOTHING""",
            key_id.hex(),
            sealed,
            engine.clock.now(),
        )


async def all_mac_keys_any_merchant(engine: Engine) -> MacKeys:
    """Return the loaded MAC keys and the stored ones of replaced sealing keys."""
    stored = {}
    for row in await engine.database.fetch("SELECT key_id, sealed_key FROM ledger_mac_keys"):
        # A row that does not open was changed. The verification names the events that need its key.
        with suppress(DecryptionError):
            key = SEALED_MAC_KEYS.open(engine.vault, row["sealed_key"], key_id=row["key_id"])
            stored[bytes.fromhex(row["key_id"])] = bytes.fromhex(key)
    return engine.vault.mac_keys.including(stored)
