"""Users of the console: roles, members, passwords."""

from dasi.users.admit import add_user, admit_user, checked_email
from dasi.users.members import (
    change_role,
    disable_user,
    enable_user,
    list_members,
    list_users,
    remove_member,
)
from dasi.users.passwords import (
    PASSWORD_MIN,
    find_user_by_email,
    hash_new_password,
    reset_user,
    set_password,
    verify_password,
)
from dasi.users.user import MEMBER_ROLES, Permission, Role, User
from dasi.users.user_store import USER_COLUMNS

__all__ = [
    "MEMBER_ROLES",
    "PASSWORD_MIN",
    "USER_COLUMNS",
    "Permission",
    "Role",
    "User",
    "add_user",
    "admit_user",
    "change_role",
    "checked_email",
    "disable_user",
    "enable_user",
    "find_user_by_email",
    "hash_new_password",
    "list_members",
    "list_users",
    "remove_member",
    "reset_user",
    "set_password",
    "verify_password",
]
