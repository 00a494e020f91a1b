"""The people's room: who signs in to the console, what they may do, and what they did."""

from dasi.people.act import Act, Origin
from dasi.people.audit import acts_about, list_acts, record_act
from dasi.people.give_passkey import ask_for_passkey, give_passkey
from dasi.people.join import Link, add_person, first_run_link, invite, join, look_at_link
from dasi.people.members import (
    ask_second_factor_of,
    list_members,
    list_people,
    remove_member,
    second_factor_roles,
)
from dasi.people.passkey import PASSKEY_NAME_MAX, Passkey
from dasi.people.passkeys import (
    add_passkey,
    ask_for_new_passkey,
    has_passkeys_here,
    list_passkeys,
    remove_passkey,
    rename_passkey,
)
from dasi.people.passwords import PASSWORD_MIN
from dasi.people.person import GIVEN_ROLES, Member, Permission, Person, Role
from dasi.people.reset import look_at_reset, reset_link, use_reset
from dasi.people.saved_views import SavedView, list_views, remove_view, save_view
from dasi.people.second_factor import (
    SEALED_SECOND_FACTORS,
    begin_second_factor,
    confirm_second_factor,
    end_second_factor,
    give_second_factor,
)
from dasi.people.session import IDLE, LIFE, Session, SessionLine
from dasi.people.sign_in import (
    SignedIn,
    change_password,
    complete_session,
    find_session,
    list_sessions,
    open_session,
    sign_in,
    sign_out,
    sign_out_everywhere,
)
from dasi.people.tries import refuse_many_tries

__all__ = [
    "GIVEN_ROLES",
    "IDLE",
    "LIFE",
    "PASSKEY_NAME_MAX",
    "PASSWORD_MIN",
    "SEALED_SECOND_FACTORS",
    "Act",
    "Link",
    "Member",
    "Origin",
    "Passkey",
    "Permission",
    "Person",
    "Role",
    "SavedView",
    "Session",
    "SessionLine",
    "SignedIn",
    "acts_about",
    "add_passkey",
    "add_person",
    "ask_for_new_passkey",
    "ask_for_passkey",
    "ask_second_factor_of",
    "begin_second_factor",
    "change_password",
    "complete_session",
    "confirm_second_factor",
    "end_second_factor",
    "find_session",
    "first_run_link",
    "give_passkey",
    "give_second_factor",
    "has_passkeys_here",
    "invite",
    "join",
    "list_acts",
    "list_members",
    "list_passkeys",
    "list_people",
    "list_sessions",
    "list_views",
    "look_at_link",
    "look_at_reset",
    "open_session",
    "record_act",
    "refuse_many_tries",
    "remove_member",
    "remove_passkey",
    "remove_view",
    "rename_passkey",
    "reset_link",
    "save_view",
    "second_factor_roles",
    "sign_in",
    "sign_out",
    "sign_out_everywhere",
    "use_reset",
]
