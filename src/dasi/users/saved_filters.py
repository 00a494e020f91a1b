"""Filters of a list that a user keeps: theirs alone, for one merchant, by name."""

from dataclasses import dataclass

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.users import saved_filter_store

NAME_MAX, QUERY_MAX = 40, 500
_FILTERS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFilter:
    """`query` is the list's address behind its question mark, without a page's place."""

    name: str
    query: str


async def list_filters(engine: Engine, merchant_id: int, user_id: int) -> list[SavedFilter]:
    """In the order they were saved."""
    rows = await saved_filter_store.filters(engine.database, merchant_id, user_id)
    return [SavedFilter(**row) for row in rows]


async def save_filter(
    engine: Engine, merchant_id: int, user_id: int, *, name: str, query: str
) -> None:
    """Under a name that is taken it takes the place of what was there.

    `Invalid` for a name or query too long or empty, `Conflict("too_many_filters")` beyond twenty.
    """
    if not 1 <= len(name) <= NAME_MAX:
        raise Invalid("name", "length_between", minimum=1, maximum=NAME_MAX)
    if not 1 <= len(query) <= QUERY_MAX:
        raise Invalid("query", "filter_query", maximum=QUERY_MAX)
    async with engine.database.transaction() as connection:
        await saved_filter_store.lock_filters(connection, merchant_id, user_id)
        kept = {
            row["name"]
            for row in await saved_filter_store.filters(connection, merchant_id, user_id)
        }
        if name not in kept and len(kept) >= _FILTERS_MAX:
            raise Conflict("too_many_filters", most=_FILTERS_MAX)
        await saved_filter_store.put_filter(
            connection, merchant_id, user_id, name=name, query=query, now=engine.clock.now()
        )


async def remove_filter(engine: Engine, merchant_id: int, user_id: int, name: str) -> None:
    """`NotFound("unknown_filter")`."""
    if not await saved_filter_store.delete_filter(engine.database, merchant_id, user_id, name):
        raise NotFound("unknown_filter")
