"""The errors after which an operation ends as `Unavailable`, and never as a bug.

The server may or may not have done what was asked: look it up before repeating.
"""

import asyncpg

CONNECTION_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.InternalClientError,
    asyncpg.InterfaceError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    # The server was the primary until a moment ago.
    asyncpg.ReadOnlySQLTransactionError,
    # The database is closed to connections, or renamed, while an operator restores it.
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InvalidCatalogNameError,
    # Refused, reset, timed out, TLS; and the socket's file, gone with the server of this machine.
    OSError,
)

UNAVAILABLE = (
    *CONNECTION_LOST,
    # Cancelled by `statement_timeout` or an operator; the server shuts down (class 57).
    asyncpg.OperatorInterventionError,
    # The disk or the memory is full (class 53).
    asyncpg.InsufficientResourcesError,
    # `idle_in_transaction_session_timeout` and `transaction_timeout` of the server.
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    # The server cannot read or write its files (class 58).
    asyncpg.PostgresSystemError,
)

POOLER_LOST_STATEMENT = (
    asyncpg.DuplicatePreparedStatementError,
    asyncpg.InvalidSQLStatementNameError,
)
"""A statement that was prepared by name is looked for on another connection of a pooler."""
