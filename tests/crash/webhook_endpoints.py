"""A merchant's server that answers 410 for a while, and the operator who resumes it."""

from collections.abc import Awaitable, Callable
from datetime import timedelta

from crash.environment import GATEWAYS, WORKERS, Environment, fate
from crash.operations import take_turn
from dasi.webhooks import failing_endpoints, replay_events, resume_endpoint


async def endpoint_is_gone(
    environment: Environment, worker: str, *, dies_at: int | None = None
) -> None:
    """The merchant's server answers 410 for a while; then an operator resumes it and resends."""
    environment.merchant_side.is_gone = True
    environment.results.happened["endpoints gone"] += 1
    await environment.turn(100)
    await take_turn(environment, worker, "deliver", dies_at=dies_at)
    await take_turn(environment, worker, "fail_for_disabled", dies_at=dies_at)
    environment.merchant_side.is_gone = False
    await _check_failed_have_disabled_endpoint(environment)
    await restore_endpoint(environment)


async def restore_endpoint(environment: Environment) -> None:
    """Wait until the deliveries of a dead worker have failed too, and resend all of them."""
    engine = environment.nodes[GATEWAYS[0]].engine
    for failing in await failing_endpoints(engine, environment.merchant_id):
        if failing.disabled_at is None:
            continue
        await environment.turn(100)
        await take_turn(environment, WORKERS[0], "fail_for_disabled")
        await resume_endpoint(engine, environment.merchant_id, failing.endpoint)
        now = environment.clock.now()
        await replay_events(
            engine,
            environment.merchant_id,
            since=now - timedelta(days=30),
            until=now + timedelta(seconds=1),
            only_failed=True,
        )


async def _check_failed_have_disabled_endpoint(environment: Environment) -> None:
    """A delivery may fail only if its endpoint is disabled, so that an operator can resend it."""
    unmarked = await environment.rows(
        "SELECT d.event_id FROM deliveries d WHERE d.state = 'failed' AND NOT EXISTS "
        "  (SELECT FROM webhook_endpoints r WHERE r.merchant_id = d.merchant_id "
        "     AND r.endpoint = d.endpoint AND r.disabled_at IS NOT NULL)"
    )
    detail = f"{[row['event_id'] for row in unmarked]} have failed, and their endpoint is not gone"
    environment.results.check("d failed told", not unmarked, detail, environment.seed)


async def gone_for_a_while(environment: Environment) -> None:
    await endpoint_is_gone(environment, environment.dice.choice(WORKERS), dies_at=fate(environment))


ENDPOINT_ACTS: tuple[tuple[Callable[[Environment], Awaitable[None]], int], ...] = (
    (gone_for_a_while, 1),
)
