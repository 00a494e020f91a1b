"""A cache of the JSON of payments in lists, keyed by the version of each payment.

A client that reads every page, or polls for new payments, mostly reads payments that did not
change. The list query reads the current versions, so that an entry is never stale.
"""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from dasi.engine import Engine
from dasi.iamport.rendering.objects import Paged
from dasi.iamport.rendering.views import paged, payment_view
from dasi.reporting import PaymentVersion, VersionPage, find_payments

_PAYMENT_MAX_BYTES = 2_000
"""Nearly all are shorter. A longer one (`custom_data` may be long) is encoded each time."""
_encode = msgspec.json.Encoder().encode


class PaymentJsonCache:
    """The cache of one process. 4,000 payments take 8 MB at most."""

    def __init__(self, *, payments_max: int = 4_000) -> None:
        self._payments_max = payments_max
        self._entries: OrderedDict[tuple[int, PaymentVersion], msgspec.Raw] = OrderedDict()
        """The least recently used entry comes first."""

    def __len__(self) -> int:
        return len(self._entries)

    async def page(
        self, engine: Engine, merchant_id: int, versions: VersionPage, *, page: int, limit: int
    ) -> Paged[msgspec.Raw]:
        """Return the listed payments as page `page` of at most `limit` payments each."""
        rendered = await self._render(engine, merchant_id, versions.versions)
        return paged(rendered, versions.total, page=page, limit=limit)

    async def _render(
        self, engine: Engine, merchant_id: int, versions: Sequence[PaymentVersion]
    ) -> list[msgspec.Raw]:
        """Return the JSON of each version, in their order."""
        rendered: dict[str, msgspec.Raw] = {}
        for version in versions:
            entry = self._entries.get((merchant_id, version))
            if entry is not None:
                self._entries.move_to_end((merchant_id, version))
                rendered[version.imp_uid] = entry
        missing = {
            version.imp_uid: version for version in versions if version.imp_uid not in rendered
        }
        if missing:
            payments = await find_payments(
                engine, merchant_id, imp_uids=list(missing), merchant_uids=[], include_sandbox=True
            )
            for payment in payments:
                text = msgspec.Raw(_encode(payment_view(payment)))
                rendered[payment.imp_uid] = text
                self._keep((merchant_id, missing[payment.imp_uid]), text)
        return [rendered[version.imp_uid] for version in versions]

    def _keep(self, key: tuple[int, PaymentVersion], text: msgspec.Raw) -> None:
        if len(bytes(text)) <= _PAYMENT_MAX_BYTES:
            self._entries[key] = text
            while len(self._entries) > self._payments_max:
                self._entries.popitem(last=False)
