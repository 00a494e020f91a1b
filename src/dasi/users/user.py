"""The person: somebody who signs in to the console, and what each role may do. Pure rules.

`owner`      everything, for every merchant; adds merchants
`admin`      everything of one merchant, its people included
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


Permission = Literal["see", "act", "set_up", "invite", "own"]
"""See everything of a merchant; act on money; set up its lines; invite people; own the place."""

PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset({"see", "act", "set_up", "invite", "own"}),
    Role.ADMIN: frozenset({"see", "act", "set_up", "invite"}),
    Role.OPERATOR: frozenset({"see", "act"}),
    Role.DEVELOPER: frozenset({"see", "set_up"}),
    Role.READ_ONLY: frozenset({"see"}),
}
GIVEN_ROLES = (Role.ADMIN, Role.OPERATOR, Role.DEVELOPER, Role.READ_ONLY)
"""Roles a membership can hold; an owner needs none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    person_id: int
    email: str
    name: str
    is_owner: bool
    has_totp: bool
    """An authenticator app is set up."""
    passkeys: int
    """How many passkeys are set up."""
    roles: Mapping[int, Role]
    """By merchant id."""
    second_factor_in: frozenset[int]
    """The merchants that ask a second factor of this person's role."""
    created_at: datetime

    @property
    def has_second_factor(self) -> bool:
        """Asked for after the password: a code of the app, or a passkey."""
        return self.has_totp or self.passkeys > 0

    def lacks_second_factor(self, merchant_id: int | None) -> bool:
        """A merchant asks for one and there is none; `None`: any merchant does."""
        asks = self.second_factor_in if merchant_id is None else {merchant_id}
        return not self.has_second_factor and not asks.isdisjoint(self.second_factor_in)

    def role_in(self, merchant_id: int) -> Role | None:
        return Role.OWNER if self.is_owner else self.roles.get(merchant_id)

    def may(self, permission: Permission, merchant_id: int) -> bool:
        role = self.role_in(merchant_id)
        return role is not None and permission in PERMISSIONS[role]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A person as a merchant's list shows them."""

    person_id: int
    email: str
    name: str
    role: Role
    has_second_factor: bool
    seen_at: datetime | None
