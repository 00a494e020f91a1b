"""Passkeys (WebAuthn) as the second factor of console users."""

from dasi.passkeys.passkeys import (
    PASSKEY_NAME_MAX,
    add_passkey,
    begin_passkey_authentication,
    begin_passkey_registration,
    has_passkeys_here,
    list_passkeys,
    remove_passkey,
    rename_passkey,
    verify_passkey,
)

__all__ = [
    "PASSKEY_NAME_MAX",
    "add_passkey",
    "begin_passkey_authentication",
    "begin_passkey_registration",
    "has_passkeys_here",
    "list_passkeys",
    "remove_passkey",
    "rename_passkey",
    "verify_passkey",
]
