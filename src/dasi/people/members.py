"""Who belongs to a merchant, and in which role."""

from dasi.engine import Engine
from dasi.foundation.errors import NotFound
from dasi.people import store
from dasi.people.person import Member, Person


async def list_members(engine: Engine, merchant_id: int) -> list[Member]:
    """Owners first."""
    return await store.members(engine.database, merchant_id)


async def list_people(engine: Engine) -> list[Person]:
    """Everybody. For the command line of whoever runs the machine."""
    return await store.people_any_merchant(engine.database)


async def remove_member(engine: Engine, merchant_id: int, person_id: int) -> None:
    """Takes a membership away; it is gone at the person's next click.

    `NotFound("unknown_person")`; an owner has no membership to take.
    """
    if not await store.delete_membership(engine.database, merchant_id, person_id):
        raise NotFound("unknown_person")
