"""Payments as they stand in lists, kept in memory as long as nothing about them changed.

Whoever pages through payments, or looks every minute for new ones, is shown mostly what was shown
before. What is kept is found by the version that the list itself has just read: it is never old.
"""

from collections import OrderedDict
from collections.abc import Sequence

import msgspec

from dasi.engine import Engine
from dasi.iamport.rendering.objects import Paged
from dasi.iamport.rendering.views import paged, payment_view
from dasi.reporting import PaymentVersion, VersionPage, find_payments

_PAYMENT_MAX_BYTES = 2_000
"""Nearly all are shorter. What is longer (`custom_data` may be) is made anew each time."""
_encode = msgspec.json.Encoder().encode


class PaymentJsonCache:
    """Of one process. 4,000 are 8 MB at most."""

    def __init__(self, *, payments_max: int = 4_000) -> None:
        self._payments_max = payments_max
        self._kept: OrderedDict[tuple[int, PaymentVersion], msgspec.Raw] = OrderedDict()
        """The one that was not asked for the longest comes first."""

    def __len__(self) -> int:
        return len(self._kept)

    async def page(
        self, engine: Engine, merchant_id: int, found: VersionPage, *, page: int, limit: int
    ) -> Paged[msgspec.Raw]:
        """What was found for the `page` of `limit` payments at most."""
        rendered = await self._of(engine, merchant_id, found.versions)
        return paged(rendered, found.total, page=page, limit=limit)

    async def _of(
        self, engine: Engine, merchant_id: int, seen: Sequence[PaymentVersion]
    ) -> list[msgspec.Raw]:
        """The JSON of each, in their order."""
        rendered: dict[str, msgspec.Raw] = {}
        for one in seen:
            known = self._kept.get((merchant_id, one))
            if known is not None:
                self._kept.move_to_end((merchant_id, one))
                rendered[one.imp_uid] = known
        missing = {one.imp_uid: one for one in seen if one.imp_uid not in rendered}
        if missing:
            found = await find_payments(
                engine, merchant_id, imp_uids=list(missing), merchant_uids=[]
            )
            for payment in found:
                text = msgspec.Raw(_encode(payment_view(payment)))
                rendered[payment.imp_uid] = text
                self._keep((merchant_id, missing[payment.imp_uid]), text)
        return [rendered[one.imp_uid] for one in seen]

    def _keep(self, key: tuple[int, PaymentVersion], text: msgspec.Raw) -> None:
        if len(bytes(text)) <= _PAYMENT_MAX_BYTES:
            self._kept[key] = text
            while len(self._kept) > self._payments_max:
                self._kept.popitem(last=False)
