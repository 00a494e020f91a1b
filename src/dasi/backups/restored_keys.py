"""The sealing keys of a backup: found and compared before anything is copied."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dasi.backup_folder import Backup
from dasi.foundation import vault
from dasi.foundation.errors import OperatorError
from dasi.runtime.keys_folder import KEYS_FILE, find_keys_file, keys_folder
from dasi.sealing_keys import has_key_source, with_vault_keys


@dataclass(frozen=True, slots=True)
class RestoredKeys:
    vault: vault.Vault
    data: Path
    keys: Path | None

    def remember(self) -> None:
        """Let the data folder remember the folder of the keys, if the operator named one."""
        if self.keys is not None:
            find_keys_file(self.data, self.keys, may_make=False, may_move=False)


def require_keys(
    backup: Backup, data: Path, keys: Path | None, environment: Mapping[str, str]
) -> RestoredKeys:
    """Return the keys for a backup. `OperatorError` if there are none, or others."""
    ids = ", ".join(backup.sealing_key_ids)
    variables = dict(environment)
    if not has_key_source(environment):
        file = (keys or keys_folder(data)).absolute() / KEYS_FILE
        if not file.exists():
            raise OperatorError(
                "The sealing keys of this backup are missing.",
                cause=f"A backup holds no keys, and without key {ids} it charges no card. There is "
                f"no {file}.",
                hint="Get vault.keys from where you keep it, name its folder with --keys, or set "
                "DASI_VAULT_KEYS_FILE or DASI_VAULT_KEYS_COMMAND.",
            )
        variables["DASI_VAULT_KEYS_FILE"] = str(file)
    loaded = vault.Vault(vault.parse_keys(with_vault_keys(variables)["DASI_VAULT_KEYS"]))
    newest = loaded.mac_keys
    present = {newest.newest.hex(), *(key_id.hex() for key_id in newest.older)}
    if not present & set(backup.sealing_key_ids):
        raise OperatorError(
            "The sealing keys are not those of this backup.",
            cause=f"It was made with key {ids}; here is {', '.join(sorted(present))}.",
            hint="Name the folder of the right keys with --keys.",
        )
    return RestoredKeys(loaded, data, keys)
