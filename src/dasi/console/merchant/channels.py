"""Pages of a merchant's channels: list, settings, connection check, integration code."""

import json
from datetime import timedelta
from typing import Any, Literal, get_args

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
from dasi.console.labels.settings import (
    KEY_FIELDS,
    LANGUAGE,
    LATE_APPROVAL_POLICY,
    quota_label,
)
from dasi.console.request import ConsoleRequest
from dasi.foundation.errors import NotFound
from dasi.merchants import live_mode
from dasi.schedules import revoke_test_schedules, stats

KICC_TEST_ACCOUNT = ("T0021766", "easypay!KICCTEST")
"""The account that KICC publishes for its test host, which approves nothing for real."""
KeyFields = Literal["full", "number_expiry", "number_expiry_birth"]
Language = Literal["ko", "en", "ja", "zh"]
LateApprovalPolicy = Literal["keep", "cancel"]
QUOTAS = ("contract", "0", *map(str, range(2, QUOTA_MONTHS_MAX + 1)))
"""Instalments in the form: those of the contract, a lump sum, or a highest number of months."""


TEST_WINDOW_HOURS = (1, 4, 24, 168)
"""How long the form lets a live merchant's pages use test channels."""


async def show_list(request: ConsoleRequest) -> Response:
    channels = await list_channels(request.engine, request.merchant_id, with_disabled=True)
    channels.sort(key=lambda channel: (channel.disabled_at is not None, not channel.is_default))
    return request.page(
        "channels.html",
        channels=channels,
        has_test_channel=any(
            channel.is_sandbox and channel.disabled_at is None for channel in channels
        ),
        test_window_hours=TEST_WINDOW_HOURS,
        may_configure=request.user.may("configure", request.merchant_id),
    )


async def show_new(request: ConsoleRequest) -> Response:
    """Show the form for a test channel, or for a live one, which guides a test merchant."""
    is_live = (request.query("mode") or request.form.get("mode")) == "live"
    is_going_live = is_live and not request.merchant.is_live
    return request.page(
        "channel_new.html",
        is_live=is_live,
        test_work=await stats.count_test_work(request.engine, request.merchant_id)
        if is_going_live
        else None,
        fields=request.form,
        test_pg_merchant_id=KICC_TEST_ACCOUNT[0],
        quotas=QUOTAS,
    )


async def show_one(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    return request.page("channel.html", **_channel_context(request, channel), checks=None)


async def post_new(request: ConsoleRequest) -> Response:
    is_sandbox = request.choice("mode", ("test", "live"), default="test") == "test"
    if not is_sandbox:
        request.require_recent_proof()
    pg_merchant_id, secret = request.field("pg_merchant_id"), request.form.get("secret", "").strip()
    if is_sandbox and not pg_merchant_id and not secret:
        pg_merchant_id, secret = KICC_TEST_ACCOUNT
    channel = await add_channel(
        request.engine,
        request.merchant,
        provider=request.field("provider"),
        pg_merchant_id=pg_merchant_id,
        secret=secret,
        is_sandbox=is_sandbox,
        is_default=request.field("default") == "on",
        also=revoke_test_schedules,
        **_options(request),
    )
    await request.audit("channel_added", target=channel.pg, detail=_describe(channel))
    is_first_live = not channel.is_sandbox and not request.merchant.is_live
    done = "?done=went_live" if is_first_live else "?done=added"
    return request.redirect(request.url(f"/channels/{channel.channel_id}{done}"))


async def post_test_windows(request: ConsoleRequest) -> Response:
    """Let the pages of a live merchant use its test channels for some hours, or end it (0)."""
    hours = int(request.choice("hours", (0, *TEST_WINDOW_HOURS)))
    if hours:
        request.require_recent_proof()
    until = await live_mode.allow_test_windows(
        request.engine, request.merchant_id, timedelta(hours=hours) if hours else None
    )
    await request.audit("test_windows_set", detail=until.isoformat() if until else "off")
    return request.redirect(request.url("/channels?done=saved" if hours else "/channels?done=off"))


async def post_change(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    _require_recent_proof(request, channel)
    secret = request.form.get("secret", "").strip()
    changed = await change_channel(
        request.engine,
        request.merchant_id,
        channel.channel_id,
        secret=secret or None,
        **_options(request),
    )
    detail = f"{_describe(channel)} → {_describe(changed)}" + (", secret" if secret else "")
    await request.audit("channel_changed", target=channel.pg, detail=detail)
    return request.redirect(f"{request.url(f'/channels/{channel.channel_id}')}?done=saved")


async def post_default(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    _require_recent_proof(request, channel)
    await make_default(request.engine, request.merchant_id, channel.channel_id)
    await request.audit("channel_made_default", target=channel.pg)
    return request.redirect(f"{request.url('/channels')}?done=saved")


async def post_disable(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    _require_recent_proof(request, channel)
    await disable_channel(request.engine, request.merchant_id, channel.channel_id)
    await request.audit("channel_disabled", target=channel.pg)
    return request.redirect(f"{request.url('/channels')}?done=disabled")


async def post_enable(request: ConsoleRequest) -> Response:
    channel = await _channel(request)
    _require_recent_proof(request, channel)
    await enable_channel(request.engine, request.merchant_id, channel.channel_id)
    await request.audit("channel_enabled", target=channel.pg)
    return request.redirect(f"{request.url(f'/channels/{channel.channel_id}')}?done=enabled")


async def post_check(request: ConsoleRequest) -> Response:
    """Register a window of each kind at the PG and open none."""
    channel = await _channel(request)
    checks = await check_channel(request.engine, channel)
    detail = ", ".join(
        f"{check.window}: {'ok' if check.is_open else check.code}" for check in checks
    )
    await request.audit("channel_checked", target=channel.pg, detail=detail)
    return request.page("channel.html", **_channel_context(request, channel), checks=checks)


def snippet(request: ConsoleRequest, channel: Channel) -> str:
    """Return the HTML of a page that registers a card through this channel."""
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
    registers = request.t(
        "customer_uid를 보내면 빌링키 발급, 보내지 않으면 일반 결제입니다.",
        "With customer_uid the window issues a billing key; without it, it takes a payment.",
    )
    checks = request.t(
        "결제 결과는 서버에서 GET /payments/{rsp.imp_uid}로 확인합니다.",
        "Your server checks the result: GET /payments/{rsp.imp_uid}.",
    )
    return (
        f'<script src="{request.engine.public_url}/v1/iamport.js"></script>\n'
        "<script>\n"
        f'  IMP.init("{request.merchant.code}");\n'
        "  function registerCard() {\n"
        f"    // {registers}\n"
        f"    IMP.request_pay({lines}, (rsp) => {{\n"
        f"      // {checks}\n"
        "      console.log(rsp.success, rsp.imp_uid, rsp.error_msg);\n"
        "    });\n"
        "  }\n"
        "</script>\n"
        f'<button onclick="registerCard()">{request.t("카드 등록", "Register card")}</button>\n'
    )


def server_snippet(request: ConsoleRequest) -> str:
    """Return the shell commands of a charge from the merchant's server."""
    url = request.engine.public_url
    return (
        f"TOKEN=$(curl -s {url}/users/getToken -d imp_key=… -d imp_secret=… \\\n"
        """  | sed -E 's/.*"access_token": *"([^"]+)".*/\\1/')\n"""
        f'curl -s {url}/subscribe/payments/again -H "Authorization: Bearer $TOKEN" \\\n'
        "  -d customer_uid=customer_0001_card -d merchant_uid=order_0002 \\\n"
        "  -d amount=9900 -d name=Coffee\n"
    )


def _channel_context(request: ConsoleRequest, channel: Channel) -> dict[str, Any]:
    return {
        "channel": channel,
        "may_configure": request.user.may("configure", request.merchant_id),
        "snippet": snippet(request, channel),
        "server_snippet": server_snippet(request),
        "quotas": QUOTAS,
        "pg_notification_url": f"{request.engine.public_url}/pg-notifications/{channel.provider}",
    }


def _require_recent_proof(request: ConsoleRequest, channel: Channel) -> None:
    """Ask for the password where the channel takes live money."""
    if not channel.is_sandbox:
        request.require_recent_proof()


async def _channel(request: ConsoleRequest) -> Channel:
    channel_id = str(request.http.path_params["channel_id"])
    for channel in await list_channels(request.engine, request.merchant_id, with_disabled=True):
        if str(channel.channel_id) == channel_id:
            return channel
    raise NotFound("unknown_channel")


def _options(request: ConsoleRequest) -> dict[str, Any]:
    return {
        "key_fields": _option(request, "key_fields", get_args(KeyFields)),
        "language": _option(request, "language", get_args(Language)),
        "late_approval_policy": _option(
            request, "late_approval_policy", get_args(LateApprovalPolicy)
        ),
        "quota_months_max": _quota(request),
    }


def _quota(request: ConsoleRequest) -> int | None:
    quota = _option(request, "quota", QUOTAS)
    return None if quota == "contract" else int(quota)


def _option(request: ConsoleRequest, name: str, allowed: tuple[str, ...]) -> str:
    return request.choice(name, allowed, default=allowed[0])


def _describe(channel: Channel) -> str:
    """Return the settings of a channel as text for the audit log."""
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
