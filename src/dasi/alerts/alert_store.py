"""SQL of the table `alerts`: what was sent to people, and what is due.

All of it runs under one lock, so that of several workers one claims each message.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from dasi.alerts.alert import Condition, DueMessage, Kind
from dasi.foundation.db import Connection

_ONE_WORKER = 0x616C7274  # "alrt", the key of the advisory lock


async def lock_any_merchant(connection: Connection) -> None:
    """Let other workers wait until this transaction ends."""
    await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_WORKER)


async def note_conditions_any_merchant(
    connection: Connection,
    way: str,
    conditions: Sequence[Condition],
    kinds: Sequence[Kind],
    *,
    now: datetime,
) -> None:
    """Write down the conditions that hold, and end those of the kinds that hold no more."""
    await connection.execute(
        """INSERT INTO alerts (way, kind, subject, merchant_code, facts, path, began_at)
           SELECT $1, c.kind, c.subject, c.merchant_code, c.facts, c.path, $3
           FROM jsonb_to_recordset($2::jsonb) AS c (
               kind text, subject text, merchant_code text, facts jsonb, path text)
           ON CONFLICT (way, kind, subject) DO UPDATE
           SET facts = excluded.facts, ended_at = NULL,
               began_at = CASE WHEN alerts.ended_at IS NULL THEN alerts.began_at ELSE $3 END""",
        way,
        msgspec.json.encode(conditions).decode(),
        now,
    )
    await connection.execute(
        """UPDATE alerts SET ended_at = $4
           WHERE way = $1 AND kind = ANY($2::text[]) AND ended_at IS NULL
             AND NOT (kind || ' ' || subject = ANY($3::text[]))""",
        way,
        list(kinds),
        [f"{condition.kind} {condition.subject}" for condition in conditions],
        now,
    )


async def delete_ended_any_merchant(connection: Connection, *, ended_before: datetime) -> None:
    """Delete conditions that ended before then, unless a message about the end is due."""
    await connection.execute(
        "DELETE FROM alerts WHERE ended_at < $1 AND NOT is_announced", ended_before
    )


async def last_sent_any_merchant(connection: Connection, way: str) -> datetime | None:
    """When the last message went this way; None: not within a day."""
    at: datetime | None = await connection.fetchval(
        "SELECT max(sent_at) FROM alerts WHERE way = $1", way
    )
    return at


async def claim_due_any_merchant(
    connection: Connection,
    way: str,
    *,
    now: datetime,
    repeat_before: datetime,
    again_before: datetime,
    wait_until: datetime,
) -> list[DueMessage]:
    """Claim the conditions that began, that last since their last message, or that are over.

    A condition that comes back is due only if its last message is from before
    `again_before`.
    """
    rows = await connection.fetch(
        """UPDATE alerts a SET wait_until = $5
           FROM (SELECT way, kind, subject, is_announced FROM alerts
                 WHERE way = $1 AND (wait_until IS NULL OR wait_until <= $2)
                   AND CASE WHEN ended_at IS NOT NULL THEN is_announced
                            WHEN is_announced THEN sent_at <= $3
                            ELSE sent_at IS NULL OR sent_at <= $4 END) due
           WHERE a.way = due.way AND a.kind = due.kind AND a.subject = due.subject
           RETURNING a.kind, a.subject, a.merchant_code, a.facts::text, a.path,
                     CASE WHEN a.ended_at IS NOT NULL THEN 'over'
                          WHEN due.is_announced THEN 'lasts' ELSE 'began' END AS state""",
        way,
        now,
        repeat_before,
        again_before,
        wait_until,
    )
    messages = [
        msgspec.convert({**row, "facts": msgspec.json.decode(row["facts"])}, DueMessage)
        for row in rows
    ]
    return sorted(messages, key=lambda message: (message.state == "over", message.kind))


async def record_sent_any_merchant(
    connection: Connection, way: str, messages: Sequence[DueMessage], *, now: datetime
) -> None:
    """Record that the message left."""
    await connection.execute(
        """UPDATE alerts a
           SET is_announced = sent.state <> 'over', sent_at = $3::timestamptz, failures = 0,
               wait_until = NULL
           FROM unnest($2::text[], $4::text[], $5::text[]) AS sent (kind, subject, state)
           WHERE a.way = $1 AND a.kind = sent.kind AND a.subject = sent.subject""",
        way,
        [message.kind for message in messages],
        now,
        [message.subject for message in messages],
        [message.state for message in messages],
    )


async def record_failed_any_merchant(
    connection: Connection, way: str, messages: Sequence[DueMessage], *, now: datetime
) -> None:
    """Record that the message did not leave: the next try is after 1, 2, 4 … 30 minutes."""
    await connection.execute(
        """UPDATE alerts a
           SET failures = failures + 1,
               wait_until = $3::timestamptz
                   + make_interval(mins => least(30, 1 << least(failures, 5)))
           FROM unnest($2::text[], $4::text[]) AS sent (kind, subject)
           WHERE a.way = $1 AND a.kind = sent.kind AND a.subject = sent.subject""",
        way,
        [message.kind for message in messages],
        now,
        [message.subject for message in messages],
    )
