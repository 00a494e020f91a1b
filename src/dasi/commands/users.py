"""`dasi user`: the users of the console."""

from typing import Annotated

import typer

from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog, read_secret
from dasi.commands.printing import print_facts, print_list
from dasi.engine import Engine
from dasi.merchants import find_merchant_by_code
from dasi.users import Role, User, add_user, list_users, reset_link

app = typer.Typer(no_args_is_help=True, help="Users who sign in to the console.")


@app.command("add", epilog=help_epilog("dasi user add --email kim@shop.example --name Kim"))
def user_add(
    *,
    email: Annotated[str, typer.Option(help="What they sign in with.")],
    name: Annotated[str, typer.Option(help="How the console calls them.")],
    role: Annotated[Role, typer.Option(help="owner, or a role in one --merchant.")] = Role.OWNER,
    merchant_code: Annotated[
        str | None, typer.Option("--merchant", metavar="CODE", help="Of all roles but owner.")
    ] = None,
    password: Annotated[
        str, typer.Option("--password", help="`-` (the default) reads a line of standard input.")
    ] = "-",  # noqa: S107  # it means standard input, not a password
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Add a user of the console."""
    new_password = read_secret(password)
    assert new_password is not None

    async def act(engine: Engine) -> None:
        merchant_id = None
        if merchant_code is not None:
            merchant_id = (await find_merchant_by_code(engine, merchant_code)).merchant_id
        await add_user(
            engine,
            email=email,
            name=name,
            password=new_password,
            merchant_id=merchant_id,
            role=role,
        )

    with_engine(data, act)
    print_facts(
        {"email": email.strip().lower(), "role": role.value, "merchant": merchant_code},
        as_json=as_json,
    )


@app.command("reset", epilog=help_epilog("dasi user reset --email kim@shop.example"))
def user_reset(
    *,
    email: Annotated[str, typer.Option(help="Whose password or second factor is lost.")],
    keep_second_factor: Annotated[
        bool, typer.Option("--keep-second-factor", help="Only the password is made anew.")
    ] = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Print a link that lets a user in again: once, within an hour.

    The user chooses a new password there; the second factor and every session end.
    """

    async def act(engine: Engine) -> str:
        return await reset_link(engine, email, ends_second_factor=not keep_second_factor)

    link = with_engine(data, act)
    print_facts(
        {
            "email": email.strip().lower(),
            "link": link,
            "works_for": "1 h",
            "ends_second_factor": not keep_second_factor,
        },
        as_json=as_json,
    )


@app.command("list", epilog=help_epilog("dasi user list --json"))
def user_list(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """List the users of the console, oldest first."""
    rows = [_user_facts(user) for user in with_engine(data, list_users)]
    print_list(rows, as_json=as_json, none="Nobody yet: dasi user add --help")


def _user_facts(user: User) -> dict[str, str | int | bool | None]:
    return {
        "email": user.email,
        "name": user.name,
        "role": "owner" if user.is_owner else "member",
        "second_factor": user.has_second_factor,
        "created_at": user.created_at.isoformat(timespec="seconds"),
    }
