"""Readers of setting texts: each returns the value or raises `ValueError` with the rule."""

import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlsplit

from dasi.foundation import vault
from dasi.foundation.clock import parse_durations
from dasi.http.client_address import Network, parse_networks

_MAIL_ADDRESS_MAX = 254


def whole_number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
            raise ValueError(f"a whole number from {least} to {most}")
        return int(text)

    return read


def switch(text: str) -> bool:
    values = {"on": True, "true": True, "1": True, "off": False, "false": False, "0": False}
    if text.lower() not in values:
        raise ValueError("on or off")
    return values[text.lower()]


def one_of(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"one of {', '.join(choices)}")
        return text.lower()

    return read


def database_url(text: str) -> str:
    scheme, separator, rest = text.partition("://")
    if scheme not in {"postgresql", "postgres"} or not separator or not rest:
        raise ValueError("a URL that begins with postgresql://")
    return text


def token(text: str) -> str:
    if not re.fullmatch(r"[\x21-\x7e]{16,200}", text):
        raise ValueError("16 to 200 visible ASCII characters")
    return text


def none_or(read: Callable[[str], str]) -> Callable[[str], str]:
    return lambda text: "" if text == "none" else read(text)


def wal_archive_command(text: str) -> str:
    if "%p" not in text:
        raise ValueError("a shell command with %p, the file to archive")
    return text


def web_url(*schemes: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        rule = f"a URL that begins with {' or '.join(f'{scheme}://' for scheme in schemes)}"
        try:
            parts = urlsplit(text)
            _ = parts.port  # it raises when the port is not a number below 65536
        except ValueError as wrong:
            raise ValueError(rule) from wrong
        if parts.scheme not in schemes or not parts.hostname:
            raise ValueError(rule)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError(f"{rule}, without user, query or fragment")
        return text.rstrip("/")

    return read


def vault_keys(text: str) -> tuple[bytes, ...]:
    try:
        return vault.parse_keys(text)
    except ValueError as wrong:
        raise ValueError(
            f"base64 keys of {vault.KEY_BYTES} bytes, newest first, separated by commas"
        ) from wrong


def networks(text: str) -> tuple[Network, ...]:
    try:
        return parse_networks(text)
    except ValueError as error:
        raise ValueError("networks such as `10.0.0.0/8,::1`, separated by commas") from error


def days_or_off(text: str) -> int | None:
    return None if text == "off" else whole_number(30, 36_500)(text)


def security_contact(text: str) -> str:
    if text == "none":
        return ""
    if not text.startswith(("mailto:", "https://")) or not text.isascii() or not text.isprintable():
        raise ValueError("a mailto: or https:// address")
    return text


def mail_address(text: str) -> str:
    if len(text) > _MAIL_ADDRESS_MAX or not re.fullmatch(r"[!-~]+@[A-Za-z0-9.-]+", text):
        raise ValueError("a mail address such as ops@example.com")
    if set(text) & set(',;<>"()[]\\:'):
        raise ValueError("a mail address such as ops@example.com, without a name")
    return text


def mail_addresses(text: str) -> tuple[str, ...]:
    if text == "none":
        return ()
    return tuple(mail_address(part.strip()) for part in text.split(","))


def chat_url(text: str) -> str:
    rule = "an http or https URL in ASCII, without a user"
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError as wrong:
        raise ValueError(rule) from wrong
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        raise ValueError(rule)
    if not re.fullmatch(r"[!-~]{1,2000}", text):
        raise ValueError(rule)
    return text


def host_name(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._:-]{1,253}", text):
        raise ValueError("the name or the address of a host")
    return text


def one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("one line of visible characters")
    return text


def webhook_retry_schedule(text: str) -> tuple[timedelta, ...]:
    return parse_durations(text, least=timedelta(hours=72))
