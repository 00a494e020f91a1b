"""The user: somebody who signs in to the console, and what each role may do. Pure rules.

`owner`      everything, for every merchant; adds merchants
`admin`      everything of one merchant, its members included
`operator`   watches, and acts on payments, keys, schedules and deliveries
`developer`  watches, and sets up channels, API keys and webhooks
`read_only`  watches
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal


class Role(StrEnum):
    OWNER = "owner"
    ADMIN = "admin"
    OPERATOR = "operator"
    DEVELOPER = "developer"
    READ_ONLY = "read_only"


Permission = Literal["view", "operate", "configure", "manage_members", "owner"]
"""View a merchant; operate on its payments; configure it; manage its members; own the gateway."""

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset({"view", "operate", "configure", "manage_members", "owner"}),
    Role.ADMIN: frozenset({"view", "operate", "configure", "manage_members"}),
    Role.OPERATOR: frozenset({"view", "operate"}),
    Role.DEVELOPER: frozenset({"view", "configure"}),
    Role.READ_ONLY: frozenset({"view"}),
}
GIVEN_ROLES = (Role.ADMIN, Role.OPERATOR, Role.DEVELOPER, Role.READ_ONLY)
"""Roles a membership can hold; an owner needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    user_id: int
    email: str
    name: str
    is_owner: bool
    has_totp: bool
    """An authenticator app is set up."""
    passkeys: int
    """How many passkeys are set up."""
    roles: Mapping[int, Role]
    """By merchant id."""
    mfa_required_in: frozenset[int]
    """The merchants that ask a second factor of this user's role."""
    created_at: datetime

    @property
    def has_second_factor(self) -> bool:
        """Asked for after the password: a code of the app, or a passkey."""
        return self.has_totp or self.passkeys > 0

    def must_enroll_mfa(self, merchant_id: int | None) -> bool:
        """A merchant asks for one and there is none; `None`: any merchant does."""
        asks = self.mfa_required_in if merchant_id is None else {merchant_id}
        return not self.has_second_factor and not asks.isdisjoint(self.mfa_required_in)

    def role_in(self, merchant_id: int) -> Role | None:
        return Role.OWNER if self.is_owner else self.roles.get(merchant_id)

    def may(self, permission: Permission, merchant_id: int) -> bool:
        role = self.role_in(merchant_id)
        return role is not None and permission in PERMISSIONS[role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A user as a merchant's list shows them."""

    user_id: int
    email: str
    name: str
    role: Role
    has_second_factor: bool
    seen_at: datetime | None
