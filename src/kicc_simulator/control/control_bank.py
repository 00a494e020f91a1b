"""The control API for malls, the bank's own jobs, and notices."""

import asyncio
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.routing import Route

from kicc_simulator.control.control import NotUsable, convert, json_route, read
from kicc_simulator.ledger import admin
from kicc_simulator.ledger.bank import Transaction
from kicc_simulator.ledger.malls import Mall
from kicc_simulator.notifications import notification_bodies
from kicc_simulator.notifications.notifications import Notice
from kicc_simulator.simulator import Simulator
from kicc_wire import codes

_QUIET_WAIT_MAX_S = 60.0


class OfTransaction(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Names a transaction."""

    pg_cno: str


class EscrowStep(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The buyer's decision about an escrow delivery."""

    pg_cno: str
    status_code: str


class SettleRefunds(Struct, kw_only=True, forbid_unknown_fields=True):
    """The next day's refund job; ``refuse`` makes the banks refuse."""

    refuse: bool = False


class Resend(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The finished notices to send again: by id, or by transaction and kind."""

    id: int | None = None
    pg_cno: str | None = None
    noti_type: str | None = None


class Forge(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """A forged notice, built on the notice of a transaction if the request names one."""

    mall_id: str
    pg_cno: str | None = None
    noti_type: str = codes.NOTICE_APPROVAL
    fields: dict[str, str] = {}
    url: str | None = None


def bank_routes(simulator: Simulator) -> list[Route]:
    """Every route of malls, jobs and notices."""
    operations = AdminOperations(simulator)
    return [
        json_route("GET", "/malls", operations.malls),
        json_route("POST", "/malls", operations.add_mall),
        json_route("PATCH", "/malls/{mall_id}", operations.change_mall),
        json_route("DELETE", "/malls/{mall_id}", operations.remove_mall),
        json_route("POST", "/capture", operations.capture),
        json_route("POST", "/void", operations.void),
        json_route("POST", "/deposit", operations.deposit),
        json_route("POST", "/deposit/reverse", operations.reverse_deposit),
        json_route("POST", "/refunds/settle", operations.settle_refunds),
        json_route("POST", "/escrow", operations.escrow),
        json_route("GET", "/notices", operations.notices),
        json_route("POST", "/notices/resend", operations.resend),
        json_route("POST", "/notices/forge", operations.forge),
    ]


class AdminOperations:
    """The handlers of the routes."""

    def __init__(self, simulator: Simulator) -> None:
        self._bank = simulator.bank
        self._notices = simulator.notices

    async def malls(self, _request: Request) -> Any:
        return {"malls": list(self._bank.malls.values())}

    async def add_mall(self, request: Request) -> Any:
        mall = await read(request, Mall)
        if not mall.mall_id.isascii() or not 1 <= len(mall.mall_id) <= 8:  # noqa: PLR2004 - S8
            raise NotUsable("mallId: 1 to 8 ASCII characters are expected")
        self._bank.malls[mall.mall_id] = mall
        return mall

    async def change_mall(self, request: Request) -> Any:
        mall = self._mall(request)
        changes = await read(request, dict[str, Any])
        if changes.get("mallId", mall.mall_id) != mall.mall_id:
            raise NotUsable("mallId cannot change")
        changed = convert(msgspec.to_builtins(mall) | changes, Mall)
        self._bank.malls[mall.mall_id] = changed
        return changed

    async def remove_mall(self, request: Request) -> Any:
        """Deactivate the mall; its records stay."""
        self._mall(request).active = False
        return {"malls": list(self._bank.malls.values())}

    def _mall(self, request: Request) -> Mall:
        mall = self._bank.malls.get(request.path_params["mall_id"])
        if mall is None:
            raise NotUsable("no such mall", 404)
        return mall

    async def capture(self, _request: Request) -> Any:
        return {"captured": admin.capture_batch(self._bank)}

    async def void(self, _request: Request) -> Any:
        return {"voided": admin.nightly_void(self._bank)}

    async def deposit(self, request: Request) -> Any:
        paid = self._transaction((await read(request, OfTransaction)).pg_cno)
        admin.deposit(self._bank, paid)
        await self._notices.queue_event(paid, codes.NOTICE_DEPOSIT)
        return admin.transaction_shown(paid)

    async def reverse_deposit(self, request: Request) -> Any:
        paid = self._transaction((await read(request, OfTransaction)).pg_cno)
        admin.reverse_deposit(paid)
        await self._notices.queue_event(paid, codes.NOTICE_DEPOSIT_REVERSED)
        paid.deposit_pg_cno = ""
        return admin.transaction_shown(paid)

    async def settle_refunds(self, request: Request) -> Any:
        is_refused = (await read(request, SettleRefunds)).refuse
        settled = admin.settle_refunds(self._bank, is_refused=is_refused)
        kind = codes.NOTICE_REFUND_REFUSED if is_refused else codes.NOTICE_REFUND_DONE
        res_cd = codes.RESULT_PAYOUT_REFUSED if is_refused else codes.RESULT_OK
        for paid in settled:
            await self._notices.queue_event(paid, kind, cancel=paid.cancels[-1], res_cd=res_cd)
        return {"settled": [paid.pg_cno for paid in settled]}

    async def escrow(self, request: Request) -> Any:
        step = await read(request, EscrowStep)
        paid = self._transaction(step.pg_cno)
        admin.confirm_escrow(paid, step.status_code)
        await self._notices.queue_event(paid, codes.NOTICE_ESCROW)
        return admin.transaction_shown(paid)

    def _transaction(self, pg_cno: str) -> Transaction:
        paid = self._bank.transactions.get(pg_cno)
        if paid is None:
            raise NotUsable("no such transaction", 404)
        return paid

    async def notices(self, request: Request) -> Any:
        """Every stored notice; ``wait=1`` waits until none is due or being sent."""
        if request.query_params.get("wait") == "1":
            try:
                await asyncio.wait_for(self._notices.until_quiet(), _QUIET_WAIT_MAX_S)
            except TimeoutError:
                raise NotUsable(f"notices still due after {_QUIET_WAIT_MAX_S:g} s", 408) from None
        return {"notices": self._notices.all()}

    async def resend(self, request: Request) -> Any:
        filters = await read(request, Resend)
        chosen = [notice for notice in self._notices.all() if _is_meant(notice, filters)]
        if not chosen:
            raise NotUsable("no finished notice is meant", 404)
        for notice in chosen:
            self._notices.resend(notice)
        return {"resent": [notice.id for notice in chosen]}

    async def forge(self, request: Request) -> Any:
        forged = await read(request, Forge)
        mall = self._bank.malls.get(forged.mall_id)
        target = mall.notice if mall else None
        url = forged.url or (target.url if target else None)
        if url is None:
            raise NotUsable("url: the mall has no notice URL, so one is needed")
        fields: dict[str, str] = {"mallId": forged.mall_id, "notiType": forged.noti_type}
        if forged.pg_cno is not None:
            paid = self._transaction(forged.pg_cno)
            fields = notification_bodies.fields_of(paid, forged.noti_type, None)
        form = target.form if target else "json"
        return self._notices.forge(forged.mall_id, fields | forged.fields, url=url, form=form)


def _is_meant(notice: Notice, filters: Resend) -> bool:
    return (
        notice.state != "waiting"
        and filters.id in (None, notice.id)
        and filters.pg_cno in (None, notice.pg_cno)
        and filters.noti_type in (None, notice.noti_type)
    )
