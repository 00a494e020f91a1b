"""Sign-in, sessions and the second factor of console users."""

from dasi.authentication.second_factor import (
    SEALED_SECOND_FACTORS,
    begin_second_factor,
    confirm_second_factor,
    end_second_factor,
    mfa_roles,
    set_mfa_policy,
    verify_totp,
)
from dasi.authentication.session_store import Session
from dasi.authentication.sign_in import (
    LIFE,
    SignInResult,
    change_password,
    check_password,
    complete_session,
    confirm_identity,
    end_other_sessions,
    find_session,
    list_sessions,
    sign_in,
    sign_out,
    sign_out_everywhere,
)

__all__ = [
    "LIFE",
    "SEALED_SECOND_FACTORS",
    "Session",
    "SignInResult",
    "begin_second_factor",
    "change_password",
    "check_password",
    "complete_session",
    "confirm_identity",
    "confirm_second_factor",
    "end_other_sessions",
    "end_second_factor",
    "find_session",
    "list_sessions",
    "mfa_roles",
    "set_mfa_policy",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "verify_totp",
]
