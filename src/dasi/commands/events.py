"""`dasi events` and `dasi listen`: the event feed of a merchant."""

import asyncio
import json
from typing import Annotated

import aiohttp
import typer

from dasi.commands.context import with_merchant
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog
from dasi.commands.printing import Facts, kst, print_list
from dasi.engine import Engine
from dasi.events import Event, FeedPage, commit_offset, get_offset, read_feed, tail_cursor
from dasi.merchants import Merchant
from dasi.webhooks import signature_headers, signing_secrets

_POLL_S = 0.5
_AGAIN_S = 2.0
_PAGE = 200
_ANSWER_S = 30
_TAKEN = range(200, 300)
IncludeSandbox = Annotated[
    bool,
    typer.Option("--include-sandbox", help="Include test payments of a live merchant."),
]


app = typer.Typer()


@app.command("events", epilog=help_epilog("dasi events --merchant imp00000001 --after 120"))
def events(
    *,
    merchant_code: MerchantCode,
    after: Annotated[int, typer.Option("--after", min=0, help="The cursor to read from.")] = 0,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The most events.")] = 50,
    include_sandbox: IncludeSandbox = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Print a merchant's events, oldest first: the same that its webhooks send."""

    async def act(engine: Engine, merchant: Merchant) -> FeedPage:
        return await read_feed(
            engine,
            merchant.merchant_id,
            after=after,
            limit=limit,
            include_sandbox=include_sandbox or not merchant.is_live,
        )

    page = with_merchant(data, merchant_code, act)
    rows: list[Facts] = [_row(event) for event in page.events]
    print_list(rows, as_json=as_json, none="No event after that cursor.")
    if page.remaining and not as_json:
        typer.echo(f"{page.remaining:,} more: --after {page.next_cursor}")


@app.command(
    "listen",
    epilog=help_epilog(
        "dasi listen --merchant imp00000001 --to http://127.0.0.1:3000/webhook",
        "0 stopped as asked, 1 could not start, 2 wrong usage",
    ),
)
def listen(
    *,
    to: Annotated[str, typer.Option("--to", metavar="URL", help="The URL for the events.")],
    merchant_code: MerchantCode,
    name: Annotated[
        str, typer.Option(help="The listener: each name has its own position in the feed.")
    ] = "listen",
    from_start: Annotated[
        bool, typer.Option("--from-start", help="A new name begins with the first event.")
    ] = False,
    include_sandbox: IncludeSandbox = False,
    data: Data = DATA_DEFAULT,
) -> None:
    """Forward a merchant's events to a URL, signed as webhooks; catch up after a pause.

    An event that is not taken (no 2xx) is posted again until it is; the next ones wait for it.
    """

    async def act(engine: Engine, merchant: Merchant) -> None:
        await _forward(
            engine,
            merchant,
            to=to,
            name=name,
            from_start=from_start,
            include_sandbox=include_sandbox or not merchant.is_live,
        )

    try:
        with_merchant(data, merchant_code, act)
    except KeyboardInterrupt:
        typer.echo("stopped; the next start goes on from here")


async def _forward(
    engine: Engine,
    merchant: Merchant,
    *,
    to: str,
    name: str,
    from_start: bool,
    include_sandbox: bool,
) -> None:
    """Forward events until cancelled: one line an event, and its cursor is saved after it."""
    cursor = await get_offset(engine, merchant.merchant_id, name)
    if cursor is None:
        cursor = 0 if from_start else await tail_cursor(engine, merchant.merchant_id)
        await commit_offset(engine, merchant.merchant_id, name, cursor)
    first = await read_feed(
        engine, merchant.merchant_id, after=cursor, limit=1, include_sandbox=include_sandbox
    )
    missed = len(first.events) + first.remaining
    typer.echo(f"listening for {merchant.code} as {name!r}, to {to}: {missed} missed meanwhile")
    timeout = aiohttp.ClientTimeout(total=_ANSWER_S)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        while True:
            page = await read_feed(
                engine,
                merchant.merchant_id,
                after=cursor,
                limit=_PAGE,
                include_sandbox=include_sandbox,
            )
            wait_s = 0.0 if page.events else _POLL_S
            for event in page.events:
                if not await _post(session, engine, merchant, to=to, event=event):
                    wait_s = _AGAIN_S
                    break
                cursor = event.sequence
                await commit_offset(engine, merchant.merchant_id, name, cursor)
            await asyncio.sleep(wait_s)


async def _post(
    session: aiohttp.ClientSession, engine: Engine, merchant: Merchant, *, to: str, event: Event
) -> bool:
    body = json.dumps(event.body, ensure_ascii=False).encode()
    signed = signature_headers(
        await signing_secrets(engine, merchant.merchant_id),
        event_id=event.event_id,
        body=body,
        at=engine.clock.now(),
    )
    headers = {"content-type": "application/json", "user-agent": "dasi-webhook", **signed}
    try:
        async with session.post(to, data=body, headers=headers, allow_redirects=False) as answer:
            result, is_taken = f"HTTP {answer.status}", answer.status in _TAKEN
    except (aiohttp.ClientError, TimeoutError, OSError) as failure:
        result, is_taken = type(failure).__name__, False
    moment = kst(event.at, time_format="%H:%M:%S")
    typer.echo(f"{moment}  {event.sequence:>8}  {event.kind:24} {event.resource_id:20} {result}")
    return is_taken


def _row(event: Event) -> Facts:
    return {
        "cursor": event.sequence,
        "at": kst(event.at),
        "type": event.kind,
        "resource_id": event.resource_id,
        "version": event.version,
        "data": json.dumps(event.body, ensure_ascii=False),
        "id": event.event_id,
    }
