"""SQL of authenticator apps (columns of `users`) and of the roles that need a second factor."""

from collections.abc import Collection
from datetime import datetime

from dasi.foundation.db import Database
from dasi.users import Role


async def set_totp_any_merchant(database: Database, user_id: int, sealed: bytes | None) -> None:
    """Set a secret that is not confirmed yet; None removes the authenticator app."""
    await database.fetch(
        """UPDATE users SET sealed_totp = $2, totp_confirmed_at = NULL, totp_step = 0
           WHERE user_id = $1""",
        user_id,
        sealed,
    )


async def sealed_totp_any_merchant(database: Database, user_id: int) -> bytes | None:
    row = await database.fetchrow("SELECT sealed_totp FROM users WHERE user_id = $1", user_id)
    return None if row is None else row["sealed_totp"]


async def confirm_totp_any_merchant(database: Database, user_id: int, *, now: datetime) -> None:
    await database.fetch("UPDATE users SET totp_confirmed_at = $2 WHERE user_id = $1", user_id, now)


async def use_totp_step_any_merchant(database: Database, user_id: int, step: int) -> bool:
    """Use a time step once. Return False if it or a later one was used.

    A code that another person saw is therefore worthless after its use.
    """
    row = await database.fetchrow(
        """UPDATE users SET totp_step = $2 WHERE user_id = $1 AND totp_step < $2
           RETURNING user_id""",
        user_id,
        step,
    )
    return row is not None


async def mfa_policy(database: Database, merchant_id: int) -> tuple[set[Role] | None, bool]:
    """Return the roles that the merchant chose (None: it chose nothing) and whether it is live."""
    row = await database.fetchrow(
        """SELECT (SELECT roles FROM mfa_policies WHERE merchant_id = $1) AS roles,
                  EXISTS (SELECT 1 FROM channels
                          WHERE merchant_id = $1 AND NOT is_sandbox AND disabled_at IS NULL)
                  AS is_live""",
        merchant_id,
    )
    assert row is not None, "it has one row"
    roles = None if row["roles"] is None else {Role(role) for role in row["roles"]}
    return roles, row["is_live"]


async def put_mfa_policy(database: Database, merchant_id: int, roles: Collection[Role]) -> None:
    await database.fetch(
        """INSERT INTO mfa_policies (merchant_id, roles) VALUES ($1, $2)
           ON CONFLICT (merchant_id) DO UPDATE SET roles = $2""",
        merchant_id,
        [role.value for role in roles],
    )
