"""Play one event: charge, let it happen, heal, recover, send again, and compare."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from failover.books import amounts_in_force as in_force_of
from failover.books import compare
from failover.installation import Installation
from failover.report import Result
from failover.shop import Shop
from support.gateway_merchant import MID

SCHEDULES = 40
_WARM_S, _AFTER_S = 5, 5
PG_PROCESSING_MIN = 31
"""Minutes after which "not found" ends an attempt. The test merchant's clock advances by them."""
_SETTLE_S = 180
_BACK_S = 90
_PAID_AGAIN = 60


@dataclass
class Scene:
    """What an event's function works with, and what it reports."""

    dasi: Installation
    shop: Shop
    seed: int
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def expect(self, is_kept: bool, bound: str) -> None:
        if not is_kept:
            self.failures.append(bound)


Happening = Callable[[Scene], Awaitable[None]]


async def play(
    dasi: Installation,
    happen: Happening,
    *,
    event: str,
    seed: int,
    lasts_s: float,
    gap_max_s: float,
) -> Result:
    """Play an event that lasts about `lasts_s` and return its result."""
    shop = Shop(dasi.client, seed=seed)
    scene = Scene(dasi, shop, seed)
    await shop.open(scheduled=SCHEDULES, first_s=_WARM_S, last_s=_WARM_S + lasts_s + _AFTER_S)
    async with shop.charging():
        await asyncio.sleep(_WARM_S)
        await happen(scene)
        is_back = await shop.until_paid(_PAID_AGAIN, timeout_s=_BACK_S)
        scene.expect(is_back, f"no charge was paid for {_BACK_S} s after the event")
        await asyncio.sleep(_AFTER_S)
    return await _close(scene, event=event, gap_max_s=gap_max_s)


async def _close(scene: Scene, *, event: str, gap_max_s: float) -> Result:
    """Heal, recover, and compare."""
    dasi, shop = scene.dasi, scene.shop
    await shop.send_again(shop.unfinished)
    known = {row.order for row in await dasi.ledger() if row.net_krw}
    forgotten = [order for order in shop.answered_paid if order.number not in known]
    if forgotten:
        # The shop sends some of its paid orders again, as one that lost an answer does.
        await shop.send_again(shop.half_of(forgotten))
    await _recover(scene)
    began_at = time.monotonic()
    await dasi.pass_time(PG_PROCESSING_MIN)
    is_settled = await dasi.until_settled(timeout_s=_SETTLE_S)
    scene.notes.append(f"settled after {time.monotonic() - began_at:.0f} s")
    scene.expect(is_settled, f"attempts or schedules were open after {_SETTLE_S} s")
    await shop.send_again(shop.unfinished, rounds=10)
    scene.expect(not shop.unfinished, f"{len(shop.unfinished)} orders without a final answer")
    rows = await dasi.ledger()
    paid = {row.order for row in rows if row.status == "paid"}
    unpaid = [order for order in shop.orders if order.is_scheduled and order.number not in paid]
    scene.expect(not unpaid, f"{len(unpaid)} scheduled payments are not paid")
    failed = [order for order in shop.orders if order.answer == "failed"]
    scene.expect(not failed, f"{len(failed)} orders failed, though the PG refuses none")
    state = await dasi.kicc.state(mall=MID)
    scene.notes.append(f"answers: {dict(shop.statuses)}")
    scene.notes.append(f"refusals: {dict(shop.messages.most_common(4))}")
    return Result(
        event=event,
        seed=scene.seed,
        books=compare(shop.orders, in_force_of(state), rows),
        forgotten=len(forgotten),
        http_500=shop.statuses["500"],
        longest_gap_s=shop.longest_gap_s,
        gap_max_s=gap_max_s,
        complaints=await dasi.complaints(),
        notes=scene.notes,
        failures=scene.failures,
    )


async def _recover(scene: Scene) -> None:
    mode = await scene.dasi.mode()
    scene.notes.append(f"mode {mode}")
    if mode != "normal":
        report = await scene.dasi.adopt_export()
        counts = {name: count for name, count in report.items() if isinstance(count, int)}
        scene.notes.append(f"export: {counts}")
