"""`dasi user`: the users of the console."""

from typing import Annotated

import typer

from dasi.audit import TERMINAL
from dasi.commands.confirmation import Confirmed, confirm
from dasi.commands.context import with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog, read_secret
from dasi.commands.printing import print_facts, print_list
from dasi.engine import Engine
from dasi.foundation.errors import Invalid, NotFound
from dasi.merchants import find_merchant_by_code
from dasi.one_time_links import (
    SentInvitation,
    list_invitations,
    reset_link,
    withdraw_invitation,
)
from dasi.users import (
    Role,
    User,
    add_user,
    change_role,
    disable_user,
    enable_user,
    list_users,
)

Email = Annotated[str, typer.Option(help="The address for signing in.")]
MerchantCode = Annotated[
    str | None,
    typer.Option("--merchant", metavar="CODE", help="Needed for roles except owner."),
]
app = typer.Typer(no_args_is_help=True, help="Users who sign in to the console.")


@app.command("add", epilog=help_epilog("dasi user add --email kim@shop.example --name Kim"))
def user_add(
    *,
    email: Email,
    name: Annotated[str, typer.Option(help="The name in the console.")],
    role: Annotated[Role, typer.Option(help="owner, or a role in one --merchant.")] = Role.OWNER,
    merchant_code: MerchantCode = None,
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
    email: Annotated[str, typer.Option(help="The user.")],
    keep_second_factor: Annotated[
        bool, typer.Option("--keep-second-factor", help="Set only a new password.")
    ] = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Print a link for a user who cannot sign in. It works once, for an hour.

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


@app.command("role", epilog=help_epilog("dasi user role --email kim@shop.example --role owner"))
def user_role(
    *,
    email: Email,
    role: Annotated[Role, typer.Option(help="owner, or a role in one --merchant.")],
    merchant_code: MerchantCode = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Change the role of a user: make or demote an owner, or change a membership."""
    if (role is Role.OWNER) != (merchant_code is None):
        raise Invalid("role", "role_and_merchant")

    async def act(engine: Engine) -> None:
        merchant_id = None
        if merchant_code is not None:
            merchant_id = (await find_merchant_by_code(engine, merchant_code)).merchant_id
        user = await _user(engine, email)
        await change_role(engine, merchant_id, user.user_id, role, by=None, client=TERMINAL)

    with_engine(data, act)
    facts = {"email": email.strip().lower(), "role": role.value, "merchant": merchant_code}
    print_facts(facts, as_json=as_json)


@app.command("disable", epilog=help_epilog("dasi user disable --email kim@shop.example"))
def user_disable(
    *,
    email: Email,
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Disable a user at once; the last owner cannot be disabled."""

    async def act(engine: Engine) -> None:
        user = await _user(engine, email)
        confirm(
            f"{user.name or user.email} is signed out on every device and cannot sign in.",
            is_confirmed=is_confirmed,
        )
        await disable_user(engine, user.user_id, by=None, client=TERMINAL)

    with_engine(data, act)
    print_facts({"email": email.strip().lower(), "disabled": True}, as_json=as_json)


@app.command("enable", epilog=help_epilog("dasi user enable --email kim@shop.example"))
def user_enable(*, email: Email, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """Enable a disabled user again."""

    async def act(engine: Engine) -> None:
        user = await _user(engine, email)
        await enable_user(engine, user.user_id, by=None, client=TERMINAL)

    with_engine(data, act)
    print_facts({"email": email.strip().lower(), "disabled": False}, as_json=as_json)


@app.command("invitations", epilog=help_epilog("dasi user invitations --merchant imp00000001"))
def user_invitations(
    *,
    merchant_code: Annotated[str, typer.Option("--merchant", metavar="CODE", help="Its code.")],
    withdraw: Annotated[
        str | None, typer.Option(metavar="EMAIL", help="Withdraw the invitations of this email.")
    ] = None,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """List the invitations of a merchant that are not accepted yet, or withdraw one."""

    async def act(engine: Engine) -> list[SentInvitation]:
        merchant = await find_merchant_by_code(engine, merchant_code)
        invitations = await list_invitations(engine, merchant.merchant_id)
        if withdraw is None:
            return invitations
        matching = [row for row in invitations if row.email == withdraw.strip().lower()]
        if not matching:
            raise NotFound("unknown_invitation", email=withdraw)
        for invitation in matching:
            await withdraw_invitation(
                engine, merchant.merchant_id, invitation.link_id, by=None, client=TERMINAL
            )
        return [row for row in invitations if row not in matching]

    rows = [_invitation_facts(invitation) for invitation in with_engine(data, act)]
    print_list(rows, as_json=as_json, none="No open invitation.")


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
        "disabled": user.disabled_at is not None,
        "created_at": user.created_at.isoformat(timespec="seconds"),
    }


def _invitation_facts(invitation: SentInvitation) -> dict[str, str | int | bool | None]:
    return {
        "email": invitation.email,
        "role": invitation.role.value,
        "made_by": invitation.made_by,
        "expires_at": invitation.expires_at.isoformat(timespec="seconds"),
    }


async def _user(engine: Engine, email: str) -> User:
    """Return the user of this email, also a disabled one. Raise `NotFound("unknown_user")`."""
    for user in await list_users(engine):
        if user.email == email.strip().lower():
            return user
    raise NotFound("unknown_user", email=email)
