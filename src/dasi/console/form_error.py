"""A refused form: the page with the form shows the reason beside the field and keeps the values."""

from collections.abc import Mapping
from dataclasses import dataclass

from dasi.console.errors import ErrorMessage
from dasi.foundation.errors import Invalid, Refused

_NEVER_SHOWN = frozenset({"password", "old", "new", "secret", "confirm_password", "credential"})
"""Fields that no page shows again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FormError:
    """The data with which a page shows a refused form again."""

    action: str
    """The path that the form was sent to."""
    field: str
    """The field that breaks a rule; empty if it is none of them."""
    message: ErrorMessage
    values: Mapping[str, str]

    def is_of(self, action: str, names: Mapping[str, str]) -> bool:
        """Whether it is the form with this path and these hidden values.

        A list has one form a row with the same path; a hidden field tells them apart.
        """
        return self.action == action and all(
            self.values.get(name) == value for name, value in names.items()
        )


_FIELDS_OF_REASONS = {
    "wrong_password": ("old", "password"),
    "wrong_code": ("code",),
    "email_taken": ("email",),
    "merchant_code_taken": ("code",),
    "channel_exists": ("pg_merchant_id",),
    "unknown_passkey": ("name",),
    "too_many_filters": ("name",),
    "tax_free_between": ("tax_free", "amount"),
}
"""Fields of a form, in order of preference, that a refusal is about."""


def field_of(refused: Refused, fields: Mapping[str, str]) -> str:
    """Return the field of the form that a refusal is about; empty if it is about none."""
    if isinstance(refused, Invalid):
        if refused.field == "password" and "new" in fields:
            return "new"
        return refused.field
    names = _FIELDS_OF_REASONS.get(refused.reason, ())
    return next((name for name in names if name in fields), "")


def kept_values(fields: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that a page may show again: no password and no secret."""
    return {name: text for name, text in fields.items() if name not in _NEVER_SHOWN}
