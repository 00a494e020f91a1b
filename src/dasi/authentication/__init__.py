"""Sign-in, sessions and the second factor of console users."""

from dasi.authentication.passkey import PASSKEY_NAME_MAX
from dasi.authentication.passkey_sign_in import begin_passkey_authentication, verify_passkey
from dasi.authentication.passkeys import (
    add_passkey,
    begin_passkey_registration,
    has_passkeys_here,
    list_passkeys,
    remove_passkey,
    rename_passkey,
)
from dasi.authentication.second_factor import (
    SEALED_SECOND_FACTORS,
    begin_second_factor,
    confirm_second_factor,
    end_second_factor,
    verify_totp,
)
from dasi.authentication.session import LIFE, Session
from dasi.authentication.sign_in import (
    change_password,
    find_session,
    list_sessions,
    sign_in,
    sign_out,
    sign_out_everywhere,
)

__all__ = [
    "LIFE",
    "PASSKEY_NAME_MAX",
    "SEALED_SECOND_FACTORS",
    "Session",
    "add_passkey",
    "begin_passkey_authentication",
    "begin_passkey_registration",
    "begin_second_factor",
    "change_password",
    "confirm_second_factor",
    "end_second_factor",
    "find_session",
    "has_passkeys_here",
    "list_passkeys",
    "list_sessions",
    "remove_passkey",
    "rename_passkey",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "verify_passkey",
    "verify_totp",
]
