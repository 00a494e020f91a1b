"""A merchant's server that answers 410 for a while, and the operator who resumes it."""

from collections.abc import Awaitable, Callable

from crash.environment import GATEWAYS, WORKERS, Environment, fate
from crash.operations import take_turn
from dasi.webhooks import failing_endpoints, resume_endpoint


async def endpoint_is_gone(
    environment: Environment, worker: str, *, dies_at: int | None = None
) -> None:
    """The merchant's server answers 410 for a while; then an operator resumes its URL."""
    environment.merchant_side.is_gone = True
    environment.results.happened["endpoints gone"] += 1
    await environment.turn(100)
    await take_turn(environment, worker, "deliver", dies_at=dies_at)
    await take_turn(environment, worker, "suspend_deliveries", dies_at=dies_at)
    environment.merchant_side.is_gone = False
    await _check_none_has_failed(environment)
    await restore_endpoint(environment)


async def restore_endpoint(environment: Environment) -> None:
    """Wait until the leases of a dead worker have ended, and resume every URL that is gone."""
    engine = environment.nodes[GATEWAYS[0]].engine
    for failing in await failing_endpoints(engine, environment.merchant_id):
        if failing.disabled_at is None:
            continue
        await environment.turn(100)
        await take_turn(environment, WORKERS[0], "suspend_deliveries")
        await resume_endpoint(engine, environment.merchant_id, failing.url)


async def _check_none_has_failed(environment: Environment) -> None:
    """A URL that is gone makes its deliveries wait for an operator; none fails."""
    failed = await environment.rows("SELECT event_id FROM deliveries WHERE state = 'failed'")
    detail = f"{[row['event_id'] for row in failed]} have failed although their URL may be resumed"
    environment.results.check("d failed told", not failed, detail, environment.seed)


async def gone_for_a_while(environment: Environment) -> None:
    await endpoint_is_gone(environment, environment.dice.choice(WORKERS), dies_at=fate(environment))


ENDPOINT_ACTS: tuple[tuple[Callable[[Environment], Awaitable[None]], int], ...] = (
    (gone_for_a_while, 1),
)
