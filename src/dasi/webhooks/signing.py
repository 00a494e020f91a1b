"""Sign webhooks as Standard Webhooks 1.0 says: id, time and body under every active secret."""

import base64
import hashlib
import hmac
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dasi.engine import Engine
from dasi.foundation.clock import epoch_s
from dasi.foundation.db import Row
from dasi.foundation.ids import ulid
from dasi.foundation.vault import EncryptedColumn

_PREFIX = "whsec_"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """The secret that an endpoint verifies with. It is sealed, so that it can be shown again."""

    secret: str = field(repr=False)
    expires_at: datetime | None


def signature_headers(
    secrets: Sequence[SigningSecret], *, event_id: str, body: bytes, at: datetime
) -> dict[str, str]:
    """Return the three headers of a signed webhook.

    Every secret signs, because an endpoint may hold either while one is rotated.
    """
    timestamp = str(epoch_s(at))
    content = f"{event_id}.{timestamp}.".encode() + body
    signatures = (
        base64.b64encode(hmac.new(_key(secret), content, hashlib.sha256).digest()).decode()
        for secret in secrets
    )
    return {
        "webhook-id": event_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


async def signing_secrets(engine: Engine, merchant_id: int) -> list[SigningSecret]:
    """Return the active secrets of a merchant, newest first. Creates the first one."""
    secrets = await signing_secrets_of(engine, {merchant_id})
    return secrets[merchant_id]


async def signing_secrets_of(
    engine: Engine, merchant_ids: set[int]
) -> dict[int, list[SigningSecret]]:
    """Return the active secrets of several merchants, each newest first."""
    now = engine.clock.now()
    rows = await _active_secrets(engine, merchant_ids, now)
    without_secret = merchant_ids - {row["merchant_id"] for row in rows}
    if without_secret:
        for merchant_id in without_secret:
            await _insert_secret(engine, merchant_id, now)
        rows = await _active_secrets(engine, merchant_ids, now)
    secrets: dict[int, list[SigningSecret]] = {merchant_id: [] for merchant_id in merchant_ids}
    for row in rows:
        secret = SEALED_SIGNING_SECRETS.open(
            engine.vault,
            row["sealed"],
            merchant_id=row["merchant_id"],
            secret_id=row["secret_id"],
        )
        secrets[row["merchant_id"]].append(SigningSecret(secret, row["expires_at"]))
    return secrets


async def rotate_secret(engine: Engine, merchant_id: int, *, keep_old_for: timedelta) -> None:
    """Create a new secret. The old one signs, too, until `keep_old_for` has passed."""
    now = engine.clock.now()
    await engine.database.fetch(
        """UPDATE webhook_secrets SET expires_at = $2
           WHERE merchant_id = $1 AND expires_at IS NULL""",
        merchant_id,
        now + keep_old_for,
    )
    await _insert_secret(engine, merchant_id, now)


async def _active_secrets(
    engine: Engine, merchant_ids: Collection[int], now: datetime
) -> list[Row]:
    return await engine.database.fetch(
        """SELECT merchant_id, secret_id, sealed, expires_at FROM webhook_secrets
           WHERE merchant_id = ANY($1::bigint[]) AND (expires_at IS NULL OR expires_at > $2)
           ORDER BY merchant_id, created_at DESC, secret_id DESC""",
        list(merchant_ids),
        now,
    )


async def _insert_secret(engine: Engine, merchant_id: int, now: datetime) -> None:
    """Insert a new secret. Of two at the same time, the first one stays."""
    secret = _PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()
    secret_id = f"whs_{ulid(now)}"
    await engine.database.fetch(
        """INSERT INTO webhook_secrets (merchant_id, secret_id, sealed, created_at)
           VALUES ($1, $2, $3, $4)
           ON CONFLICT (merchant_id) WHERE expires_at IS NULL DO NOTHING""",
        merchant_id,
        secret_id,
        SEALED_SIGNING_SECRETS.seal(
            engine.vault, secret, merchant_id=merchant_id, secret_id=secret_id
        ),
        now,
    )


def _key(secret: SigningSecret) -> bytes:
    return base64.b64decode(secret.secret.removeprefix(_PREFIX))


SEALED_SIGNING_SECRETS = EncryptedColumn(
    title="signing secrets of webhooks",
    table="webhook_secrets",
    key=("merchant_id", "secret_id"),
    column="sealed",
    bound_to=("merchant_id", "secret_id"),
)
