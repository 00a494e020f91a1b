"""Users of the console: roles, invitations, password resets, saved filters."""

from dasi.users import rate_limit_store, user_store
from dasi.users.invitations import add_person, first_run_link, invite, join, look_at_link
from dasi.users.members import (
    ask_second_factor_of,
    list_members,
    list_people,
    remove_member,
    second_factor_roles,
)
from dasi.users.password_reset import look_at_reset, reset_link, use_reset
from dasi.users.passwords import PASSWORD_MIN, hash_of, hash_password, is_password
from dasi.users.rate_limit import refuse_many_tries
from dasi.users.saved_filters import list_views, remove_view, save_view
from dasi.users.user import GIVEN_ROLES, Permission, Person, Role
from dasi.users.user_store import PERSON, to_person

__all__ = [
    "GIVEN_ROLES",
    "PASSWORD_MIN",
    "PERSON",
    "Permission",
    "Person",
    "Role",
    "add_person",
    "ask_second_factor_of",
    "first_run_link",
    "hash_of",
    "hash_password",
    "invite",
    "is_password",
    "join",
    "list_members",
    "list_people",
    "list_views",
    "look_at_link",
    "look_at_reset",
    "rate_limit_store",
    "refuse_many_tries",
    "remove_member",
    "remove_view",
    "reset_link",
    "save_view",
    "second_factor_roles",
    "to_person",
    "use_reset",
    "user_store",
]
