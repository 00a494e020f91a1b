"""`dasi demo`: everything on this machine, offline, in a temporary folder.

Starts database, simulator, gateway, worker and demo merchant and sets up a merchant. Then it acts
as the payer and the merchant by HTTP: registers a card, charges it, waits for the webhook.
"""

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from dasi.demo.headless_payer import pay_in_window
from dasi.foundation.errors import OperatorError
from dasi.foundation.grants import grant_to_application
from dasi.foundation.metrics import multiprocess_dir
from dasi.runtime.data_dir import DataDir, running_database
from dasi.runtime.processes import (
    LOOPBACK,
    Child,
    ProcessGroup,
    free_port,
    raise_on_exit,
    shutdown_event,
    wait_first,
)
from dasi.runtime.standalone import (
    START_PATIENCE_S,
    Standalone,
    checked_ports,
    copy_logs,
    environment_of,
    log_folder,
    temporary_data_dir,
    until_answering,
)
from dasi.schema import migrate
from dasi.settings import read_settings, without_ours

MERCHANT_CODE = "imp00000001"
MID, PG_SECRET = "T0021766", "easypay!KICCTEST"  # the contract KICC publishes for tests
CUSTOMER_UID = "demo-card"
ORDER_NAME = "다시 구독 1개월"
AMOUNT_KRW = 9900
_STOP_PATIENCE_S = 8
_WEBHOOK_PATIENCE_S = 30
_POLL_S = 0.1
_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Demo:
    """The values that the steps share."""

    standalone: Standalone
    console: Console
    shop_port: int
    api_key: str
    api_secret: str

    @property
    def gateway_url(self) -> str:
        return self.standalone.ports.gateway_url

    @property
    def shop_url(self) -> str:
        return f"http://{LOOPBACK}:{self.shop_port}"

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Print the step's name and seconds once it is done; callers append details to the list."""
        details: list[str] = []
        began = time.perf_counter()
        with self.console.status(name):
            yield details
        seconds = time.perf_counter() - began
        suffix = f"  [dim]{' '.join(details)}[/dim]" if details else ""
        self.console.print(f"[green]✓[/green] {seconds:5.2f} s  {name}{suffix}", soft_wrap=True)


async def run_demo(*, once: bool, port: int, simulator_port: int, shop_port: int) -> int:
    """Run the demo and return the exit code. `OperatorError` names what failed and the logs."""
    console = Console(highlight=False)
    paid = asyncio.Event()
    async with (
        shutdown_event() as stop,
        checked_ports(LOOPBACK, port, simulator=simulator_port) as ports,
    ):
        shop_port = free_port(shop_port, option="--shop-port")
        with temporary_data_dir() as folder, multiprocess_dir(folder) as metrics_environment:
            group = ProcessGroup(
                logs=log_folder(folder),
                stop_patience_s=_STOP_PATIENCE_S,
                environment=metrics_environment,
            )
            demo = Demo(
                standalone=Standalone(group, ports),
                console=console,
                shop_port=shop_port,
                api_key=secrets.token_hex(8),
                api_secret=secrets.token_hex(20),
            )
            await wait_first(stop.wait(), _play(demo, folder, once=once, paid=paid))
    return 0 if paid.is_set() else _INTERRUPTED


async def _play(demo: Demo, folder: Path, *, once: bool, paid: asyncio.Event) -> None:
    began = time.perf_counter()
    demo.console.print("[bold]dasi demo[/bold]  everything on this machine, no real money\n")
    try:
        async with _everything(demo, folder) as console_url:
            await _charge_once(demo)
            paid.set()
            seconds = time.perf_counter() - began
            if once:
                demo.console.print(f"\nPaid after {seconds:.1f} s. Now everything ends.")
                demo.console.print("Without --once it stays up and prints addresses and keys.")
                return
            _show_addresses(demo, console_url, seconds=seconds)
            demo.console.print("\nCtrl-C ends it and leaves nothing behind.")
            await raise_on_exit(demo.standalone.group)
    except OperatorError as error:
        raise OperatorError(
            error.problem,
            cause=error.cause,
            hint=f"{error.hint} All logs are kept in {copy_logs(folder)}.",
        ) from error


@asynccontextmanager
async def _everything(demo: Demo, folder: Path) -> AsyncIterator[str]:
    """Start all programs and set up the merchant; at the end stop all, the database last.

    Yields the URL at which the console begins.
    """
    standalone, group = demo.standalone, demo.standalone.group
    own = {
        "DASI_ALLOW_LOCAL_WEBHOOKS": "on",
        "DASI_LOG_FORMAT": "json",
        "DASI_DRAIN_PAUSE_S": "0",
    }
    environment = environment_of({**without_ours(os.environ), **own}, standalone.ports)
    async with AsyncExitStack() as ending:
        ending.push_async_callback(group.stop)
        # These two need no database: they load while it is made.
        programs = await standalone.start_simulator("--strict-fields"), await _start_shop(demo)
        with demo.step("PostgreSQL in a temporary folder"):
            database = running_database(folder, environment, keys=folder / "keys")
            opened = await ending.enter_async_context(database)
            ending.push_async_callback(group.stop)
            await migrate(opened.owner_url)
            await grant_to_application(opened.owner_url, opened.environment["DASI_DATABASE_URL"])
        with demo.step("Gateway, worker, KICC simulator and demo shop"):
            await standalone.start_gateways(opened)
            await standalone.start_worker(opened)
            console_url = await _set_up_merchant(demo, opened)
            await _until_all_answer(demo, *programs)
        yield console_url


async def _start_shop(demo: Demo) -> Child:
    return await demo.standalone.group.start(
        "shop",
        *("-m", "dasi_demo", "--port", str(demo.shop_port), "--gateway", demo.gateway_url),
        *("--merchant-code", MERCHANT_CODE, "--api-key", demo.api_key),
        environment={**without_ours(os.environ), "SHOP_API_SECRET": demo.api_secret},
    )


async def _set_up_merchant(demo: Demo, opened: DataDir) -> str:
    """Add the merchant, its key and its channel; return the URL that makes the console's owner."""
    # Loading every domain package takes as long as the start of the programs above, so both happen
    # at the same time.
    from dasi.app import open_engine  # noqa: PLC0415  # slow
    from dasi.channels import add_channel  # noqa: PLC0415  # slow
    from dasi.merchants import add_api_key, add_merchant  # noqa: PLC0415  # slow
    from dasi.one_time_links import bootstrap_link  # noqa: PLC0415  # slow

    async with open_engine(read_settings(opened.environment)) as engine:
        merchant = await add_merchant(
            engine,
            code=MERCHANT_CODE,
            name="다시 데모 상점",
            webhook_url=f"{demo.shop_url}/webhook",
        )
        await add_api_key(engine, merchant, api_key=demo.api_key, api_secret=demo.api_secret)
        await add_channel(
            engine,
            merchant,
            provider="kicc",
            pg_merchant_id=MID,
            secret=PG_SECRET,
            is_sandbox=True,
            is_default=True,
        )
        return await bootstrap_link(engine) or f"{demo.gateway_url}/console"


async def _until_all_answer(demo: Demo, simulator: Child, shop: Child) -> None:
    simulator_url = demo.standalone.ports.simulator_url
    assert simulator_url is not None
    await until_answering(simulator, f"{simulator_url}/_simulator/", patience_s=START_PATIENCE_S)
    await until_answering(shop, f"{demo.shop_url}/", patience_s=START_PATIENCE_S)
    await demo.standalone.until_gateway_answers()


async def _charge_once(demo: Demo) -> None:
    async with aiohttp.ClientSession() as session:
        with demo.step("Billing key issued in KICC's payment window") as details:
            details.append(await _register_card(demo, session))
        with demo.step(f"{AMOUNT_KRW:,} won charged with it: paid") as details:
            imp_uid = await _charge(demo, session)
            details.append(imp_uid)
        with demo.step("Webhook received by the shop"):
            await _until_webhook(demo, session, imp_uid)


async def _register_card(demo: Demo, session: aiohttp.ClientSession) -> str:
    param = {
        "pg": f"kicc.{MID}",
        "pay_method": "card",
        "merchant_uid": f"card-{secrets.token_hex(6)}",
        "customer_uid": CUSTOMER_UID,
        "name": ORDER_NAME,
        "amount": 0,
        "buyer_name": "김다시",
        "buyer_email": "dasi@example.com",
        "buyer_tel": "010-0000-0000",
    }
    rsp = await pay_in_window(
        session,
        gateway_url=demo.gateway_url,
        merchant_code=MERCHANT_CODE,
        param=param,
        page_url=f"{demo.shop_url}/",
    )
    if not rsp.get("success"):
        raise OperatorError(
            "No billing key was issued.",
            cause=f"{rsp.get('error_code')}: {rsp.get('error_msg')}",
            hint="Please report this: the demo uses no network and should always work.",
        )
    return f"customer_uid={CUSTOMER_UID}"


async def _charge(demo: Demo, session: aiohttp.ClientSession) -> str:
    credentials = {"imp_key": demo.api_key, "imp_secret": demo.api_secret}
    token = await _post(session, f"{demo.gateway_url}/users/getToken", credentials, headers={})
    payment = await _post(
        session,
        f"{demo.gateway_url}/subscribe/payments/again",
        {
            "customer_uid": CUSTOMER_UID,
            "merchant_uid": f"order-{secrets.token_hex(6)}",
            "amount": AMOUNT_KRW,
            "name": ORDER_NAME,
        },
        headers={"Authorization": f"Bearer {token['access_token']}"},
    )
    if payment.get("status") != "paid":
        raise OperatorError(
            "The charge was not paid.",
            cause=f"Its status is {payment.get('status')!r}: {payment.get('fail_reason')}",
            hint="Please report this: the demo uses no network and should always work.",
        )
    return str(payment["imp_uid"])


async def _post(
    session: aiohttp.ClientSession, url: str, body: dict[str, Any], *, headers: dict[str, str]
) -> dict[str, Any]:
    async with session.post(url, json=body, headers=headers) as answer:
        try:
            envelope = await answer.json(content_type=None)
        except ValueError:
            envelope = {}
        if not isinstance(envelope, dict) or envelope.get("code") != 0:
            raise OperatorError(
                "The gateway refused a request of the demo.",
                cause=f"POST {answer.url.path} answered {answer.status}: "
                f"{envelope.get('message') if isinstance(envelope, dict) else envelope}",
                hint="Please report this: the demo uses no network and should always work.",
            )
        return dict(envelope["response"])


async def _until_webhook(demo: Demo, session: aiohttp.ClientSession, imp_uid: str) -> None:
    deadline = time.monotonic() + _WEBHOOK_PATIENCE_S
    while time.monotonic() < deadline:
        async with session.get(f"{demo.shop_url}/webhooks.json") as answer:
            webhooks = await answer.json(content_type=None) if answer.ok else []
        if any(
            webhook.get("imp_uid") == imp_uid and webhook.get("status") == "paid"
            for webhook in webhooks
        ):
            return
        await asyncio.sleep(_POLL_S)
    raise OperatorError(
        "The charge was paid, but the shop got no webhook.",
        cause=f"After {_WEBHOOK_PATIENCE_S} s {demo.shop_url}/webhooks.json lacks {imp_uid}.",
        hint="Read the worker's log.",
    )


def _show_addresses(demo: Demo, console_url: str, *, seconds: float) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_column()
    table.add_column(overflow="fold")
    for name, value in (
        ("Demo shop", f"{demo.shop_url}/"),
        ("Gateway", demo.gateway_url),
        ("Console", console_url),
        ("KICC simulator", f"{demo.standalone.ports.simulator_url}/_simulator/"),
        ("IMP.init", MERCHANT_CODE),
        ("imp_key", demo.api_key),
        ("imp_secret", demo.api_secret),
    ):
        table.add_row(f"[dim]{name}[/dim]", f"[bold]{value}[/bold]")
    demo.console.print()
    demo.console.print(Panel(table, title=f"paid after {seconds:.1f} s", expand=False))
    demo.console.print("\nCharge the card again, from any terminal:\n")
    # Not in the panel and never wrapped: these two lines are for copying.
    for line in curl_lines(demo.gateway_url, demo.api_key, demo.api_secret):
        demo.console.out(line, highlight=False)


def curl_lines(gateway_url: str, api_key: str, api_secret: str) -> tuple[str, str]:
    """Return two lines for bash: get a token, charge once more under a new order number."""
    json_header = "-H 'Content-Type: application/json'"
    keys = f'{{"imp_key":"{api_key}","imp_secret":"{api_secret}"}}'
    order = (
        f'{{"customer_uid":"{CUSTOMER_UID}","merchant_uid":"again-\'$(date +%s%N)\'",'
        f'"amount":{AMOUNT_KRW},"name":"{ORDER_NAME}"}}'
    )
    pick = """sed -E 's/.*"access_token": *"([^"]+)".*/\\1/'"""
    return (
        f"TOKEN=$(curl -s {gateway_url}/users/getToken {json_header} -d '{keys}' | {pick})",
        f"curl -s {gateway_url}/subscribe/payments/again {json_header} "
        f"-H \"Authorization: Bearer $TOKEN\" -d '{order}'",
    )
