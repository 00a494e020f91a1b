"""Count: keep how many payments a merchant's lists have, so that asking for a list costs the same
with ten million payments as with ten. The worker does it behind everybody's back.
"""

from dasi.engine import Engine
from dasi.reporting import count_store


async def count_payments(engine: Engine) -> int:
    """Counts what has come to lie a little while back. 1 if there is more to do at once, else 0."""
    return int(await count_store.count_step_any_merchant(engine.database))
