"""SQL of the rate limit: attempts to guess a secret."""

from datetime import datetime

from dasi.foundation.db import Database


async def count_attempt_any_merchant(
    database: Database, subjects: list[str], *, now: datetime, since: datetime
) -> dict[str, int]:
    """Writes an attempt before it is known to fail, so that those under way count too.

    How many there were of each subject since `since`, this one not included.
    """
    rows = await database.fetch(
        """WITH written AS (
               INSERT INTO sign_in_attempts (subject, at) SELECT unnest($1::text[]), $2
           ), swept AS (
               DELETE FROM sign_in_attempts WHERE at < $3
           )
           SELECT subject, count(*) AS attempts FROM sign_in_attempts
           WHERE subject = ANY($1::text[]) AND at >= $3 GROUP BY subject""",
        subjects,
        now,
        since,
    )
    return {row["subject"]: row["attempts"] for row in rows}


async def clear_attempts_any_merchant(database: Database, subjects: list[str]) -> None:
    await database.fetch("DELETE FROM sign_in_attempts WHERE subject = ANY($1::text[])", subjects)
