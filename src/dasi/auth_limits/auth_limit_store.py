"""SQL of failed authentications and of known devices. A failure may concern any merchant."""

from collections.abc import Sequence
from datetime import datetime

from dasi.foundation.db import Connection, Database


async def insert_failures_any_merchant(
    database: Database,
    *,
    subjects: Sequence[str],
    maxima: Sequence[int],
    seconds: Sequence[int],
    now: datetime,
) -> tuple[list[int], set[str]]:
    """Write a failure of each subject, unless one of them has reached its maximum.

    Return the ids of the failures, and the subjects that have reached their maximum. Failures
    count for `seconds`.
    """
    row = await database.fetchrow(
        """WITH input AS (
               SELECT * FROM unnest($1::text[], $2::int[], $3::int[])
               AS t(subject, failures_max, seconds)
           ), reached AS (
               SELECT subject FROM input
               WHERE failures_max <= (SELECT count(*) FROM auth_failures f
                                      WHERE f.subject = input.subject AND f.expires_at > $4)
           ), written AS (
               INSERT INTO auth_failures (subject, expires_at)
               SELECT subject, $4::timestamptz + make_interval(secs => seconds) FROM input
               WHERE NOT EXISTS (SELECT 1 FROM reached)
               RETURNING failure_id
           ), swept AS (
               DELETE FROM auth_failures WHERE expires_at <= $4
           )
           SELECT (SELECT array_agg(failure_id) FROM written) AS failure_ids,
                  (SELECT array_agg(subject) FROM reached) AS reached""",
        subjects,
        maxima,
        seconds,
        now,
    )
    assert row is not None, "it has one row"
    return row["failure_ids"] or [], set(row["reached"] or ())


async def reached_any_merchant(
    database: Database, *, subjects: Sequence[str], maxima: Sequence[int], now: datetime
) -> set[str]:
    """Return the subjects that have reached their maximum."""
    rows = await database.fetch(
        """SELECT input.subject FROM unnest($1::text[], $2::int[]) AS input(subject, failures_max)
           WHERE failures_max <= (SELECT count(*) FROM auth_failures f
                                  WHERE f.subject = input.subject AND f.expires_at > $3)""",
        subjects,
        maxima,
        now,
    )
    return {row["subject"] for row in rows}


async def delete_failures_any_merchant(
    database: Database, failure_ids: Sequence[int], *, cleared_subject: str | None
) -> None:
    """Delete these failures, and all of one subject."""
    await database.fetch(
        "DELETE FROM auth_failures WHERE failure_id = ANY($1::bigint[]) OR subject = $2",
        failure_ids,
        cleared_subject,
    )


async def has_device_any_merchant(
    database: Database, device_hash: bytes, *, email: str, now: datetime
) -> bool:
    row = await database.fetchrow(
        """SELECT 1 FROM known_devices d JOIN users u ON u.user_id = d.user_id
           WHERE d.device_hash = $1 AND u.email = $2 AND d.expires_at > $3""",
        device_hash,
        email,
        now,
    )
    return row is not None


async def replace_device_any_merchant(
    connection: Connection, device_hash: bytes, *, new_hash: bytes
) -> None:
    """Give a device a new hash, for all of its users."""
    await connection.execute(
        "UPDATE known_devices SET device_hash = $2 WHERE device_hash = $1", device_hash, new_hash
    )


async def put_device_any_merchant(
    connection: Connection,
    user_id: int,
    *,
    device_hash: bytes,
    now: datetime,
    expires_at: datetime,
) -> None:
    await connection.execute(
        """INSERT INTO known_devices (device_hash, user_id, used_at, expires_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (device_hash, user_id) DO UPDATE SET used_at = $3, expires_at = $4""",
        device_hash,
        user_id,
        now,
        expires_at,
    )


async def sweep_devices_any_merchant(
    connection: Connection, user_id: int, *, count_max: int, now: datetime
) -> None:
    """Delete the user's expired devices, and all but the `count_max` last used."""
    await connection.execute(
        """DELETE FROM known_devices
           WHERE user_id = $1 AND (expires_at <= $2 OR device_hash NOT IN (
               SELECT device_hash FROM known_devices WHERE user_id = $1
               ORDER BY used_at DESC LIMIT $3))""",
        user_id,
        now,
        count_max,
    )


async def delete_devices_any_merchant(
    connection: Connection | Database, user_id: int, *, but: bytes | None
) -> None:
    await connection.fetch(
        """DELETE FROM known_devices
           WHERE user_id = $1 AND ($2::bytea IS NULL OR device_hash <> $2)""",
        user_id,
        but,
    )
