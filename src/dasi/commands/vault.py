"""`dasi vault`: the sealed secrets."""

import typer

from dasi.authentication import SEALED_SECOND_FACTORS
from dasi.billing_keys import SEALED_KEYS
from dasi.channels import SEALED_SECRETS
from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.commands.printing import print_list, print_note
from dasi.engine import Engine
from dasi.foundation.vault import EncryptedColumn
from dasi.idempotency import SEALED_RESPONSES
from dasi.ledger_proof import SEALED_MAC_KEYS, preserve_mac_keys_any_merchant
from dasi.merchants import SEALED_TOKENS
from dasi.pg_notifications import SEALED_NOTIFICATIONS
from dasi.sealing_keys import SENTINEL, ReencryptResult, reencrypt
from dasi.webhooks import SEALED_SIGNING_SECRETS

app = typer.Typer(no_args_is_help=True, help="The secrets that are sealed in the database.")

_UNOPENED = 1


@app.callback()
def vault() -> None:
    """The secrets that are sealed in the database."""


def encrypted_columns() -> tuple[EncryptedColumn, ...]:
    """Every column of the database that holds sealed values."""
    return (
        *(SEALED_KEYS, SEALED_SECRETS, SEALED_SIGNING_SECRETS, SEALED_SECOND_FACTORS),
        *(SEALED_TOKENS, SEALED_RESPONSES, SEALED_NOTIFICATIONS, SENTINEL, SEALED_MAC_KEYS),
    )


@app.command(
    "rotate",
    epilog=help_epilog(
        "dasi vault rotate",
        exit_codes="0 the older keys may be dropped, 1 something could not be opened, 2 usage",
    ),
)
def rotate_command(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Seal everything with the newest key of DASI_VAULT_KEYS, so that older keys can be removed.

    Gateways and workers may go on working. It can be stopped and run again at any time.
    """

    async def act(engine: Engine) -> list[ReencryptResult]:
        await preserve_mac_keys_any_merchant(engine)
        return [
            await reencrypt(engine.database, engine.vault, values) for values in encrypted_columns()
        ]

    results = with_engine(data, act)
    print_list(
        [
            {
                "what": result.title,
                "reencrypted": result.reencrypted,
                "not_opened": len(result.unopened),
            }
            for result in results
        ],
        as_json=as_json,
        none="Nothing is sealed.",
    )
    unopened = [row for result in results for row in result.unopened]
    for row in unopened:
        print_note(row)
    if unopened:
        print_note("Keep every key that is named here in DASI_VAULT_KEYS, or these are lost.")
        raise typer.Exit(_UNOPENED)
    print_note("Everything is sealed with the newest key. The older keys may be dropped.")
