"""PG settings: the contracts of a merchant, a test of each, and what to paste into a page."""

import json
from typing import Any, Literal, cast, get_args

from starlette.responses import Response

from dasi.channels import (
    QUOTA_MONTHS_MAX,
    Channel,
    add_channel,
    change_channel,
    check_channel,
    disable_channel,
    enable_channel,
    list_channels,
    make_default,
)
from dasi.console.errors import error_message
from dasi.console.labels import KEY_FIELDS, LANGUAGE, LATE_APPROVAL_POLICY, quota_label
from dasi.console.routing import ConsoleRequest
from dasi.foundation.errors import Invalid, NotFound, Refused

KICC_TEST_ACCOUNT = ("T0021766", "easypay!KICCTEST")
"""The contract KICC publishes for its test host; nothing is ever really approved under it."""
KeyFields = Literal["full", "number_expiry", "number_expiry_birth"]
Language = Literal["ko", "en", "ja", "zh"]
LateApprovalPolicy = Literal["keep", "cancel"]
QUOTAS = ("contract", "0", *map(str, range(2, QUOTA_MONTHS_MAX + 1)))
"""What the form offers for instalments: as the contract says, lump sum, up to so many months."""


async def show_list(request: ConsoleRequest) -> Response:
    channels = await list_channels(request.engine, request.merchant_id, with_disabled=True)
    channels.sort(key=lambda one: (one.disabled_at is not None, not one.is_default))
    return request.page(
        "channels.html",
        channels=channels,
        may_configure=request.user.may("configure", request.merchant_id),
    )


async def show_new(request: ConsoleRequest) -> Response:
    return _form(request, None, fields={}, told=None)


async def show_one(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    return request.page("channel.html", **_facts(request, channel), told=None, checks=None)


async def post_new(request: ConsoleRequest) -> Response:
    is_sandbox = request.field("sandbox") == "on"
    pg_merchant_id, secret = request.field("pg_merchant_id"), request.form.get("secret", "").strip()
    if is_sandbox and not pg_merchant_id and not secret:
        pg_merchant_id, secret = KICC_TEST_ACCOUNT
    try:
        channel = await add_channel(
            request.engine,
            request.merchant,
            provider=request.field("provider"),
            pg_merchant_id=pg_merchant_id,
            secret=secret,
            is_sandbox=is_sandbox,
            is_default=request.field("default") == "on",
            **_options(request),
        )
    except Refused as refused:
        return _form(request, refused, fields=request.form, told=error_message(refused))
    await request.audit("channel_added", target=channel.pg, detail=_mode(channel))
    return request.redirect(f"{request.url(f'/channels/{channel.channel_id}')}?done=added")


async def post_change(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    secret = request.form.get("secret", "").strip()
    changed = await change_channel(
        request.engine,
        request.merchant_id,
        channel.channel_id,
        secret=secret or None,
        is_sandbox=request.field("sandbox") == "on",
        **_options(request),
    )
    told = f"{_mode(channel)} → {_mode(changed)}" + (", secret" if secret else "")
    await request.audit("channel_changed", target=channel.pg, detail=told)
    return request.redirect(f"{request.url(f'/channels/{channel.channel_id}')}?done=saved")


async def post_default(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    await make_default(request.engine, request.merchant_id, channel.channel_id)
    await request.audit("channel_made_default", target=channel.pg)
    return request.redirect(f"{request.url('/channels')}?done=saved")


async def post_disable(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    await disable_channel(request.engine, request.merchant_id, channel.channel_id)
    await request.audit("channel_disabled", target=channel.pg)
    return request.redirect(f"{request.url('/channels')}?done=disabled")


async def post_enable(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    await enable_channel(request.engine, request.merchant_id, channel.channel_id)
    await request.audit("channel_enabled", target=channel.pg)
    return request.redirect(f"{request.url(f'/channels/{channel.channel_id}')}?done=enabled")


async def post_check(request: ConsoleRequest) -> Response:
    """Registers a window of each kind at the PG; opens none."""
    channel = await _channel(request)
    checks = await check_channel(request.engine, channel)
    said = ", ".join(f"{one.window}: {'ok' if one.is_open else one.code}" for one in checks)
    await request.audit("channel_checked", target=channel.pg, detail=said)
    return request.page("channel.html", **_facts(request, channel), told=None, checks=checks)


def snippet(request: ConsoleRequest, channel: Channel) -> str:
    """The whole page that registers a card with this contract, ready to copy."""
    param = {
        "channelKey": channel.channel_key,
        "pg": channel.pg,
        "pay_method": "card",
        "merchant_uid": "order_0001",
        "customer_uid": "customer_0001_card",
        "name": request.t("카드 등록", "Card registration"),
        "amount": 0,
        "buyer_name": request.t("홍길동", "Hong Gildong"),
        "buyer_tel": "010-0000-0000",
    }
    lines = json.dumps(param, ensure_ascii=False, indent=2).replace("\n", "\n    ")
    return (
        f'<script src="{request.engine.public_url}/v1/iamport.js"></script>\n'
        "<script>\n"
        f'  IMP.init("{request.merchant.code}");\n'
        "  function registerCard() {\n"
        "    // customer_uid makes this a card registration; without it, a payment.\n"
        f"    IMP.request_pay({lines}, (rsp) => {{\n"
        "      // Ask your server: GET /payments/{rsp.imp_uid} decides, not this page.\n"
        "      console.log(rsp.success, rsp.imp_uid, rsp.error_msg);\n"
        "    });\n"
        "  }\n"
        "</script>\n"
        '<button onclick="registerCard()">Register a card</button>\n'
    )


def server_snippet(request: ConsoleRequest) -> str:
    """The charge that follows, from the merchant's server."""
    url = request.engine.public_url
    return (
        f"TOKEN=$(curl -s {url}/users/getToken -d imp_key=… -d imp_secret=… \\\n"
        """  | sed -E 's/.*"access_token": *"([^"]+)".*/\\1/')\n"""
        f'curl -s {url}/subscribe/payments/again -H "Authorization: Bearer $TOKEN" \\\n'
        "  -d customer_uid=customer_0001_card -d merchant_uid=order_0002 \\\n"
        "  -d amount=9900 -d name=Coffee\n"
    )


def _facts(request: ConsoleRequest, channel: Channel) -> dict[str, Any]:
    return {
        "channel": channel,
        "may_configure": request.user.may("configure", request.merchant_id),
        "snippet": snippet(request, channel),
        "server_snippet": server_snippet(request),
        "quotas": QUOTAS,
        "pg_notification_url": f"{request.engine.public_url}/pg-notifications/{channel.provider}",
    }


def _form(
    request: ConsoleRequest, refused: Refused | None, *, fields: object, told: object
) -> Response:
    return request.page(
        "channel_new.html",
        status=200 if refused is None else error_message(refused).status,
        fields=fields,
        told=told,
        test_mall=KICC_TEST_ACCOUNT[0],
        quotas=QUOTAS,
    )


async def _channel(request: ConsoleRequest) -> Channel:
    told = str(request.http.path_params["channel_id"])
    for channel in await list_channels(request.engine, request.merchant_id, with_disabled=True):
        if str(channel.channel_id) == told:
            return channel
    raise NotFound("unknown_channel")


def _options(request: ConsoleRequest) -> dict[str, Any]:
    return {
        "key_fields": cast("KeyFields", _one_of(request, "key_fields", get_args(KeyFields))),
        "language": cast("Language", _one_of(request, "language", get_args(Language))),
        "late_approval_policy": cast(
            "LateApprovalPolicy",
            _one_of(request, "late_approval_policy", get_args(LateApprovalPolicy)),
        ),
        "quota_months_max": _quota(request),
    }


def _quota(request: ConsoleRequest) -> int | None:
    told = _one_of(request, "quota", QUOTAS)
    return None if told == "contract" else int(told)


def _one_of(request: ConsoleRequest, name: str, known: tuple[str, ...]) -> str:
    given = request.field(name) or known[0]
    if given not in known:
        raise Invalid(name, "one_of", values=known)
    return given


def _mode(channel: Channel) -> str:
    return ", ".join(
        (
            "sandbox" if channel.is_sandbox else "live",
            "default" if channel.is_default else "not default",
            KEY_FIELDS[channel.key_fields].en,
            LANGUAGE[channel.language].en,
            LATE_APPROVAL_POLICY[channel.late_approval_policy].en,
            f"instalments {quota_label(channel.quota_months_max).en}",
        )
    )
