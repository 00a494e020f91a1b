"""Growth: the same charges and reads with many payments in the tables.

The rows are made with SQL, as paid payments with their attempt, story and delivered webhook. Only
their number counts here, so checks between tables are off while they are made.
"""

import time
from typing import Any

from bench import charge, reads
from bench.machine import Machine

_PAYMENTS = """
    INSERT INTO payments (merchant_id, imp_uid, merchant_uid, purpose, status, amount_krw, entry,
        channel_id, name, buyer_name, customer_uid, pg_tid, approval_no, card_brand, card_name,
        card_number, card_kind, started_at, paid_at, updated_at, version)
    SELECT $1, 'imp_9' || lpad(n::text, 11, '0'), 'old-' || n, 'payment', 'paid', 9900, 'api', $2,
           '월간 구독', '홍길동', 'card-' || n % 32 + 1, '2609031' || lpad(n::text, 13, '0'),
           lpad((n % 100000000)::text, 8, '0'), 'shinhan', '신한카드', '451842******0005', 'credit',
           at, at, at, 2
    FROM (SELECT n, now() - ($4::bigint - n) * interval '1 second' AS at
          FROM generate_series($3::bigint, $4::bigint) AS n) AS numbers"""
_ATTEMPTS = """
    INSERT INTO attempts (merchant_id, attempt_id, imp_uid, kind, channel_id, mall_id,
        shop_order_no, day_kst, amount_krw, state, pg_code, pg_tid, sent_at, answered_at,
        deadline_at)
    SELECT merchant_id, 'ch-' || imp_uid, imp_uid, 'charge', channel_id, 'T0021766',
           'ch-' || imp_uid, started_at::date, amount_krw, 'approved', '0000', pg_tid, started_at,
           paid_at, started_at + interval '1 day'
    FROM payments WHERE merchant_id = $1
      AND imp_uid BETWEEN 'imp_9' || lpad($2::text, 11, '0') AND 'imp_9' || lpad($3::text, 11, '0')
"""
_EVENTS = """
    INSERT INTO payment_events (merchant_id, imp_uid, seq, at, what, status, who, attempt_id,
                                previous, hash)
    SELECT merchant_id, imp_uid, seq, paid_at, 'made', 'paid', 'bench', 'ch-' || imp_uid,
           sha256(imp_uid::bytea), sha256((imp_uid || seq)::bytea)
    FROM payments CROSS JOIN generate_series(1, 2) AS seq WHERE merchant_id = $1
      AND imp_uid BETWEEN 'imp_9' || lpad($2::text, 11, '0') AND 'imp_9' || lpad($3::text, 11, '0')
"""
_WEBHOOKS = """
    INSERT INTO webhook_events (merchant_id, event_id, imp_uid, version, kind, body, at)
    SELECT merchant_id, 'evt_' || imp_uid, imp_uid, 2, 'payment.paid', '{}', paid_at
    FROM payments WHERE merchant_id = $1
      AND imp_uid BETWEEN 'imp_9' || lpad($2::text, 11, '0') AND 'imp_9' || lpad($3::text, 11, '0')
"""
_STEP = 250_000


async def measure(
    machine: Machine, *, sizes: list[int], rounds: int, seconds: int
) -> dict[str, Any]:
    """Charges and reads at each size. The floor's table stays small: it is the measure."""
    results, made = {}, 0
    for size in sizes:
        began = time.perf_counter()
        await _fill(machine, made + 1, size)
        made = max(made, size)
        filled_s = time.perf_counter() - began
        results[str(size)] = {
            "filled_s": round(filled_s),
            "database_gib": round(await _size(machine) / 2**30, 2),
            "charge": await charge.measure(
                machine, clients=32, rounds=rounds, seconds=seconds, name=f"g{size}-"
            ),
            "reads": await reads.measure(machine, clients=32, rounds=rounds, seconds=seconds),
        }
    return results


async def _fill(machine: Machine, first: int, last: int) -> None:
    database, merchant_id = machine.database, machine.shop.merchant.merchant_id
    await database.execute("SET session_replication_role = replica; SET synchronous_commit = off")
    for start in range(first, last + 1, _STEP):
        end = min(start + _STEP - 1, last)
        await database.execute(
            _PAYMENTS, merchant_id, machine.shop.channel.channel_id, start, end, timeout=3600
        )
        for statement in (_ATTEMPTS, _EVENTS, _WEBHOOKS):
            await database.execute(statement, merchant_id, str(start), str(end), timeout=3600)
    await database.execute("RESET session_replication_role; RESET synchronous_commit")
    await database.execute("VACUUM ANALYZE", timeout=3600)
    await database.execute("CHECKPOINT", timeout=3600)


async def _size(machine: Machine) -> int:
    return int(await machine.database.fetchval("SELECT pg_database_size(current_database())"))
