"""Reads the settings of a process from its environment variables."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from dasi.foundation.errors import OperatorError
from dasi.sealing_keys import with_vault_keys
from dasi.settings.settings import Settings


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


SETTINGS: tuple[Setting, ...] = tuple(
    Setting(attribute.name, *attribute.metadata["setting"]) for attribute in fields(Settings)
)


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read and check all settings. `OperatorError` names the first variable that breaks its rule.

    An empty variable counts as unset: that is how compose files and systemd units leave one out.
    It runs `DASI_VAULT_KEYS_COMMAND`, so a process calls it once.
    """
    environment = with_vault_keys(environment)
    return Settings(**{setting.attribute: _read(setting, environment) for setting in SETTINGS})


def unknown_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Return variables that begin with `DASI_` and are no settings: most often misspelt ones."""
    known = {setting.name for setting in SETTINGS}
    return tuple(sorted(n for n in environment if n.startswith("DASI_") and n not in known))


def without_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without our variables: for other programs, and for a clean start."""
    return {name: value for name, value in environment.items() if not name.startswith("DASI_")}


def _read(setting: Setting, environment: Mapping[str, str]) -> Any:
    text = environment.get(setting.name, "").strip() or setting.default
    if text is None:
        raise OperatorError(
            f"{setting.name} is not set.",
            cause=f"It has no default. {setting.sentence}",
            hint=f"Set {setting.name}, or use `dasi up`, which makes its own.",
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
