"""Queue and deliver notices (§11, §14.6), every three minutes until the acknowledgement."""

import asyncio
import heapq
from collections import deque
from typing import Literal

import aiohttp
from msgspec import Struct, field

from kicc_simulator.ledger.bank import Bank, Cancel, Transaction
from kicc_simulator.notifications import notification_bodies
from kicc_wire import codes

_FINISHED_MAX = 2_000
_AT_ONCE_MAX = 16
_ACK_BYTES_MAX = 65_536


class Notice(Struct, kw_only=True, rename="camel"):
    """One notice for one mall: waiting, delivered, or given up until a manual resend."""

    id: int
    mall_id: str
    noti_type: str
    pg_cno: str
    url: str
    form: str
    fields: dict[str, str]
    due_s: float
    state: Literal["waiting", "delivered", "parked"] = "waiting"
    attempts: int = field(default=0, name="tries")
    last: str = ""


class Notices:
    """Queues and delivers notices. Times are those of the virtual clock."""

    def __init__(self, bank: Bank) -> None:
        self._bank = bank
        self._heap: list[tuple[float, int, Notice]] = []
        self._finished: deque[Notice] = deque(maxlen=_FINISHED_MAX)
        self._held_back: dict[str, list[Notice]] = {}
        self._sending: set[asyncio.Task[None]] = set()
        self._clients: dict[str, aiohttp.ClientSession] = {}
        self._changed = asyncio.Event()
        self._last_id = 0

    async def run(self) -> None:
        """Deliver due notices until cancelled."""
        try:
            while True:
                await self._until_due()
                _, _, notice = heapq.heappop(self._heap)
                self._spawn(notice)
        finally:
            for task in self._sending:
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
            for client in self._clients.values():
                await client.close()

    async def queue(
        self,
        paid: Transaction,
        outcome: Transaction | Cancel | None,
        *,
        is_first: bool = False,
    ) -> None:
        """Queue the notice of a success. ``is_first`` delivers it before returning."""
        if isinstance(outcome, Cancel):
            await self.queue_event(paid, outcome.notice_type, cancel=outcome, is_first=is_first)
        elif paid.kind != "key":
            await self.queue_event(paid, codes.NOTICE_APPROVAL, is_first=is_first)

    async def queue_event(
        self,
        paid: Transaction,
        notice_type: str,
        *,
        cancel: Cancel | None = None,
        res_cd: str = codes.RESULT_OK,
        is_first: bool = False,
    ) -> None:
        """Queue a notice of any kind, if the mall subscribes to it."""
        mall = self._bank.malls.get(paid.mall_id)
        target = mall.notice if mall else None
        if target is None or (target.kinds is not None and notice_type not in target.kinds):
            return
        if paid.kind == "charge" and not target.batch_approvals:
            return
        fields = notification_bodies.fields_of(paid, notice_type, cancel, res_cd=res_cd)
        if self._bank.switches.notice_wrong_amount:
            fields["amount"] = str(paid.amount + 1)
        copies = 2 if self._bank.switches.notice_duplicate else 1
        for _ in range(copies):
            notice = self._make(paid.mall_id, fields, url=target.url, form=target.form)
            if is_first:
                await self._attempt(notice)
            else:
                self._queue_in_order(paid, notice)

    def forge(self, mall_id: str, fields: dict[str, str], *, url: str, form: str) -> Notice:
        """Send a forged notice at once."""
        notice = self._make(mall_id, fields, url=url, form=form)
        notice.due_s = self._bank.clock.elapsed_s()
        self._push(notice)
        return notice

    def resend(self, notice: Notice) -> None:
        """Restart the notice's delivery attempts now (the admin page's button)."""
        self._finished.remove(notice)
        notice.state, notice.attempts = "waiting", 0
        notice.due_s = self._bank.clock.elapsed_s()
        self._push(notice)

    def all(self) -> list[Notice]:
        """Every stored notice, oldest first."""
        waiting = [notice for _, _, notice in self._heap]
        held_back = [notice for notices in self._held_back.values() for notice in notices]
        return sorted([*self._finished, *waiting, *held_back], key=lambda notice: notice.id)

    async def until_quiet(self) -> None:
        """Return once nothing is being sent and nothing is due now."""
        while self._sending or (self._heap and self._heap[0][0] <= self._bank.clock.elapsed_s()):
            await self._changed.wait()

    def reset(self) -> None:
        """Forget every notice and abort deliveries under way."""
        self._heap.clear()
        self._finished.clear()
        self._held_back.clear()
        for task in self._sending:
            task.cancel()

    def _make(self, mall_id: str, fields: dict[str, str], *, url: str, form: str) -> Notice:
        self._last_id += 1
        delay_s = self._bank.dice.uniform(0, self._bank.switches.notice_delay_s)
        return Notice(
            id=self._last_id,
            mall_id=mall_id,
            noti_type=fields.get("notiType", ""),
            pg_cno=fields.get("pgCno", ""),
            url=url,
            form=form,
            fields=fields,
            due_s=self._bank.clock.elapsed_s() + delay_s,
        )

    def _queue_in_order(self, paid: Transaction, notice: Notice) -> None:
        """With the reorder switch, approvals wait until their cancel has left."""
        if self._bank.switches.notice_reorder and notice.noti_type == codes.NOTICE_APPROVAL:
            self._held_back.setdefault(paid.pg_cno, []).append(notice)
            return
        self._push(notice)
        for late in self._held_back.pop(paid.pg_cno, []):
            late.due_s = max(late.due_s, notice.due_s + 1)
            self._push(late)

    def _push(self, notice: Notice) -> None:
        heapq.heappush(self._heap, (notice.due_s, notice.id, notice))
        self._notify()

    async def _until_due(self) -> None:
        clock = self._bank.clock
        while True:
            changed = self._changed
            can_send = bool(self._heap) and len(self._sending) < _AT_ONCE_MAX
            if can_send and self._heap[0][0] <= clock.elapsed_s():
                return
            tasks: list[asyncio.Task[object]] = [asyncio.create_task(changed.wait())]
            if can_send:
                tasks.append(asyncio.create_task(clock.sleep_until(self._heap[0][0])))
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in tasks:
                    task.cancel()

    def _spawn(self, notice: Notice) -> None:
        task = asyncio.create_task(self._attempt(notice))
        self._sending.add(task)
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._sending.discard(task)
        self._notify()
        if not task.cancelled() and task.exception() is not None:
            raise task.exception()  # type: ignore[misc]  # a bug: let the loop report it

    async def _attempt(self, notice: Notice) -> None:
        notice.attempts += 1
        is_acked, notice.last = await self._post(notice)
        if is_acked:
            notice.state = "delivered"
        elif notice.attempts > codes.NOTICE_RETRIES_MAX:
            notice.state = "parked"
        else:
            notice.due_s += codes.NOTICE_RETRY_INTERVAL_S
            self._push(notice)
            return
        self._finished.append(notice)

    async def _post(self, notice: Notice) -> tuple[bool, str]:
        body, content_type = notification_bodies.encode(notice.fields, notice.form)
        timeout = aiohttp.ClientTimeout(total=self._bank.switches.notice_timeout_s or None)
        try:
            async with self._client().post(
                notice.url,
                data=body,
                headers={"Content-Type": content_type},
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                answer = await response.content.read(_ACK_BYTES_MAX)
        except TimeoutError:
            return False, "no answer in time"
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return False, f"{type(error).__name__}: {error}"
        is_acked = notification_bodies.is_acknowledged(response.status, answer, notice.form)
        shown = answer[:200].decode("utf-8", "replace")
        return is_acked, f"{response.status} {shown}"

    def _client(self) -> aiohttp.ClientSession:
        source = self._bank.switches.notice_source
        client = self._clients.get(source)
        if client is None:
            connector = aiohttp.TCPConnector(
                local_addr=(source, 0) if source else None, limit=_AT_ONCE_MAX
            )
            client = aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar())
            self._clients[source] = client
        return client

    def _notify(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()
