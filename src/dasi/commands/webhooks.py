"""`dasi webhooks`: the log, resending, signing secrets, failing endpoints."""

from datetime import datetime
from typing import Annotated, Literal

import typer

from dasi.commands.confirmation import Confirmed, confirm
from dasi.commands.context import with_merchant
from dasi.commands.options import DATA_DEFAULT, Data, Json, MerchantCode, help_epilog, read_duration
from dasi.commands.printing import Facts, kst, print_facts, print_list
from dasi.engine import Engine
from dasi.foundation.clock import parse_moment
from dasi.merchants import Merchant, has_extended_events, set_extended_events
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
app = typer.Typer(no_args_is_help=True, help="Deliveries of webhooks, their endpoints and secrets.")


@app.command("list", epilog=help_epilog("dasi webhooks list --merchant imp00000001 --state failed"))
def list_all(
    *,
    merchant_code: MerchantCode,
    state: Annotated[
        Literal["pending", "delivered", "failed"] | None, typer.Option(help="Only this state.")
    ] = None,
    resource_id: Annotated[
        str | None, typer.Option(help="Only this payment (imp_uid) or event.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="The most deliveries.")] = 50,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List deliveries, newest first."""

    async def act(engine: Engine, merchant: Merchant) -> list[Delivery]:
        page = await list_deliveries(
            engine, merchant.merchant_id, state=state, resource_id=resource_id, limit=limit
        )
        return [*page.rows]

    rows: list[Facts] = [
        {
            "at": kst(delivery.created_at),
            "type": delivery.kind,
            "resource_id": delivery.resource_id,
            "state": delivery.state,
            "attempts": delivery.attempts,
            "answer": delivery.last_answer,
            "next_attempt": kst(delivery.next_attempt_at),
            "url": delivery.url,
            "event": delivery.event_id,
            "delivery": delivery.delivery_id,
        }
        for delivery in with_merchant(data, merchant_code, act)
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
    """Show every POST of a delivery: request, response, time, next attempt."""

    async def act(engine: Engine, merchant: Merchant) -> list[DeliveryAttempt]:
        return await list_attempts(engine, merchant.merchant_id, delivery)

    rows: list[Facts] = [
        {
            "number": attempt.number,
            "at": kst(attempt.at),
            "took_ms": attempt.took_ms,
            "request": attempt.request,
            "answer": attempt.answer,
            "next_attempt": kst(attempt.next_attempt_at),
        }
        for attempt in with_merchant(data, merchant_code, act)
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

    async def act(engine: Engine, merchant: Merchant) -> int:
        return await resend_event(engine, merchant.merchant_id, event)

    print_facts(
        {"event": event, "deliveries_pending": with_merchant(data, merchant_code, act)},
        as_json=as_json,
    )


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
        bool, typer.Option("--delivered-too", help="Include delivered events.")
    ] = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Send the deliveries of a span of time again, those of each payment in order."""
    begins, ends = _moment(since, "--since"), _moment(until, "--until") if until else None

    async def act(engine: Engine, merchant: Merchant) -> int:
        return await replay_events(
            engine,
            merchant.merchant_id,
            since=begins,
            until=ends or engine.clock.now(),
            only_failed=not delivered_too,
        )

    print_facts(
        {"since": since, "deliveries_pending": with_merchant(data, merchant_code, act)},
        as_json=as_json,
    )


@app.command("secret", epilog=help_epilog("dasi webhooks secret --merchant imp00000001 --rotate"))
def secret(
    *,
    merchant_code: MerchantCode,
    rotate: Annotated[bool, typer.Option("--rotate", help="Make a new secret first.")] = False,
    keep_old_for: Annotated[
        str, typer.Option(help="With --rotate: how long the old one signs, too.")
    ] = "24h",
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Show the secrets that sign webhooks, newest first; an endpoint verifies with one of them."""
    overlap = read_duration(keep_old_for, option="--keep-old-for")

    async def act(engine: Engine, merchant: Merchant) -> list[SigningSecret]:
        if rotate:
            confirm(
                f"In {keep_old_for}, webhooks of {merchant.name} are signed with the new secret "
                "alone. A server that does not know it then refuses them.",
                is_confirmed=is_confirmed,
            )
            await signing_secrets(engine, merchant.merchant_id)  # so that there is an old one
            await rotate_secret(engine, merchant.merchant_id, keep_old_for=overlap)
        return await signing_secrets(engine, merchant.merchant_id)

    rows: list[Facts] = [
        {"secret": signing_secret.secret, "signs_until": kst(signing_secret.expires_at)}
        for signing_secret in with_merchant(data, merchant_code, act)
    ]
    print_list(rows, as_json=as_json, none="")


@app.command("endpoints", epilog=help_epilog("dasi webhooks endpoints --merchant imp00000001"))
def endpoints(
    *,
    merchant_code: MerchantCode,
    pause: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Pause deliveries to it; no attempt is used."),
    ] = None,
    resume: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Send its waiting deliveries, oldest first."),
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List failing and paused URLs: since when, until when, 410, waiting deliveries."""

    async def act(engine: Engine, merchant: Merchant) -> tuple[int | None, list[FailingEndpoint]]:
        if pause is not None:
            await pause_endpoint(engine, merchant.merchant_id, pause)
        resumed = None
        if resume is not None:
            resumed = await resume_endpoint(engine, merchant.merchant_id, resume)
        return resumed, await failing_endpoints(engine, merchant.merchant_id)

    resumed, failing_urls = with_merchant(data, merchant_code, act)
    if resumed is not None:
        print_facts({"resumed": resume, "deliveries_pending": resumed}, as_json=as_json)
        return
    rows: list[Facts] = [
        {
            "url": failing.url,
            "failures": failing.failures,
            "since": kst(failing.failing_since),
            "backoff_until": kst(failing.backoff_until),
            "paused_since": kst(failing.paused_at),
            "disabled_since": kst(failing.disabled_at),
            "waiting": failing.waiting,
        }
        for failing in failing_urls
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
        Literal["live", "test"], typer.Option(help="Which of the merchant's two URLs.")
    ] = "live",
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Send a test event to a merchant's webhook URL now and show the response."""

    async def act(engine: Engine, merchant: Merchant) -> SentTest:
        return await send_test_event(engine, merchant, mode=mode)

    sent = with_merchant(data, merchant_code, act)
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
        typer.Option("--enable/--disable", help="Change it from now on; else only show it."),
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Also send events that Iamport lacks: declines, keys, revoked schedules, lost responses."""

    async def act(engine: Engine, merchant: Merchant) -> bool:
        if enable is not None:
            await set_extended_events(engine, merchant.merchant_id, is_on=enable)
        return await has_extended_events(engine, merchant.merchant_id)

    is_on = with_merchant(data, merchant_code, act)
    print_facts({"merchant": merchant_code, "extended_events": is_on}, as_json=as_json)


def _moment(text: str, option: str) -> datetime:
    try:
        return parse_moment(text)
    except ValueError as wrong:
        raise typer.BadParameter("a moment such as 2026-12-01T09:00", param_hint=option) from wrong
