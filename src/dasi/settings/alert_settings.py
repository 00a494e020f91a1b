"""The settings of alerts to people: by mail and into a chat."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from dasi.foundation.errors import OperatorError
from dasi.settings import readers
from dasi.settings.setting import setting


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertSettings:
    """Where alerts go. Without addresses and without a chat URL none is sent."""

    alert_mail_to: tuple[str, ...] = setting(
        "DASI_ALERT_MAIL_TO",
        default="none",
        unit="addresses",
        read=readers.mail_addresses,
        sentence="The addresses that get alerts by mail, separated by commas. The worker sends "
        "them. It needs `DASI_ALERT_MAIL_FROM` and `DASI_SMTP_HOST`.",
    )
    alert_mail_from: str = setting(
        "DASI_ALERT_MAIL_FROM",
        default="none",
        unit="address",
        read=readers.none_or(readers.mail_address),
        sentence="The sender of these mails.",
    )
    alert_chat_url: str = setting(
        "DASI_ALERT_CHAT_URL",
        default="none",
        unit="URL",
        read=readers.none_or(readers.chat_url),
        is_secret=True,
        sentence='A webhook of a chat that takes `{"text": …}`, as Slack, Mattermost and '
        "Rocket.Chat do. It is secret: its owner may post. It must be public and https, unless "
        "`DASI_ALLOW_LOCAL_WEBHOOKS` is on.",
    )
    alert_language: Literal["en", "ko"] = setting(
        "DASI_ALERT_LANGUAGE",
        default="en",
        unit="word",
        read=readers.one_of("en", "ko"),
        sentence="The language of alerts: `en` or `ko`.",
    )
    smtp_host: str = setting(
        "DASI_SMTP_HOST",
        default="none",
        unit="name",
        read=readers.none_or(readers.host_name),
        sentence="The mail server that takes the alerts.",
    )
    smtp_port: int = setting(
        "DASI_SMTP_PORT",
        default="587",
        unit="port",
        read=readers.whole_number(1, 65_535),
        sentence="Its port: often 587 with `starttls`, 465 with `tls`.",
    )
    smtp_security: Literal["starttls", "tls", "off"] = setting(
        "DASI_SMTP_SECURITY",
        default="starttls",
        unit="word",
        read=readers.one_of("starttls", "tls", "off"),
        sentence="`starttls`: the connection must change to TLS before anything is sent. `tls`: it "
        "begins with TLS. `off`: no TLS, for a relay on this machine; a password is then refused.",
    )
    smtp_user: str = setting(
        "DASI_SMTP_USER",
        default="none",
        unit="text",
        read=readers.none_or(readers.one_line),
        sentence="The account at the mail server. Without it there is no sign-in.",
    )
    smtp_password: str = setting(
        "DASI_SMTP_PASSWORD",
        default="none",
        unit="text",
        read=readers.none_or(readers.one_line),
        is_secret=True,
        sentence="The password of that account.",
    )


def check_alert_settings(values: Mapping[str, Any]) -> None:
    """Raise `OperatorError` if settings of the mail do not fit together."""
    if values["alert_mail_to"]:
        for attribute, name in (
            ("alert_mail_from", "DASI_ALERT_MAIL_FROM"),
            ("smtp_host", "DASI_SMTP_HOST"),
        ):
            if not values[attribute]:
                raise OperatorError(
                    f"{name} is not set.",
                    cause="DASI_ALERT_MAIL_TO is set, and a mail needs both.",
                    hint=f"Set {name}, or unset DASI_ALERT_MAIL_TO.",
                )
    is_readable = values["alert_chat_url"].startswith("http://")
    if is_readable and not values["allow_local_webhooks"]:
        raise OperatorError(
            "DASI_ALERT_CHAT_URL is not https.",
            cause="Its secret part and the alerts would be readable on their way.",
            hint="Use the chat's https URL.",
        )
    if values["smtp_user"] and not values["smtp_password"]:
        raise OperatorError(
            "DASI_SMTP_PASSWORD is not set.",
            cause="DASI_SMTP_USER is set, and a sign-in needs both.",
            hint="Set DASI_SMTP_PASSWORD or DASI_SMTP_PASSWORD_FILE, or unset DASI_SMTP_USER.",
        )
    if values["smtp_password"] and values["smtp_security"] == "off":
        raise OperatorError(
            "DASI_SMTP_SECURITY cannot be off with a password.",
            cause="The password of DASI_SMTP_PASSWORD would be readable on its way.",
            hint="Set DASI_SMTP_SECURITY to starttls or tls, or unset user and password.",
        )
