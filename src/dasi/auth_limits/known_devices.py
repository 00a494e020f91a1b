"""Known devices: browsers in which a user completed a sign-in.

A cookie names the device. Each sign-in replaces it, so that a cookie that another person planted
is worth nothing afterwards.
"""

from datetime import timedelta

from dasi.audit import ClientInfo
from dasi.auth_limits import auth_limit_store
from dasi.engine import Engine
from dasi.foundation.db import Connection, Database
from dasi.foundation.ids import token, token_hash

DEVICE_LIFE = timedelta(days=180)
"""A device is forgotten this long after its last sign-in."""
_DEVICES_MAX = 20


async def is_known_device(engine: Engine, email: str, device: str) -> bool:
    """Return whether this user signed in on this device before."""
    return bool(device) and await auth_limit_store.has_device_any_merchant(
        engine.database, token_hash(device), email=email, now=engine.clock.now()
    )


async def remember_device(engine: Engine, user_id: int, client: ClientInfo) -> str:
    """Make the device of this client a known one, and return its new cookie."""
    device, now = token(), engine.clock.now()
    async with engine.database.transaction() as connection:
        if client.device:
            await auth_limit_store.replace_device_any_merchant(
                connection, token_hash(client.device), new_hash=token_hash(device)
            )
        await auth_limit_store.put_device_any_merchant(
            connection,
            user_id,
            device_hash=token_hash(device),
            now=now,
            expires_at=now + DEVICE_LIFE,
        )
        await auth_limit_store.sweep_devices_any_merchant(
            connection, user_id, count_max=_DEVICES_MAX, now=now
        )
    return device


async def forget_devices(
    connection: Connection | Database, user_id: int, *, but: ClientInfo | None
) -> None:
    """Forget every device of a user, but that of a client."""
    kept = token_hash(but.device) if but is not None and but.device else None
    await auth_limit_store.delete_devices_any_merchant(connection, user_id, but=kept)
