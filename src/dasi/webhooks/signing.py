"""Sign what is sent, as Standard Webhooks 1.0 says: id, time and body under every active secret."""

import base64
import hashlib
import hmac
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dasi.engine import Engine
from dasi.foundation.clock import epoch_s
from dasi.foundation.ids import ulid
from dasi.foundation.reencrypt import EncryptedColumn
from dasi.webhooks import secret_store

_PREFIX = "whsec_"
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningSecret:
    """What an endpoint verifies with. It may be shown to the merchant again, so it is sealed."""

    secret: str = field(repr=False)
    expires_at: datetime | None


def signature_headers(
    secrets: Sequence[SigningSecret], *, event_id: str, body: bytes, at: datetime
) -> dict[str, str]:
    """The three headers. Every secret signs: an endpoint may hold either while one is rotated."""
    stamp = str(epoch_s(at))
    signed = f"{event_id}.{stamp}.".encode() + body
    marks = (
        base64.b64encode(hmac.new(_key(one), signed, hashlib.sha256).digest()).decode()
        for one in secrets
    )
    return {
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }


async def signing_secrets(engine: Engine, merchant_id: int) -> list[SigningSecret]:
    """The active secrets of a merchant, newest first. The first one is made here."""
    found = await secrets_of(engine, [merchant_id])
    return found[merchant_id]


async def secrets_of(engine: Engine, merchant_ids: Iterable[int]) -> dict[int, list[SigningSecret]]:
    """The same for several merchants at once."""
    wanted, now = set(merchant_ids), engine.clock.now()
    rows = await secret_store.active_secrets_any_merchant(engine.database, wanted, now)
    without = wanted - {row.merchant_id for row in rows}
    if without:
        for merchant_id in without:
            await _insert_new(engine, merchant_id, now)
        rows = await secret_store.active_secrets_any_merchant(engine.database, wanted, now)
    found: dict[int, list[SigningSecret]] = {merchant_id: [] for merchant_id in wanted}
    for row in rows:
        opened = engine.vault.open(
            row.sealed, associated_data=_associated_data(row.merchant_id, row.secret_id)
        )
        found[row.merchant_id].append(SigningSecret(opened, row.expires_at))
    return found


async def rotate_secret(engine: Engine, merchant_id: int, *, keep_old_for: timedelta) -> None:
    """A new secret; the old one signs, too, until `keep_old_for` has passed."""
    now = engine.clock.now()
    await secret_store.end_newest_secret(
        engine.database, merchant_id, expires_at=now + keep_old_for
    )
    await _insert_new(engine, merchant_id, now)


async def _insert_new(engine: Engine, merchant_id: int, now: datetime) -> None:
    secret = _PREFIX + base64.b64encode(os.urandom(_SECRET_BYTES)).decode()
    secret_id = f"whs_{ulid(now)}"
    await secret_store.insert_secret(
        engine.database,
        merchant_id,
        secret_id=secret_id,
        sealed=engine.vault.seal(secret, associated_data=_associated_data(merchant_id, secret_id)),
        now=now,
    )


def _key(secret: SigningSecret) -> bytes:
    return base64.b64decode(secret.secret.removeprefix(_PREFIX))


def _associated_data(merchant_id: int, secret_id: str) -> str:
    return f"merchant {merchant_id} webhook secret {secret_id}"


SEALED_SIGNING_SECRETS = EncryptedColumn(
    label="signing secrets of webhooks",
    table="webhook_secrets",
    key=("merchant_id", "secret_id"),
    column="sealed",
    associated_data=lambda row: _associated_data(row["merchant_id"], row["secret_id"]),
)
