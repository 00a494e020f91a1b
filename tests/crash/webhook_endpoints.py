"""A merchant's server that is gone for a while, and the person who brings it back."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from crash.environment import GATEWAYS, WORKERS, World
from crash.operations import fate, take_turn
from dasi.webhooks import failing_endpoints, replay_events, resume_endpoint


async def endpoint_is_gone(world: World, worker: str, *, dies_at: int | None = None) -> None:
    """The merchant's server answers 410 for a while; then a person resumes it and sends again."""
    world.merchant_side.is_gone = True
    world.tally.happened["endpoints gone"] += 1
    await world.turn(100)
    await take_turn(world, worker, "deliver", dies_at=dies_at)
    await take_turn(world, worker, "fail_for_disabled", dies_at=dies_at)
    world.merchant_side.is_gone = False
    await _check_failed_are_told(world)
    await restore_endpoint(world)


async def restore_endpoint(world: World) -> None:
    """Waits until what a dead worker had in hand has failed, too, and sends all that again."""
    engine = world.nodes[GATEWAYS[0]].engine
    for failing in await failing_endpoints(engine, world.merchant_id):
        if failing.disabled_at is None:
            continue
        await world.turn(100)
        await take_turn(world, WORKERS[0], "fail_for_disabled")
        await resume_endpoint(engine, world.merchant_id, failing.endpoint)
        now = world.clock.now()
        await replay_events(
            engine,
            world.merchant_id,
            since=now - timedelta(days=30),
            until=now + timedelta(seconds=1),
            only_failed=True,
        )


async def _check_failed_are_told(world: World) -> None:
    """A person sends again what a gone endpoint missed: nothing may fail without its mark."""
    silent = await world.rows(
        "SELECT d.event_id FROM deliveries d WHERE d.state = 'failed' AND NOT EXISTS "
        "  (SELECT FROM webhook_endpoints r WHERE r.merchant_id = d.merchant_id "
        "     AND r.endpoint = d.endpoint AND r.disabled_at IS NOT NULL)"
    )
    told = f"{[row['event_id'] for row in silent]} have failed, and their endpoint is not gone"
    world.tally.check("d failed told", not silent, told, world.seed)


async def gone_for_a_while(world: World) -> None:
    await endpoint_is_gone(world, world.dice.choice(WORKERS), dies_at=fate(world))


ENDPOINT_ACTS: tuple[tuple[Callable[[World], Awaitable[None]], int], ...] = ((gone_for_a_while, 1),)
