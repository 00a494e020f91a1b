"""The user of the console, the roles and their permissions. Pure rules.

`owner`      has every permission for every merchant, and adds merchants
`admin`      has every permission for one merchant, its members included
`operator`   views, and operates payments, billing keys, schedules and deliveries
`developer`  views, and configures channels, API keys and webhooks
`read_only`  views, with personal data masked
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from dasi.foundation.db import Row


class Role(StrEnum):
    """The roles of users. The module's docstring has their permissions."""

    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    READ_ONLY = "read_only"


Permission = Literal[
    "view", "view_personal_data", "operate", "configure", "manage_members", "owner"
]
"""View a merchant; see its buyers' personal data; operate its payments; configure it; manage its
members; own the gateway."""

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(
        {"view", "view_personal_data", "operate", "configure", "manage_members", "owner"}
    ),
    Role.ADMIN: frozenset({"view", "view_personal_data", "operate", "configure", "manage_members"}),
    Role.OPERATOR: frozenset({"view", "view_personal_data", "operate"}),
    Role.DEVELOPER: frozenset({"view", "view_personal_data", "configure"}),
    Role.READ_ONLY: frozenset({"view"}),
}
MEMBER_ROLES = (Role.ADMIN, Role.OPERATOR, Role.DEVELOPER, Role.READ_ONLY)
"""Roles of a membership. An owner needs no membership."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the console with roles and second factors."""

    user_id: int
    email: str
    name: str
    is_owner: bool
    has_totp: bool
    """Whether an authenticator app is set up."""
    passkeys: int
    """The number of passkeys."""
    roles: Mapping[int, Role]
    """The role in each merchant, by merchant id."""
    mfa_required_in: frozenset[int]
    """The merchants that chose to require a second factor of this user's role."""
    mfa_default_in: Mapping[int, bool]
    """The merchants that chose nothing, if the role is owner or admin: whether one is live."""
    created_at: datetime
    disabled_at: datetime | None
    """The moment since which the user cannot sign in."""

    @classmethod
    def from_row(cls, row: Row) -> "User":
        """Return the user of a row of `USER_COLUMNS`."""
        values = {name: row[name] for name in cls.__dataclass_fields__}
        roles = json.loads(values.pop("roles") or "{}")
        return cls(
            roles={int(merchant_id): Role(role) for merchant_id, role in roles.items()},
            mfa_required_in=frozenset(values.pop("mfa_required_in") or ()),
            mfa_default_in={
                int(merchant_id): is_live
                for merchant_id, is_live in json.loads(values.pop("mfa_default_in") or "{}").items()
            },
            **values,
        )

    @property
    def has_second_factor(self) -> bool:
        """Whether a sign-in needs a code of the app or a passkey after the password."""
        return self.has_totp or self.passkeys > 0

    def must_enroll_mfa(self, merchant_id: int | None, *, is_exposed: bool) -> bool:
        """Return whether a required second factor is missing. `None` means any merchant.

        Unless a merchant chose the roles, owners and admins need one as soon as it has a live
        channel or the gateway `is_exposed` to other machines.
        """
        if self.has_second_factor:
            return False
        required_in = self.mfa_required_in | {
            default_in
            for default_in, is_live in self.mfa_default_in.items()
            if is_live or is_exposed
        }
        return bool(required_in) if merchant_id is None else merchant_id in required_in

    @property
    def merchant_ids(self) -> Collection[int] | None:
        """The merchants of this user; None: all."""
        return None if self.is_owner else self.roles.keys()

    def role_in(self, merchant_id: int) -> Role | None:
        return Role.OWNER if self.is_owner else self.roles.get(merchant_id)

    def may(self, permission: Permission, merchant_id: int) -> bool:
        role = self.role_in(merchant_id)
        return role is not None and permission in PERMISSIONS[role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A user in the list of a merchant's members."""

    user_id: int
    email: str
    name: str
    role: Role
    has_second_factor: bool
    seen_at: datetime | None
