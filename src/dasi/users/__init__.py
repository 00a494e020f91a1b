"""Users of the console: roles, invitations, password resets, saved filters."""

from dasi.users import rate_limit_store, user_store
from dasi.users.invitations import (
    accept_invitation,
    add_user,
    bootstrap_link,
    get_invitation,
    invite,
)
from dasi.users.members import (
    list_members,
    list_users,
    mfa_roles,
    remove_member,
    set_mfa_policy,
)
from dasi.users.password_reset import get_reset, reset_link, use_reset
from dasi.users.passwords import PASSWORD_MIN, hash_of, hash_password, is_password
from dasi.users.rate_limit import check_rate_limit
from dasi.users.saved_filters import list_filters, remove_filter, save_filter
from dasi.users.user import GIVEN_ROLES, Permission, Role, User
from dasi.users.user_store import USER_COLUMNS, to_user

__all__ = [
    "GIVEN_ROLES",
    "PASSWORD_MIN",
    "USER_COLUMNS",
    "Permission",
    "Role",
    "User",
    "accept_invitation",
    "add_user",
    "bootstrap_link",
    "check_rate_limit",
    "get_invitation",
    "get_reset",
    "hash_of",
    "hash_password",
    "invite",
    "is_password",
    "list_filters",
    "list_members",
    "list_users",
    "mfa_roles",
    "rate_limit_store",
    "remove_filter",
    "remove_member",
    "reset_link",
    "save_filter",
    "set_mfa_policy",
    "to_user",
    "use_reset",
    "user_store",
]
