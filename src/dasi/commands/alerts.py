"""Alerts to people: a test of the ways that they go."""

import typer

from dasi.alerts import send_test
from dasi.commands.context import with_settings
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.commands.printing import print_list
from dasi.foundation.errors import OperatorError

app = typer.Typer(no_args_is_help=True, help="Alerts to people, by mail and into a chat.")


@app.command(
    "test",
    epilog=help_epilog(
        "dasi alerts test",
        "0 every way took the test, 1 one did not, or none is set, 2 wrong usage",
    ),
)
def send_tests(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Send a test by mail and into the chat, as the settings say, and print what came of it."""
    results = with_settings(data, send_test)
    if not results:
        raise OperatorError(
            "No alerts are set up.",
            cause="Neither DASI_ALERT_MAIL_TO nor DASI_ALERT_CHAT_URL is set.",
            hint="Set one of them for the worker, and name the worker's file of settings: "
            "`dasi --env-file FILE alerts test`.",
        )
    rows = [
        {"way": way, "result": "sent" if failure is None else f"not sent: {failure}"}
        for way, failure in results.items()
    ]
    print_list(rows, as_json=as_json, none="")
    if any(results.values()):
        raise typer.Exit(1)
