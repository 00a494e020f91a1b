"""Users of the console: roles, members, invitations, passwords and their reset."""

from dasi.users.members import (
    accept_invitation,
    add_user,
    bootstrap_link,
    get_invitation,
    invite,
    list_members,
    list_users,
    remove_member,
)
from dasi.users.password_reset import get_reset, reset_link, use_reset
from dasi.users.passwords import PASSWORD_MIN, set_password, verify_password
from dasi.users.user import MEMBER_ROLES, Permission, Role, User
from dasi.users.user_store import USER_COLUMNS

__all__ = [
    "MEMBER_ROLES",
    "PASSWORD_MIN",
    "USER_COLUMNS",
    "Permission",
    "Role",
    "User",
    "accept_invitation",
    "add_user",
    "bootstrap_link",
    "get_invitation",
    "get_reset",
    "invite",
    "list_members",
    "list_users",
    "remove_member",
    "reset_link",
    "set_password",
    "use_reset",
    "verify_password",
]
