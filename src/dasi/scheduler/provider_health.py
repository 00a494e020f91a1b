"""Whether a PG is reachable now. While it is not, scheduled payments wait.

A charge to an unreachable PG would leave a payment that was not sent. So before charges go to a PG
without a recent answer, the worker looks up an attempt that does not exist. Any answer will do.
"""

from datetime import datetime, timedelta

from dasi.channels import Channel, find_channel, open_account
from dasi.engine import Engine
from dasi.foundation.clock import kst_day
from dasi.foundation.ids import ulid
from dasi.providers.port import Attempt, AttemptKind, Found, NotFound
from dasi.scheduler.run_store import DueSchedule

_TRUST = timedelta(seconds=10)
_CHANNELS_KEPT = 10_000


class ProviderHealth:
    """The health of each PG as one worker sees it. Test host and live host count separately."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._channels: dict[tuple[int, int], tuple[Channel, datetime]] = {}
        self._trusted_until: dict[tuple[str, bool], datetime] = {}

    async def is_down(self, due: DueSchedule) -> bool:
        """Tell whether this schedule must wait. One without a key need not: it sends no request."""
        if due.channel_id is None:
            return False
        now = self._engine.clock.now()
        channel = await self._channel(due.merchant_id, due.channel_id, now)
        host = (channel.provider, channel.is_sandbox)
        provider, account = (
            self._engine.providers[channel.provider],
            open_account(self._engine, channel),
        )
        if host in self._trusted_until and now < self._trusted_until[host]:
            return False
        if not provider.is_available(account):
            return True
        finding = await provider.look_up(
            account,
            Attempt(attempt_id=f"hi-{ulid(now)}", business_date=kst_day(now)),
            kind=AttemptKind.CHARGE,
            pg_order_id=None,
            amount_krw=None,
        )
        has_answered = isinstance(finding, Found | NotFound)
        if has_answered:
            self._trusted_until[host] = now + _TRUST
        return not has_answered

    def record_success(self, due: DueSchedule) -> None:
        """Trust the schedule's PG for a while: it has just answered."""
        if due.channel_id is not None:
            cached = self._channels.get((due.merchant_id, due.channel_id))
            if cached is not None:
                host = (cached[0].provider, cached[0].is_sandbox)
                self._trusted_until[host] = self._engine.clock.now() + _TRUST

    def record_failure(self, due: DueSchedule) -> None:
        """Stop trusting the schedule's PG: it was unreachable or did not answer."""
        if due.channel_id is not None:
            cached = self._channels.get((due.merchant_id, due.channel_id))
            if cached is not None:
                self._trusted_until.pop((cached[0].provider, cached[0].is_sandbox), None)

    async def _channel(self, merchant_id: int, channel_id: int, now: datetime) -> Channel:
        cached = self._channels.get((merchant_id, channel_id))
        if cached is not None and now < cached[1]:
            return cached[0]
        channel = await find_channel(self._engine, merchant_id, channel_id)
        if len(self._channels) >= _CHANNELS_KEPT:
            self._channels.clear()
        self._channels[merchant_id, channel_id] = (channel, now + _TRUST)
        return channel
