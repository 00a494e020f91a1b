"""Views of a list that a person keeps: theirs alone, for one merchant, by name."""

from dataclasses import dataclass

from dasi.engine import Engine
from dasi.foundation.errors import Conflict, Invalid, NotFound
from dasi.users import saved_filter_store

NAME_MAX, QUERY_MAX = 40, 500
_VIEWS_MAX = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedView:
    """`query` is the list's address behind its question mark, without a page's place."""

    name: str
    query: str


async def list_views(engine: Engine, merchant_id: int, person_id: int) -> list[SavedView]:
    """In the order they were saved."""
    rows = await saved_filter_store.views(engine.database, merchant_id, person_id)
    return [SavedView(**row) for row in rows]


async def save_view(
    engine: Engine, merchant_id: int, person_id: int, *, name: str, query: str
) -> None:
    """Under a name that is taken it takes the place of what was there.

    `Invalid` for a name or query too long or empty, `Conflict("too_many_views")` beyond twenty.
    """
    if not 1 <= len(name) <= NAME_MAX:
        raise Invalid("name", f"1 to {NAME_MAX} characters")
    if not 1 <= len(query) <= QUERY_MAX:
        raise Invalid("query", f"1 to {QUERY_MAX} characters: choose something to look for first")
    async with engine.database.transaction() as connection:
        await saved_filter_store.lock_views(connection, merchant_id, person_id)
        kept = {
            row["name"]
            for row in await saved_filter_store.views(connection, merchant_id, person_id)
        }
        if name not in kept and len(kept) >= _VIEWS_MAX:
            raise Conflict("too_many_views", most=_VIEWS_MAX)
        await saved_filter_store.put_view(
            connection, merchant_id, person_id, name=name, query=query, now=engine.clock.now()
        )


async def remove_view(engine: Engine, merchant_id: int, person_id: int, name: str) -> None:
    """`NotFound("unknown_view")`."""
    if not await saved_filter_store.delete_view(engine.database, merchant_id, person_id, name):
        raise NotFound("unknown_view")
