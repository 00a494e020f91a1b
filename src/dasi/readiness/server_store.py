"""SQL that asks the server about itself; it reads no row of a merchant."""

from dataclasses import dataclass
from datetime import datetime

from dasi.foundation.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerState:
    now: datetime
    started_at: datetime
    """With the address it tells one server from another behind the same name."""
    address: str
    is_read_only: bool
    synchronous_commit: str
    synchronous_standby_names: str
    standbys: int
    """Servers that follow this one."""


# A role without `pg_monitor` sees the process of a follower and not its name. So a base backup and
# a logical subscriber, which are no standbys, are left out by their process.
_STATE = """
    SELECT clock_timestamp() AS now, pg_postmaster_start_time() AS started_at,
           coalesce(host(inet_server_addr()) || ':' || inet_server_port(), '') AS address,
           current_setting('transaction_read_only')::boolean AS is_read_only,
           current_setting('synchronous_commit') AS synchronous_commit,
           current_setting('synchronous_standby_names') AS synchronous_standby_names,
           (SELECT count(*) FROM pg_stat_replication
            WHERE coalesce(application_name, '') NOT IN ('pg_basebackup', 'pg_receivewal')
              AND NOT EXISTS (SELECT FROM pg_stat_progress_basebackup b
                              WHERE b.pid = pg_stat_replication.pid)
              AND NOT EXISTS (SELECT FROM pg_replication_slots s
                              WHERE s.active_pid = pg_stat_replication.pid
                                AND (s.temporary OR s.slot_type = 'logical'))) AS standbys"""


async def server_state_any_merchant(connection: Connection) -> ServerState:
    row = await connection.fetchrow(_STATE)
    assert row is not None, "a SELECT without FROM gives one row"
    return ServerState(**dict(row))
