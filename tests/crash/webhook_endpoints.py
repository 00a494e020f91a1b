"""A merchant's server that is gone for a while, and the person who brings it back."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from crash.environment import GATEWAYS, WORKERS, World
from crash.operations import fate, take_turn
from dasi.webhooks import failing_receivers, replay_events, resume_receiver


async def receiver_is_gone(world: World, worker: str, *, dies_at: int | None = None) -> None:
    """The merchant's server answers 410 for a while; then a person resumes it and sends again."""
    world.merchant_side.is_gone = True
    world.tally.happened["receivers gone"] += 1
    await world.turn(100)
    await take_turn(world, worker, "deliver", dies_at=dies_at)
    await take_turn(world, worker, "park_for_gone", dies_at=dies_at)
    world.merchant_side.is_gone = False
    await _check_parked_are_told(world)
    await mend_receiver(world)


async def mend_receiver(world: World) -> None:
    """Waits until what a dead worker had in hand is parked, too, and sends all that again."""
    engine = world.nodes[GATEWAYS[0]].engine
    for failing in await failing_receivers(engine, world.merchant_id):
        if failing.gone_at is None:
            continue
        await world.turn(100)
        await take_turn(world, WORKERS[0], "park_for_gone")
        await resume_receiver(engine, world.merchant_id, failing.receiver)
        now = world.clock.now()
        await replay_events(
            engine,
            world.merchant_id,
            since=now - timedelta(days=30),
            until=now + timedelta(seconds=1),
            only_parked=True,
        )


async def _check_parked_are_told(world: World) -> None:
    """A person sends again what a gone receiver missed: nothing may be parked without its mark."""
    silent = await world.rows(
        "SELECT d.event_id FROM deliveries d WHERE d.state = 'parked' AND NOT EXISTS "
        "  (SELECT FROM webhook_receivers r WHERE r.merchant_id = d.merchant_id "
        "     AND r.receiver = d.receiver AND r.gone_at IS NOT NULL)"
    )
    told = f"{[row['event_id'] for row in silent]} are parked, and their receiver is not gone"
    world.tally.check("d parked told", not silent, told, world.seed)


async def gone_for_a_while(world: World) -> None:
    await receiver_is_gone(world, world.dice.choice(WORKERS), dies_at=fate(world))


RECEIVER_ACTS: tuple[tuple[Callable[[World], Awaitable[None]], int], ...] = ((gone_for_a_while, 1),)
