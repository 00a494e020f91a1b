"""Webhooks at the keyboard: the log, sending again, signing secrets, endpoints that fail."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog
from dasi.commands.printing import Facts, print_facts, print_list
from dasi.engine import Engine
from dasi.foundation.clock import KST
from dasi.foundation.durations import parse_duration
from dasi.merchants import find_merchant_by_code, has_extended_events, set_extended_events
from dasi.webhooks import (
    Delivery,
    DeliveryAttempt,
    FailingEndpoint,
    SentTest,
    SigningSecret,
    failing_endpoints,
    list_attempts,
    list_deliveries,
    pause_endpoint,
    replay_events,
    resend_event,
    resume_endpoint,
    rotate_secret,
    send_test_event,
    signing_secrets,
)

_TAKEN = range(200, 300)
app = typer.Typer(no_args_is_help=True, help="What merchants were told, and telling it again.")


async def _owner(engine: Engine, code: str) -> int:
    return (await find_merchant_by_code(engine, code)).merchant_id


@app.command("list", epilog=help_epilog("dasi webhooks list --merchant imp00000001 --state failed"))
def list_all(
    *,
    merchant_code: MerchantCode,
    state: Annotated[
        Literal["pending", "delivered", "failed"] | None, typer.Option(help="Of this state only.")
    ] = None,
    resource_id: Annotated[
        str | None, typer.Option(help="Of this payment (imp_uid) or this event only.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many at most.")] = 50,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first."""

    async def act(engine: Engine) -> list[Delivery]:
        owner = await _owner(engine, merchant_code)
        return await list_deliveries(
            engine, owner, state=state, resource_id=resource_id, limit=limit
        )

    rows: list[Facts] = [
        {
            "at": _kst(one.created_at),
            "type": one.kind,
            "resource_id": one.resource_id,
            "state": one.state,
            "attempts": one.attempts,
            "answer": one.last_answer,
            "next_attempt": _kst(one.next_attempt_at),
            "url": one.url,
            "event": one.event_id,
            "delivery": one.delivery_id,
        }
        for one in with_engine(data, act)
    ]
    print_list(rows, as_json=as_json, none="No deliveries like that.")


@app.command(
    "attempts",
    epilog=help_epilog("dasi webhooks attempts --merchant imp00000001 --delivery evt_….1"),
)
def attempts(
    *,
    merchant_code: MerchantCode,
    delivery: Annotated[str, typer.Option(help="Its id, as the list shows it.")],
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Show every POST of a delivery: request, answer, time, next attempt."""

    async def act(engine: Engine) -> list[DeliveryAttempt]:
        return await list_attempts(engine, await _owner(engine, merchant_code), delivery)

    rows: list[Facts] = [
        {
            "number": one.number,
            "at": _kst(one.at),
            "took_ms": one.took_ms,
            "request": one.request,
            "answer": one.answer,
            "next_attempt": _kst(one.next_attempt_at),
        }
        for one in with_engine(data, act)
    ]
    print_list(rows, as_json=as_json, none="No attempt was made yet, or there is no such delivery.")


@app.command(
    "resend", epilog=help_epilog("dasi webhooks resend --merchant imp00000001 --event evt_…")
)
def resend(
    *,
    merchant_code: MerchantCode,
    event: Annotated[str, typer.Option(help="The event's id.")],
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Send one event again, with a whole retry schedule."""

    async def act(engine: Engine) -> int:
        return await resend_event(engine, await _owner(engine, merchant_code), event)

    print_facts({"event": event, "deliveries_pending": with_engine(data, act)}, as_json=as_json)


@app.command(
    "replay",
    epilog=help_epilog("dasi webhooks replay --merchant imp00000001 --since 2026-12-01T00:00"),
)
def replay(
    *,
    merchant_code: MerchantCode,
    since: Annotated[str, typer.Option(help="From this moment on, Korean time.")],
    until: Annotated[str | None, typer.Option(help="Up to this moment; else up to now.")] = None,
    delivered_too: Annotated[
        bool, typer.Option("--delivered-too", help="Not only failed deliveries.")
    ] = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Send the deliveries of a span of time again, those of each payment in order."""
    begins, ends = _moment(since, "--since"), _moment(until, "--until") if until else None

    async def act(engine: Engine) -> int:
        return await replay_events(
            engine,
            await _owner(engine, merchant_code),
            since=begins,
            until=ends or engine.clock.now(),
            only_failed=not delivered_too,
        )

    print_facts({"since": since, "deliveries_pending": with_engine(data, act)}, as_json=as_json)


@app.command("secret", epilog=help_epilog("dasi webhooks secret --merchant imp00000001 --rotate"))
def secret(
    *,
    merchant_code: MerchantCode,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new one first.")] = False,
    keep_old_for: Annotated[
        str, typer.Option(help="With --rotate: how long the old one signs, too.")
    ] = "24h",
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Show the secrets that sign webhooks, newest first; an endpoint verifies with one of them."""
    try:
        overlap = parse_duration(keep_old_for)
    except ValueError as wrong:
        raise typer.BadParameter(str(wrong), param_hint="--keep-old-for") from wrong

    async def act(engine: Engine) -> list[SigningSecret]:
        owner = await _owner(engine, merchant_code)
        if rotate:
            await signing_secrets(engine, owner)  # so that there is an old one
            await rotate_secret(engine, owner, keep_old_for=overlap)
        return await signing_secrets(engine, owner)

    rows: list[Facts] = [
        {"secret": one.secret, "signs_until": _kst(one.expires_at)}
        for one in with_engine(data, act)
    ]
    print_list(rows, as_json=as_json, none="")


@app.command("endpoints", epilog=help_epilog("dasi webhooks endpoints --merchant imp00000001"))
def endpoints(
    *,
    merchant_code: MerchantCode,
    pause: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="Send nothing there; attempts are not spent."),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="HOST", help="This one may be told again."),
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List endpoints that fail or are paused: how often, since when, until when, disabled (410)."""

    async def act(engine: Engine) -> list[FailingEndpoint]:
        owner = await _owner(engine, merchant_code)
        if pause is not None:
            await pause_endpoint(engine, owner, pause)
        if resume is not None:
            await resume_endpoint(engine, owner, resume)
        return await failing_endpoints(engine, owner)

    rows: list[Facts] = [
        {
            "endpoint": one.endpoint,
            "failures": one.failures,
            "since": _kst(one.failing_since),
            "backoff_until": _kst(one.backoff_until),
            "paused_since": _kst(one.paused_at),
            "disabled_since": _kst(one.disabled_at),
        }
        for one in with_engine(data, act)
    ]
    print_list(rows, as_json=as_json, none="Every endpoint answers.")


@app.command(
    "test",
    epilog=help_epilog(
        "dasi webhooks test --merchant imp00000001",
        "0 it was taken (2xx), 1 it was not (the answer is told), 2 usage",
    ),
)
def send_test(
    *,
    merchant_code: MerchantCode,
    mode: Annotated[
        Literal["live", "test"], typer.Option(help="Which of the merchant's two addresses.")
    ] = "live",
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Send a test event to a merchant's address now and show what came back."""

    async def act(engine: Engine) -> SentTest:
        owner = await find_merchant_by_code(engine, merchant_code)
        return await send_test_event(engine, owner, mode=mode)

    sent = with_engine(data, act)
    print_facts(
        {
            "url": sent.url,
            "request": sent.request,
            "status": sent.http_status,
            "answer": sent.answer,
            "took_ms": sent.took_ms,
        },
        as_json=as_json,
    )
    if sent.http_status not in _TAKEN:
        raise typer.Exit(1)


@app.command(
    "extended-events",
    epilog=help_epilog("dasi webhooks extended-events --merchant imp00000001 --enable"),
)
def extended_events(
    *,
    merchant_code: MerchantCode,
    enable: Annotated[
        bool | None,
        typer.Option("--enable/--disable", help="From now on; shown only when left out."),
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Tell also what Iamport leaves out: declined charges, keys, revoked schedules, doubts."""

    async def act(engine: Engine) -> bool:
        owner = await _owner(engine, merchant_code)
        if enable is not None:
            await set_extended_events(engine, owner, is_on=enable)
        return await has_extended_events(engine, owner)

    is_on = with_engine(data, act)
    print_facts({"merchant": merchant_code, "extended_events": is_on}, as_json=as_json)


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as wrong:
        raise typer.BadParameter("a moment such as 2026-12-01T09:00", param_hint=option) from wrong
    return moment if moment.tzinfo else moment.replace(tzinfo=KST)


def _kst(moment: datetime | None) -> str | None:
    return moment.astimezone(KST).strftime("%m-%d %H:%M:%S KST") if moment else None
