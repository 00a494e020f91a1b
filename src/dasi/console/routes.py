"""The table of the console's routes: method, path, endpoint, permission. Tests go through it."""

from collections.abc import Iterator

from starlette.routing import Route

from dasi.console.account import account, members, passkeys, sign_in
from dasi.console.confirmation import Confirmed, Reviewer
from dasi.console.home import home_endpoint
from dasi.console.merchant import (
    billing_keys,
    channels,
    merchants,
    schedule_changes,
    schedules,
    webhooks,
    windows,
)
from dasi.console.payments import cancels, dashboard, duplicates, payments, unresolved
from dasi.console.routing import ConsoleRoute, make_endpoint
from dasi.console.templates import Templates
from dasi.engine import Engine
from dasi.users import Permission

_MERCHANT = "/console/merchants/{code}"


def _confirmed(path: str, review: Reviewer, permission: Permission) -> Iterator[ConsoleRoute]:
    """Yield the routes of an operation that cannot be undone: its review, and the operation."""
    confirmed = Confirmed(review)
    yield ConsoleRoute("GET", path, confirmed.show, permission)
    yield ConsoleRoute("POST", path, confirmed.post, permission)


ROUTES: tuple[ConsoleRoute, ...] = (
    ConsoleRoute("GET", "/console", merchants.show_home, "signed_in"),
    ConsoleRoute("POST", "/console/merchants", merchants.post_merchant, "owner"),
    ConsoleRoute("GET", "/console/sign-in", sign_in.show_sign_in, "anonymous"),
    ConsoleRoute("POST", "/console/sign-in", sign_in.post_sign_in, "anonymous"),
    ConsoleRoute("POST", "/console/sign-out", sign_in.post_sign_out, "mfa_pending"),
    ConsoleRoute("GET", "/console/join", sign_in.show_join, "anonymous"),
    ConsoleRoute("POST", "/console/join", sign_in.post_join, "anonymous"),
    ConsoleRoute("GET", "/console/reset", sign_in.show_reset, "anonymous"),
    ConsoleRoute("POST", "/console/reset", sign_in.post_reset, "anonymous"),
    ConsoleRoute("POST", "/console/confirm", sign_in.post_confirm, "signed_in"),
    ConsoleRoute("GET", "/console/me", account.show_me, "signed_in"),
    ConsoleRoute("POST", "/console/me/password", account.post_password, "signed_in"),
    ConsoleRoute(
        "POST", "/console/me/sign-out-everywhere", account.post_sign_out_everywhere, "signed_in"
    ),
    ConsoleRoute("POST", "/console/me/second-factor", account.post_begin, "signed_in"),
    ConsoleRoute("POST", "/console/me/second-factor/confirm", account.post_confirm, "signed_in"),
    ConsoleRoute("POST", "/console/me/second-factor/end", account.post_end, "signed_in"),
    ConsoleRoute("GET", "/console/me/passkeys/new", passkeys.show_new, "signed_in"),
    ConsoleRoute("POST", "/console/me/passkeys", passkeys.post_new, "signed_in"),
    ConsoleRoute(
        "POST", "/console/me/passkeys/{passkey_id}/name", passkeys.post_rename, "signed_in"
    ),
    ConsoleRoute(
        "POST", "/console/me/passkeys/{passkey_id}/remove", passkeys.post_remove, "signed_in"
    ),
    ConsoleRoute("GET", "/console/second-factor", account.show_second_factor, "mfa_pending"),
    ConsoleRoute("POST", "/console/second-factor", account.post_second_factor, "mfa_pending"),
    ConsoleRoute("POST", "/console/second-factor/passkey", account.post_passkey, "mfa_pending"),
    ConsoleRoute("GET", _MERCHANT, dashboard.show_dashboard, "view"),
    ConsoleRoute("GET", f"{_MERCHANT}/payments", payments.show_payments, "view"),
    ConsoleRoute("GET", f"{_MERCHANT}/duplicates", duplicates.show_duplicates, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/payment-filters", payments.post_filter, "view"),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/payment-filters/remove", payments.post_filter_remove, "view"
    ),
    ConsoleRoute("GET", f"{_MERCHANT}/payments.csv", payments.export_payments, "view"),
    ConsoleRoute("GET", f"{_MERCHANT}/payments/{{imp_uid}}", payments.show_payment, "view"),
    *_confirmed(f"{_MERCHANT}/payments/{{imp_uid}}/cancel", cancels.review_cancel, "operate"),
    ConsoleRoute("GET", f"{_MERCHANT}/keys", billing_keys.show_list, "view"),
    ConsoleRoute("GET", f"{_MERCHANT}/keys/{{customer_uid}}", billing_keys.show_one, "view"),
    *_confirmed(f"{_MERCHANT}/keys/{{customer_uid}}/delete", billing_keys.review_delete, "operate"),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/keys/{{customer_uid}}/restore", billing_keys.post_restore, "operate"
    ),
    ConsoleRoute("GET", f"{_MERCHANT}/schedules", schedules.show_schedules, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/schedules/reschedule", schedules.post_reschedule, "operate"),
    *_confirmed(f"{_MERCHANT}/schedules/revoke", schedule_changes.review_revoke, "operate"),
    *_confirmed(f"{_MERCHANT}/schedules/retry", schedule_changes.review_retry, "operate"),
    *_confirmed(f"{_MERCHANT}/schedules/pause", schedule_changes.review_pause, "operate"),
    *_confirmed(f"{_MERCHANT}/schedules/resume", schedule_changes.review_resume, "operate"),
    ConsoleRoute("GET", f"{_MERCHANT}/unresolved", unresolved.show_unresolved, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/unresolved/lookup", unresolved.post_lookup, "operate"),
    *_confirmed(f"{_MERCHANT}/unresolved/resolve", unresolved.review_resolve, "operate"),
    ConsoleRoute("GET", f"{_MERCHANT}/channels", channels.show_list, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/channels", channels.post_new, "configure"),
    ConsoleRoute("GET", f"{_MERCHANT}/channels/new", channels.show_new, "configure"),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/channels/test-windows", channels.post_test_windows, "configure"
    ),
    ConsoleRoute("GET", f"{_MERCHANT}/channels/{{channel_id}}", channels.show_one, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/channels/{{channel_id}}", channels.post_change, "configure"),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/channels/{{channel_id}}/check", channels.post_check, "configure"
    ),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/channels/{{channel_id}}/default", channels.post_default, "configure"
    ),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/channels/{{channel_id}}/disable", channels.post_disable, "configure"
    ),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/channels/{{channel_id}}/enable", channels.post_enable, "configure"
    ),
    ConsoleRoute("GET", f"{_MERCHANT}/windows", windows.show_rules, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/windows", windows.post_rules, "configure"),
    ConsoleRoute("GET", f"{_MERCHANT}/api-keys", merchants.show_api_keys, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/api-keys", merchants.post_api_key, "configure"),
    *_confirmed(f"{_MERCHANT}/api-keys/{{api_key}}/rotate", merchants.review_rotate, "configure"),
    *_confirmed(f"{_MERCHANT}/api-keys/{{api_key}}/revoke", merchants.review_revoke, "configure"),
    ConsoleRoute("GET", f"{_MERCHANT}/webhooks", webhooks.show_log, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/webhooks", webhooks.post_settings, "configure"),
    ConsoleRoute("POST", f"{_MERCHANT}/webhooks/replay", webhooks.post_replay, "operate"),
    ConsoleRoute("POST", f"{_MERCHANT}/webhooks/test", webhooks.post_test, "configure"),
    *_confirmed(f"{_MERCHANT}/webhooks/secret", webhooks.review_secret, "configure"),
    *_confirmed(f"{_MERCHANT}/webhooks/pause", webhooks.review_pause, "operate"),
    ConsoleRoute("POST", f"{_MERCHANT}/webhooks/resume", webhooks.post_resume, "operate"),
    ConsoleRoute("GET", f"{_MERCHANT}/webhooks/{{event_id}}", webhooks.show_delivery, "view"),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/webhooks/{{event_id}}/resend", webhooks.post_resend, "operate"
    ),
    ConsoleRoute("GET", f"{_MERCHANT}/members", members.show_members, "view"),
    ConsoleRoute("POST", f"{_MERCHANT}/members", members.post_invite, "manage_members"),
    *_confirmed(f"{_MERCHANT}/members/{{user_id}}/remove", members.review_remove, "manage_members"),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/members/{{user_id}}/role", members.post_role, "manage_members"
    ),
    ConsoleRoute("POST", f"{_MERCHANT}/members/{{user_id}}/disable", members.post_disable, "owner"),
    ConsoleRoute("POST", f"{_MERCHANT}/members/{{user_id}}/enable", members.post_enable, "owner"),
    ConsoleRoute(
        "POST",
        f"{_MERCHANT}/members/{{link_id}}/withdraw",
        members.post_withdraw,
        "manage_members",
    ),
    ConsoleRoute(
        "POST", f"{_MERCHANT}/members/second-factor", members.post_second_factor, "manage_members"
    ),
    ConsoleRoute("GET", f"{_MERCHANT}/audit", members.show_audit, "view"),
    ConsoleRoute("GET", f"{_MERCHANT}/audit.csv", members.export_audit, "view"),
)


_PAYMENTS = f"{_MERCHANT}/payments"
_FORM_PAGES = {
    f"{_MERCHANT}/channels": f"{_MERCHANT}/channels/new",
    f"{_MERCHANT}/payment-filters": _PAYMENTS,
    f"{_MERCHANT}/payment-filters/remove": _PAYMENTS,
}
"""Pages with a form whose path does not continue the page's."""


def form_page_of(route: ConsoleRoute) -> ConsoleRoute | None:
    """Return the page with the form that leads to this route; None if there is none.

    It is the page whose path the form's path continues.
    """
    pages = {page.path: page for page in ROUTES if page.method == "GET"}
    if route.method == "GET" and not isinstance(_owner_of(route), Confirmed):
        return None
    path = _FORM_PAGES.get(route.path, route.path)
    while path != "/console":
        page = pages.get(path)
        if page is not None and not isinstance(_owner_of(page), Confirmed):
            return page
        path = path.rpartition("/")[0]
    return pages[path]


def _owner_of(route: ConsoleRoute) -> object:
    return getattr(route.endpoint, "__self__", None)


def routes(engine: Engine) -> list[Route]:
    """Return the routes of the application. Templates and static files are read once, here."""
    templates = Templates(engine)
    return [
        Route("/", home_endpoint(templates, public_url=engine.public_url), methods=["GET"]),
        Route("/console/-/{name}", templates.serve_file, methods=["GET"]),
        *[
            Route(
                route.path,
                make_endpoint(engine, templates, route, form_page_of(route)),
                methods=[route.method],
            )
            for route in ROUTES
        ],
    ]
