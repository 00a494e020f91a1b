"""Reads the settings of a process from its environment variables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from dasi.foundation.errors import OperatorError
from dasi.sealing_keys import with_vault_keys
from dasi.settings.alert_settings import AlertSettings, check_alert_settings
from dasi.settings.secret_files import SUFFIX, text_of
from dasi.settings.settings import Settings

KEYS, KEYS_COMMAND = "DASI_VAULT_KEYS", "DASI_VAULT_KEYS_COMMAND"


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as its documentation shows it."""

    attribute: str
    name: str
    default: str | None
    """None: there is no default, it is required (or made, where its sentence says so)."""
    unit: str
    read: Callable[[str], Any]
    sentence: str
    is_secret: bool

    @property
    def has_file(self) -> bool:
        """Whether `NAME_FILE` may name a file with the value.

        The sealing keys have a file setting of their own. Their command reads its own secrets.
        """
        return self.is_secret and self.name not in (KEYS, KEYS_COMMAND)


_ALERTS = {attribute.name for attribute in fields(AlertSettings)}
SETTINGS: tuple[Setting, ...] = tuple(
    Setting(attribute.name, *attribute.metadata["setting"])
    # A dataclass lists the inherited fields first; here they are the last.
    for attribute in sorted(fields(Settings), key=lambda each: each.name in _ALERTS)
)

NAMES = frozenset(
    {setting.name for setting in SETTINGS}
    | {setting.name + SUFFIX for setting in SETTINGS if setting.has_file}
)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read and check all settings. `OperatorError` names all that are missing or wrong.

    An empty variable counts as unset: that is how compose files and systemd units leave one out.
    It runs `DASI_VAULT_KEYS_COMMAND`, so a process calls it once.
    """
    errors: list[OperatorError] = []
    values: dict[str, Any] = {}
    is_keys_read = True
    try:
        environment = with_vault_keys(environment)
    except OperatorError as wrong:
        errors.append(wrong)
        is_keys_read = False
    for setting in SETTINGS:
        if setting.name != KEYS or is_keys_read:
            try:
                values[setting.attribute] = _read(setting, environment)
            except OperatorError as wrong:
                errors.append(wrong)
    if not errors:
        try:
            check_alert_settings(values)
        except OperatorError as wrong:
            errors.append(wrong)
    if errors:
        raise _all_of(errors)
    return Settings(**values)


def _all_of(errors: list[OperatorError]) -> OperatorError:
    """Return one error that says what all of them say."""
    if len(errors) == 1:
        return errors[0]
    lines = "".join(f"\n- {error.problem} {error.cause}" for error in errors)
    return OperatorError(
        f"{len(errors)} settings are missing or wrong.",
        cause=f"Each of them stops the start:{lines}",
        hint="Set or correct all of them, then start again. A file of settings is read with "
        "`dasi --env-file FILE …`. `dasi up` makes its own database and sealing keys.",
    )


def unknown_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return variables that begin with `DASI_` and are no settings: most often misspelt ones."""
    return tuple(sorted(n for n in environment if n.startswith("DASI_") and n not in NAMES))


def without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without our variables: for other programs, and for a clean start."""
    return {name: value for name, value in environment.items() if not name.startswith("DASI_")}


def _read(setting: Setting, environment: Mapping[str, str]) -> Any:
    if setting.has_file:
        text = text_of(environment, setting.name) or setting.default
    else:
        text = environment.get(setting.name, "").strip() or setting.default
    if text is None:
        raise OperatorError(
            f"{setting.name} is not set.",
            cause=f"It has no default. {setting.sentence}",
            hint=f"Set {setting.name} or {setting.name}{SUFFIX} (a file that holds it). Name a "
            "file of settings with `dasi --env-file FILE …`. `dasi up` makes its own.",
        )
    try:
        return setting.read(text)
    except ValueError as wrong:
        was = "what it holds is not shown, because it is a secret" if setting.is_secret else text
        raise OperatorError(
            f"{setting.name} cannot be used: {was!r}."
            if not setting.is_secret
            else f"{setting.name} cannot be used ({was}).",
            cause=f"It must be {wrong}.",
            hint=f"Correct {setting.name}"
            + (f", or unset it: the default is {setting.default}." if setting.default else "."),
        ) from wrong
