"""How deliveries fare: for the dashboard."""

from dataclasses import dataclass
from datetime import datetime

from dasi.engine import Engine
from dasi.webhooks import health_store


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryHealth:
    delivered: int
    pending: int
    failed: int


async def delivery_health(engine: Engine, merchant_id: int, *, since: datetime) -> DeliveryHealth:
    """Of the deliveries made since then, by their state now."""
    counted = await health_store.counts(engine.database, merchant_id, since=since)
    return DeliveryHealth(
        delivered=counted.get("delivered", 0),
        pending=counted.get("pending", 0),
        failed=counted.get("failed", 0),
    )
