"""After a restore or a failover that lost committed rows: the mode of the installation."""

import getpass
from enum import StrEnum
from typing import Annotated

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.commands.printing import kst, print_facts
from dasi.engine import Engine
from dasi.recovery import RecoveryState, recovery_state, set_mode

app = typer.Typer()
_NOT_NORMAL = 1


class _Decision(StrEnum):
    RECOVERING = "recovering"
    STOPPED = "stopped"
    NORMAL = "normal"


@app.command(
    "recover",
    epilog=help_epilog(
        "dasi recover --mode recovering --reason 'restored the backup of 03:00'",
        "0 the mode is normal, 1 it is recovering or stopped, 2 usage",
    ),
)
def recover(
    *,
    mode: Annotated[
        _Decision | None,
        typer.Option(
            help="recovering: look up each request at the PG before it is sent. "
            "stopped: send none. normal: send at once."
        ),
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why, for the next operator.")] = None,
    is_confirmed: Annotated[
        bool, typer.Option("--yes", help="Do not ask before --mode normal.")
    ] = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Show or set what happens before a charge while the database may have lost rows.

    A process that misses rows which it committed sets the mode itself, and so does `dasi restore`.
    Set it by hand before the first start after you restored a backup with other tools. A recovery
    ends by itself when KICC stops answering about the lost time: at the second midnight in Korea.
    """
    if mode is not None and not reason:
        raise typer.BadParameter("--mode needs --reason", param_hint="--reason")
    if mode is _Decision.NORMAL and not is_confirmed:
        typer.confirm(
            "Charges are then sent without a lookup. Orders that were charged in the lost time "
            "and are sent again would rely on KICC alone to refuse them. Continue?",
            abort=True,
        )

    async def act(engine: Engine) -> RecoveryState:
        if mode is None:
            return await recovery_state(engine.database)
        detail = f"operator:{getpass.getuser()}: {reason}"
        return await set_mode(engine.database, mode.value, detail=detail, now=engine.clock.now())

    state = with_engine(data, act)
    print_facts(
        {
            "mode": state.mode,
            "since": kst(state.since),
            "newest_row_at": kst(state.newest_row_at),
            "ends_at": kst(state.ends_at),
            "reason": state.detail,
        },
        as_json=as_json,
    )
    if state.mode != "normal":
        raise typer.Exit(_NOT_NORMAL)
