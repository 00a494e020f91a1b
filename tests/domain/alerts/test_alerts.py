"""People hear of a condition once, daily while it lasts, and when it is over."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from dasi.alerts import AlertSender
from dasi.alerts.alert import Kind
from dasi.alerts.texts import TEXTS
from dasi.backup_folder import Backup, write_backup
from dasi.channels import Channel
from dasi.engine import Engine
from dasi.foundation.clock import ManualClock
from dasi.merchants import Merchant
from dasi.recovery import set_mode
from dasi.schedules import pause_schedules, resume_schedules
from dasi.settings import Settings, read_settings
from dasi.webhooks import resume_endpoint
from dasi.webhooks.endpoints import disable
from support.gateway_merchant import CODE, environment
from support.webhook_endpoint import WebhookEndpoint, receiving

SECRET_URL = "https://shop.example/hooks/s3cret-token?key=abc"


@pytest.fixture
async def chat() -> AsyncIterator[WebhookEndpoint]:
    async with receiving() as endpoint:
        yield endpoint


def settings_of(database_url: str, **more: str) -> Settings:
    variables = environment(database_url, kicc_url="http://127.0.0.1:9", public_url="http://x.test")
    return read_settings({**variables, "DASI_ALLOW_LOCAL_WEBHOOKS": "on", **more})


@pytest.fixture
def settings(database_url: str, chat: WebhookEndpoint) -> Settings:
    return settings_of(database_url, DASI_ALERT_CHAT_URL=chat.url)


def texts(chat: WebhookEndpoint) -> list[str]:
    return [msgspec.json.decode(post.body)["text"] for post in chat.posts]


async def test_a_condition_is_sent_once_then_daily_then_over(
    engine: Engine, clock: ManualClock, merchant: Merchant, settings: Settings, chat: Any
) -> None:
    await disable(engine.database, merchant.merchant_id, SECRET_URL, now=clock.now())
    sender = AlertSender(engine, settings)

    for _ in range(3):
        await sender.poll()
        clock.advance(timedelta(hours=7))
    assert len(texts(chat)) == 1
    first = texts(chat)[0]
    assert "PROBLEM" in first
    assert f"{CODE}: A webhook endpoint at shop.example answered 410" in first
    assert f"http://127.0.0.1:9/console/merchants/{CODE}/webhooks" in first
    assert "s3cret" not in first
    assert "abc" not in first

    clock.advance(timedelta(hours=4))
    await sender.poll()
    assert "STILL" in texts(chat)[1]

    await resume_endpoint(engine, merchant.merchant_id, SECRET_URL)
    clock.advance(timedelta(minutes=2))
    await sender.poll()
    await sender.poll()
    assert "OVER" in texts(chat)[2]
    assert len(texts(chat)) == 3


async def test_of_two_workers_one_sends(
    engine: Engine, clock: ManualClock, merchant: Merchant, settings: Settings, chat: Any
) -> None:
    await disable(engine.database, merchant.merchant_id, SECRET_URL, now=clock.now())
    workers = [AlertSender(engine, settings) for _ in range(4)]

    await asyncio.gather(*(worker.poll() for worker in workers))

    assert len(chat.posts) == 1


async def test_a_condition_that_comes_and_goes_is_not_sent_each_time(
    engine: Engine, clock: ManualClock, merchant: Merchant, settings: Settings, chat: Any
) -> None:
    sender = AlertSender(engine, settings)

    for _ in range(10):  # 10 minutes
        await disable(engine.database, merchant.merchant_id, SECRET_URL, now=clock.now())
        await sender.poll()
        clock.advance(timedelta(seconds=30))
        await resume_endpoint(engine, merchant.merchant_id, SECRET_URL)
        await sender.poll()
        clock.advance(timedelta(seconds=30))

    assert [text.split()[1] for text in texts(chat)] == ["PROBLEM:", "OVER:"]


async def test_many_conditions_are_one_message_a_minute(
    engine: Engine, clock: ManualClock, merchant: Merchant, settings: Settings, chat: Any
) -> None:
    sender = AlertSender(engine, settings)
    for number in range(30):
        url = f"https://shop{number}.example/hook"
        await disable(engine.database, merchant.merchant_id, url, now=clock.now())
    await sender.poll()
    await disable(engine.database, merchant.merchant_id, SECRET_URL, now=clock.now())
    await sender.poll()

    assert len(chat.posts) == 1
    assert "PROBLEM: 30 alerts" in texts(chat)[0]
    assert "And 10 more." in texts(chat)[0]

    clock.advance(timedelta(minutes=1))
    await sender.poll()
    assert "answered 410" in texts(chat)[1]


async def test_a_message_that_did_not_leave_is_tried_again(
    engine: Engine, clock: ManualClock, merchant: Merchant, settings: Settings, chat: Any
) -> None:
    await disable(engine.database, merchant.merchant_id, SECRET_URL, now=clock.now())
    sender = AlertSender(engine, settings)

    async def refuse(_post: object) -> int:
        return 500

    chat.answer = refuse
    await sender.poll()
    await sender.poll()
    assert len(chat.posts) == 1

    chat.answer = None
    clock.advance(timedelta(minutes=1))
    await sender.poll()
    clock.advance(timedelta(minutes=5))
    await sender.poll()
    assert len(chat.posts) == 2


async def test_a_held_copy_sends_only_that_it_is_held(
    engine: Engine, clock: ManualClock, merchant: Merchant, settings: Settings, chat: Any
) -> None:
    await disable(engine.database, merchant.merchant_id, SECRET_URL, now=clock.now())
    await set_mode(engine.database, "held", detail="operator:kim: secret words", now=clock.now())

    await AlertSender(engine, settings).poll()

    assert "The mode is held" in texts(chat)[0]
    assert "410" not in texts(chat)[0]
    assert "secret words" not in texts(chat)[0]


@pytest.mark.parametrize("mode", ["recovering", "stopped"])
async def test_a_database_that_went_back(
    engine: Engine, clock: ManualClock, settings: Settings, chat: Any, mode: Any
) -> None:
    await set_mode(engine.database, mode, detail="rows are missing", now=clock.now())
    await AlertSender(engine, settings).poll()
    assert f"The mode is {mode}" in texts(chat)[0]


async def test_a_pause_is_sent_after_an_hour(
    engine: Engine, clock: ManualClock, merchant: Merchant, settings: Settings, chat: Any
) -> None:
    sender = AlertSender(engine, settings)
    await pause_schedules(engine, merchant.merchant_id, reason="holiday of Mr Kim")
    await sender.poll()
    assert not chat.posts

    clock.advance(timedelta(hours=1))
    await sender.poll()
    assert f"{CODE}: Scheduled payments are paused since 2026-09-03 10:00 KST" in texts(chat)[0]
    assert "Kim" not in texts(chat)[0]

    await resume_schedules(engine, merchant.merchant_id)
    clock.advance(timedelta(minutes=1))
    await sender.poll()
    assert "OVER" in texts(chat)[1]


async def test_a_pause_of_all_merchants(
    engine: Engine, clock: ManualClock, settings: Settings, chat: Any
) -> None:
    await pause_schedules(engine, None, reason="PG")
    clock.advance(timedelta(hours=1))
    await AlertSender(engine, settings).poll()
    assert "PROBLEM: Scheduled payments are paused" in texts(chat)[0]


async def _insert_runs(
    engine: Engine, channel: Channel, *, failed: int, paid: int, name: str = "홍길동"
) -> None:
    """Scheduled payments that ran now."""
    now = engine.clock.now()
    await engine.database.fetch(
        """WITH runs AS (
               SELECT n, 'imp_' || n AS imp_uid, 'order-' || n AS merchant_uid,
                      CASE WHEN n <= $3::int THEN 'failed' ELSE 'paid' END AS status
               FROM generate_series(1, $3::int + $4::int) n),
           paid AS (
               INSERT INTO payments (merchant_id, imp_uid, merchant_uid, purpose, status,
                   amount_krw, channel_id, source, name, buyer_name, started_at, paid_at,
                   failed_at, updated_at)
               SELECT $1::bigint, imp_uid, merchant_uid, 'payment', status, 9900, $2::bigint, 'api',
                      '구독', $6::text, $5::timestamptz,
                      CASE WHEN status = 'paid' THEN $5::timestamptz END,
                      CASE WHEN status = 'failed' THEN $5::timestamptz END, $5 FROM runs
               RETURNING 1)
           INSERT INTO schedules (merchant_id, schedule_id, merchant_uid, customer_uid, channel_id,
               status, schedule_at, due_at, amount_krw, name, imp_uid, created_at, started_at,
               executed_at, updated_at)
           SELECT $1, 's-' || n, merchant_uid, 'card-1', $2, 'executed', $5, $5, 9900, '구독',
                  imp_uid, $5, $5, $5, $5 FROM runs""",
        channel.merchant_id,
        channel.channel_id,
        failed,
        paid,
        now,
        name,
    )


async def test_schedules_that_fail_in_number(
    engine: Engine, clock: ManualClock, channel: Channel, settings: Settings, chat: Any
) -> None:
    await _insert_runs(engine, channel, failed=25, paid=10)
    await AlertSender(engine, settings).poll()
    assert f"{CODE}: 25 of 35 scheduled payments of the last hour failed." in texts(chat)[0]
    assert "홍길동" not in texts(chat)[0]


@pytest.mark.parametrize("counts", [(19, 0), (25, 30)])
async def test_a_few_failed_schedules_are_no_alert(
    engine: Engine, channel: Channel, settings: Settings, chat: Any, counts: tuple[int, int]
) -> None:
    await _insert_runs(engine, channel, failed=counts[0], paid=counts[1])
    await AlertSender(engine, settings).poll()
    assert not chat.posts


async def test_a_payment_past_its_deadline(
    engine: Engine, clock: ManualClock, channel: Channel, settings: Settings, chat: Any
) -> None:
    await _insert_runs(engine, channel, failed=2, paid=0)
    await engine.database.fetch(
        """INSERT INTO pg_attempts (merchant_id, attempt_id, imp_uid, kind, channel_id,
               pg_merchant_id, business_date, amount_krw, state, sent_at, deadline_at, escalated_at)
           SELECT merchant_id, 'at-' || imp_uid, imp_uid, 'charge', channel_id, 'T0021766',
                  '2026-09-01', amount_krw, 'unknown', $2::timestamptz,
                  $2::timestamptz, CASE WHEN imp_uid = 'imp_1' THEN $2::timestamptz END
           FROM payments WHERE merchant_id = $1""",
        channel.merchant_id,
        clock.now(),
    )
    await AlertSender(engine, settings).poll()
    assert f"{CODE}: The outcome of payment imp_1 is not known" in texts(chat)[0]
    assert f"/console/merchants/{CODE}/payments/imp_1" in texts(chat)[0]
    assert "imp_2" not in texts(chat)[0]


async def test_key_deletions_that_fail(
    engine: Engine, clock: ManualClock, channel: Channel, settings: Settings, chat: Any
) -> None:
    await engine.database.fetch(
        """INSERT INTO billing_keys (merchant_id, billing_key_id, customer_uid, channel_id,
               sealed_key, status, issued_at, updated_at, next_deletion_at, deletion_attempts,
               manual_review_reason)
           VALUES ($1, 'bk-1', 'hong@example.kr', $2, 'x', 'deleted', $3, $3, NULL, 1, 'W1: no'),
                  ($1, 'bk-2', 'hong@example.kr', $2, 'x', 'deleted', $3, $3, $3, 6, NULL),
                  ($1, 'bk-3', 'hong@example.kr', $2, 'x', 'deleted', $3, $3, $3, 5, NULL)""",
        channel.merchant_id,
        channel.channel_id,
        clock.now(),
    )
    await AlertSender(engine, settings).poll()
    assert f"{CODE}: 2 billing keys could not be deleted at the PG" in texts(chat)[0]
    assert "hong@" not in texts(chat)[0]


async def test_backups_count_only_with_a_folder(
    engine: Engine, database_url: str, chat: Any, tmp_path: Path
) -> None:
    without = settings_of(database_url, DASI_ALERT_CHAT_URL=chat.url)
    await AlertSender(engine, without).poll()
    assert not chat.posts

    with_folder = settings_of(
        database_url, DASI_ALERT_CHAT_URL=chat.url, DASI_BACKUP_DIR=str(tmp_path)
    )
    await AlertSender(engine, with_folder).poll()
    assert "The folder of DASI_BACKUP_DIR has no backup." in texts(chat)[0]


async def test_a_backup_that_is_too_old(
    engine: Engine, clock: ManualClock, database_url: str, chat: Any, tmp_path: Path
) -> None:
    backup = Backup(
        name="20260903T010000Z",
        began_at=clock.now(),
        ended_at=clock.now(),
        bytes=1,
        system_identifier="77",
        postgresql=18,
        dasi="0.1.0",
        installation_id="a",
        sealing_key_ids=("aa",),
        first_wal="000000010000000000000001",
        is_ledger_verified=False,
    )
    (tmp_path / backup.name).mkdir()
    write_backup(tmp_path / backup.name, backup)
    settings = settings_of(
        database_url, DASI_ALERT_CHAT_URL=chat.url, DASI_BACKUP_DIR=str(tmp_path)
    )
    sender = AlertSender(engine, settings)

    clock.advance(timedelta(hours=25))
    await sender.poll()
    assert not chat.posts

    clock.advance(timedelta(hours=1))
    await sender.poll()
    assert "The newest backup is 26 hours old." in texts(chat)[0]


async def test_korean(engine: Engine, clock: ManualClock, database_url: str, chat: Any) -> None:
    await set_mode(engine.database, "stopped", detail="x", now=clock.now())
    korean = settings_of(database_url, DASI_ALERT_CHAT_URL=chat.url, DASI_ALERT_LANGUAGE="ko")
    await AlertSender(engine, korean).poll()
    assert "문제" in texts(chat)[0]
    assert "stopped" in texts(chat)[0]


def test_every_kind_has_a_text_in_both_languages() -> None:
    kinds = set(get_args(Kind))
    assert TEXTS["en"].keys() == TEXTS["ko"].keys() == kinds
