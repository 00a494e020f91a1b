"""Every address of the console, with what it needs. Tests go through this table."""

from starlette.routing import Route

from dasi.console.account import account, members, passkeys, sign_in
from dasi.console.merchant import api_keys, billing_keys, channels, merchants, schedules, webhooks
from dasi.console.payments import dashboard, payments, unresolved
from dasi.console.routing import Door, open_door
from dasi.console.templates import Pages
from dasi.engine import Engine

_SHOP = "/console/shops/{code}"

DOORS: tuple[Door, ...] = (
    Door("GET", "/console", merchants.show_home, "person"),
    Door("POST", "/console/shops", merchants.post_shop, "owner"),
    Door("GET", "/console/sign-in", sign_in.show_sign_in, "nobody"),
    Door("POST", "/console/sign-in", sign_in.post_sign_in, "nobody"),
    Door("POST", "/console/sign-out", sign_in.post_sign_out, "half"),
    Door("GET", "/console/join/{secret}", sign_in.show_join, "nobody"),
    Door("POST", "/console/join/{secret}", sign_in.post_join, "nobody"),
    Door("GET", "/console/reset/{secret}", sign_in.show_reset, "nobody"),
    Door("POST", "/console/reset/{secret}", sign_in.post_reset, "nobody"),
    Door("GET", "/console/me", account.show_me, "person"),
    Door("POST", "/console/me/password", account.post_password, "person"),
    Door("POST", "/console/me/sign-out-everywhere", account.post_sign_out_everywhere, "person"),
    Door("POST", "/console/me/second-factor", account.post_begin, "person"),
    Door("POST", "/console/me/second-factor/confirm", account.post_confirm, "person"),
    Door("POST", "/console/me/second-factor/end", account.post_end, "person"),
    Door("GET", "/console/me/passkeys/new", passkeys.show_new, "person"),
    Door("POST", "/console/me/passkeys", passkeys.post_new, "person"),
    Door("POST", "/console/me/passkeys/{passkey_id}/name", passkeys.post_rename, "person"),
    Door("POST", "/console/me/passkeys/{passkey_id}/remove", passkeys.post_remove, "person"),
    Door("GET", "/console/second-factor", account.show_second_factor, "half"),
    Door("POST", "/console/second-factor", account.post_second_factor, "half"),
    Door("POST", "/console/second-factor/passkey", account.post_passkey, "half"),
    Door("GET", _SHOP, dashboard.show_dashboard, "view"),
    Door("GET", f"{_SHOP}/payments", payments.show_payments, "view"),
    Door("POST", f"{_SHOP}/payment-filters", payments.post_filter, "view"),
    Door("POST", f"{_SHOP}/payment-filters/remove", payments.post_filter_remove, "view"),
    Door("GET", f"{_SHOP}/payments.csv", payments.export_payments, "view"),
    Door("GET", f"{_SHOP}/payments/{{imp_uid}}", payments.show_payment, "view"),
    Door("POST", f"{_SHOP}/payments/{{imp_uid}}/cancel", payments.post_cancel, "operate"),
    Door("GET", f"{_SHOP}/keys", billing_keys.show_list, "view"),
    Door("GET", f"{_SHOP}/keys/{{customer_uid}}", billing_keys.show_one, "view"),
    Door("POST", f"{_SHOP}/keys/{{customer_uid}}/delete", billing_keys.post_delete, "operate"),
    Door("GET", f"{_SHOP}/schedules", schedules.show_schedules, "view"),
    Door("POST", f"{_SHOP}/schedules/reschedule", schedules.post_reschedule, "operate"),
    Door("POST", f"{_SHOP}/schedules/revoke", schedules.post_revoke, "operate"),
    Door("POST", f"{_SHOP}/schedules/retry", schedules.post_retry, "operate"),
    Door("POST", f"{_SHOP}/schedules/pause", schedules.post_pause, "operate"),
    Door("POST", f"{_SHOP}/schedules/resume", schedules.post_resume, "operate"),
    Door("GET", f"{_SHOP}/unresolved", unresolved.show_unresolved, "view"),
    Door("POST", f"{_SHOP}/unresolved/lookup", unresolved.post_lookup, "operate"),
    Door("POST", f"{_SHOP}/unresolved/resolve", unresolved.post_resolve, "operate"),
    Door("GET", f"{_SHOP}/pg", channels.show_list, "view"),
    Door("POST", f"{_SHOP}/pg", channels.post_new, "configure"),
    Door("GET", f"{_SHOP}/pg/new", channels.show_new, "configure"),
    Door("GET", f"{_SHOP}/pg/{{channel_id}}", channels.show_one, "view"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}", channels.post_change, "configure"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}/check", channels.post_check, "configure"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}/default", channels.post_default, "configure"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}/disable", channels.post_disable, "configure"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}/enable", channels.post_enable, "configure"),
    Door("GET", f"{_SHOP}/api-keys", api_keys.show_list, "view"),
    Door("POST", f"{_SHOP}/api-keys", api_keys.post_new, "configure"),
    Door("POST", f"{_SHOP}/api-keys/{{api_key}}/rotate", api_keys.post_rotate, "configure"),
    Door("POST", f"{_SHOP}/api-keys/{{api_key}}/revoke", api_keys.post_revoke, "configure"),
    Door("GET", f"{_SHOP}/webhooks", webhooks.show_log, "view"),
    Door("POST", f"{_SHOP}/webhooks", webhooks.post_settings, "configure"),
    Door("POST", f"{_SHOP}/webhooks/replay", webhooks.post_replay, "operate"),
    Door("POST", f"{_SHOP}/webhooks/test", webhooks.post_test, "configure"),
    Door("POST", f"{_SHOP}/webhooks/secret", webhooks.post_secret, "configure"),
    Door("POST", f"{_SHOP}/webhooks/pause", webhooks.post_pause, "operate"),
    Door("POST", f"{_SHOP}/webhooks/resume", webhooks.post_resume, "operate"),
    Door("GET", f"{_SHOP}/webhooks/{{event_id}}", webhooks.show_delivery, "view"),
    Door("POST", f"{_SHOP}/webhooks/{{event_id}}/resend", webhooks.post_resend, "operate"),
    Door("GET", f"{_SHOP}/members", members.show_members, "view"),
    Door("POST", f"{_SHOP}/members", members.post_invite, "manage_members"),
    Door("POST", f"{_SHOP}/members/{{user_id}}/remove", members.post_remove, "manage_members"),
    Door("POST", f"{_SHOP}/members/second-factor", members.post_second_factor, "manage_members"),
    Door("GET", f"{_SHOP}/audit", members.show_audit, "view"),
    Door("GET", f"{_SHOP}/audit.csv", members.export_audit, "view"),
)


def routes(engine: Engine) -> list[Route]:
    """The routes to put into the application. Templates and files are read here, once."""
    pages = Pages(engine)
    return [
        Route("/console/-/{name}", pages.give_file, methods=["GET"]),
        *[
            Route(door.path, open_door(engine, pages, door), methods=[door.method])
            for door in DOORS
        ],
    ]
