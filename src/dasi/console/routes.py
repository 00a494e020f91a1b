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
    Door("POST", "/console/shops", merchants.post_shop, "own"),
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
    Door("GET", _SHOP, dashboard.show_dashboard, "see"),
    Door("GET", f"{_SHOP}/payments", payments.show_payments, "see"),
    Door("POST", f"{_SHOP}/payment-views", payments.post_view, "see"),
    Door("POST", f"{_SHOP}/payment-views/remove", payments.post_view_remove, "see"),
    Door("GET", f"{_SHOP}/payments.csv", payments.export_payments, "see"),
    Door("GET", f"{_SHOP}/payments/{{imp_uid}}", payments.show_payment, "see"),
    Door("POST", f"{_SHOP}/payments/{{imp_uid}}/cancel", payments.post_cancel, "act"),
    Door("GET", f"{_SHOP}/keys", billing_keys.show_list, "see"),
    Door("GET", f"{_SHOP}/keys/{{customer_uid}}", billing_keys.show_one, "see"),
    Door("POST", f"{_SHOP}/keys/{{customer_uid}}/delete", billing_keys.post_delete, "act"),
    Door("GET", f"{_SHOP}/schedules", schedules.show_schedules, "see"),
    Door("POST", f"{_SHOP}/schedules/reschedule", schedules.post_reschedule, "act"),
    Door("POST", f"{_SHOP}/schedules/revoke", schedules.post_revoke, "act"),
    Door("POST", f"{_SHOP}/schedules/retry", schedules.post_retry, "act"),
    Door("POST", f"{_SHOP}/schedules/pause", schedules.post_pause, "act"),
    Door("POST", f"{_SHOP}/schedules/resume", schedules.post_resume, "act"),
    Door("GET", f"{_SHOP}/unresolved", unresolved.show_unresolved, "see"),
    Door("POST", f"{_SHOP}/unresolved/lookup", unresolved.post_lookup, "act"),
    Door("POST", f"{_SHOP}/unresolved/resolve", unresolved.post_resolve, "act"),
    Door("GET", f"{_SHOP}/pg", channels.show_list, "see"),
    Door("POST", f"{_SHOP}/pg", channels.post_new, "set_up"),
    Door("GET", f"{_SHOP}/pg/new", channels.show_new, "set_up"),
    Door("GET", f"{_SHOP}/pg/{{channel_id}}", channels.show_one, "see"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}", channels.post_change, "set_up"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}/check", channels.post_check, "set_up"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}/default", channels.post_default, "set_up"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}/disable", channels.post_disable, "set_up"),
    Door("POST", f"{_SHOP}/pg/{{channel_id}}/enable", channels.post_enable, "set_up"),
    Door("GET", f"{_SHOP}/api-keys", api_keys.show_list, "see"),
    Door("POST", f"{_SHOP}/api-keys", api_keys.post_new, "set_up"),
    Door("POST", f"{_SHOP}/api-keys/{{api_key}}/rotate", api_keys.post_rotate, "set_up"),
    Door("POST", f"{_SHOP}/api-keys/{{api_key}}/revoke", api_keys.post_revoke, "set_up"),
    Door("GET", f"{_SHOP}/webhooks", webhooks.show_log, "see"),
    Door("POST", f"{_SHOP}/webhooks", webhooks.post_settings, "set_up"),
    Door("POST", f"{_SHOP}/webhooks/replay", webhooks.post_replay, "act"),
    Door("POST", f"{_SHOP}/webhooks/test", webhooks.post_test, "set_up"),
    Door("POST", f"{_SHOP}/webhooks/secret", webhooks.post_secret, "set_up"),
    Door("POST", f"{_SHOP}/webhooks/pause", webhooks.post_pause, "act"),
    Door("POST", f"{_SHOP}/webhooks/resume", webhooks.post_resume, "act"),
    Door("GET", f"{_SHOP}/webhooks/{{event_id}}", webhooks.show_delivery, "see"),
    Door("POST", f"{_SHOP}/webhooks/{{event_id}}/resend", webhooks.post_resend, "act"),
    Door("GET", f"{_SHOP}/people", members.show_people, "see"),
    Door("POST", f"{_SHOP}/people", members.post_invite, "invite"),
    Door("POST", f"{_SHOP}/people/{{person_id}}/remove", members.post_remove, "invite"),
    Door("POST", f"{_SHOP}/people/second-factor", members.post_second_factor, "invite"),
    Door("GET", f"{_SHOP}/audit", members.show_audit, "see"),
    Door("GET", f"{_SHOP}/audit.csv", members.export_audit, "see"),
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
