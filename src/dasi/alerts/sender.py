"""Sends alerts: when a condition begins, daily while it lasts, and when it ends.

The table `alerts` holds what was sent, so several workers send each message once. If a
worker dies between the send and its record, the message is repeated after the claim ends: an alert
that comes twice is better than none.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog
from prometheus_client import Counter

from dasi.alerts import alert_store
from dasi.alerts.alert import Condition, DueMessage, Kind
from dasi.alerts.conditions import (
    backup_conditions,
    certificate_conditions,
    present_conditions,
)
from dasi.alerts.texts import Language, compose, compose_test
from dasi.alerts.ways import NotSentError, Send, open_ways
from dasi.engine import Engine
from dasi.settings import Settings

log = structlog.get_logger()

REPEAT_AFTER = timedelta(days=1)
AGAIN_AFTER = timedelta(minutes=10)
MESSAGES_APART = timedelta(minutes=1)
_CLAIM = timedelta(minutes=2)
_FORGOTTEN_AFTER = timedelta(days=1)
_CERTIFICATE_EVERY = timedelta(hours=1)
_SENT = Counter(
    "dasi_alerts_total", "Alert messages to people: sent or failed, by way", ["way", "result"]
)


class AlertSender:
    """Reads the conditions and sends what is due. One per worker; its state is the database's."""

    def __init__(
        self, engine: Engine, settings: Settings, *, ways: Mapping[str, Send] | None = None
    ) -> None:
        self._engine = engine
        self._backup_dir = settings.backup_dir
        self._language: Language = settings.alert_language
        self._ways = open_ways(settings) if ways is None else ways
        self._certificate_checked_at: datetime | None = None

    @property
    def has_ways(self) -> bool:
        return bool(self._ways)

    async def poll(self) -> int:
        """Send what is due on each way; return 0, because the next poll may wait."""
        conditions, kinds = await self._conditions()
        for way, send in self._ways.items():
            messages = await self._claim(way, conditions, kinds)
            if messages:
                await self._send(way, send, messages)
        return 0

    async def _conditions(self) -> tuple[list[Condition], list[Kind]]:
        now = self._engine.clock.now()
        checked = [await present_conditions(self._engine)]
        if self._backup_dir:
            checked.append(await backup_conditions(self._backup_dir, now=now))
        if self._is_certificate_due(now):
            checked.append(await certificate_conditions(self._engine.public_url, now=now))
        return (
            [condition for conditions, _ in checked for condition in conditions],
            [kind for _, kinds in checked for kind in kinds],
        )

    def _is_certificate_due(self, now: datetime) -> bool:
        last = self._certificate_checked_at
        if last is not None and now < last + _CERTIFICATE_EVERY:
            return False
        self._certificate_checked_at = now
        return True

    async def _claim(
        self, way: str, conditions: list[Condition], kinds: list[Kind]
    ) -> list[DueMessage]:
        now = self._engine.clock.now()
        async with self._engine.database.transaction() as connection:
            await alert_store.lock_any_merchant(connection)
            await alert_store.note_conditions_any_merchant(
                connection, way, conditions, kinds, now=now
            )
            await alert_store.delete_ended_any_merchant(
                connection, ended_before=now - _FORGOTTEN_AFTER
            )
            last = await alert_store.last_sent_any_merchant(connection, way)
            if last is not None and now < last + MESSAGES_APART:
                return []
            return await alert_store.claim_due_any_merchant(
                connection,
                way,
                now=now,
                repeat_before=now - REPEAT_AFTER,
                again_before=now - AGAIN_AFTER,
                wait_until=now + _CLAIM,
            )

    async def _send(self, way: str, send: Send, messages: list[DueMessage]) -> None:
        subject, text = compose(
            messages, public_url=self._engine.public_url, language=self._language
        )
        try:
            await send(subject, text)
        except NotSentError as failure:
            _SENT.labels(way, "failed").inc()
            log.warning("alert_not_sent", way=way, why=str(failure), conditions=len(messages))
            record = alert_store.record_failed_any_merchant
        else:
            _SENT.labels(way, "sent").inc()
            log.info("alert_sent", way=way, conditions=len(messages))
            record = alert_store.record_sent_any_merchant
        async with self._engine.database.transaction() as connection:
            await record(connection, way, messages, now=self._engine.clock.now())


async def send_test(settings: Settings) -> dict[str, str | None]:
    """Send a test on each way of the settings; return by way why it failed, None if it did not."""
    subject, text = compose_test(public_url=settings.public_url, language=settings.alert_language)
    results: dict[str, str | None] = {}
    for way, send in open_ways(settings).items():
        try:
            await send(subject, text)
            results[way] = None
        except NotSentError as failure:
            results[way] = str(failure)
    return results
