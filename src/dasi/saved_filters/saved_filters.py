"""Save, list and remove the filters of one user for one merchant."""

from dataclasses import dataclass

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.saved_filters import saved_filter_store

NAME_MAX, QUERY_MAX = 40, 500
_FILTERS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFilter:
    """A name and the query of the list's address, without the cursor of a page."""

    name: str
    query: str


async def list_filters(engine: Engine, merchant_id: int, user_id: int) -> list[SavedFilter]:
    """Return the filters of a user, oldest first."""
    rows = await saved_filter_store.filters(engine.database, merchant_id, user_id)
    return [SavedFilter(**row) for row in rows]


async def save_filter(
    engine: Engine, merchant_id: int, user_id: int, *, name: str, query: str
) -> None:
    """Save a filter, in place of the filter of the same name if there is one.

    Raise `Invalid` for a name or query too long or empty, `Conflict("too_many_filters")` beyond
    twenty.
    """
    if not 1 <= len(name) <= NAME_MAX:
        raise Invalid("name", "length_between", minimum=1, maximum=NAME_MAX)
    if not 1 <= len(query) <= QUERY_MAX:
        raise Invalid("query", "filter_query", maximum=QUERY_MAX)
    async with engine.database.transaction() as connection:
        await saved_filter_store.lock_filters(connection, merchant_id, user_id)
        rows = await saved_filter_store.filters(connection, merchant_id, user_id)
        names = {row["name"] for row in rows}
        if name not in names and len(names) >= _FILTERS_MAX:
            raise Conflict("too_many_filters", most=_FILTERS_MAX)
        await saved_filter_store.put_filter(
            connection, merchant_id, user_id, name=name, query=query, now=engine.clock.now()
        )


async def remove_filter(engine: Engine, merchant_id: int, user_id: int, name: str) -> None:
    """Remove a filter. Raise `NotFound("unknown_filter")`."""
    if not await saved_filter_store.delete_filter(engine.database, merchant_id, user_id, name):
        raise NotFound("unknown_filter")
