"""Prints results to standard output and errors in three parts to standard error."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dasi.foundation.clock import KST
from dasi.foundation.errors import OperatorError, Refused, Unavailable
from dasi.input_rules import rule_text

Facts = Mapping[str, str | int | bool | None]

_REFUSALS = {
    "key_not_restorable": (
        "This card of {customer_uid} cannot be restored.",
        "Choose a replaced card whose grace period has not ended: `dasi billing-key list`.",
    ),
    "cursor_expired": (
        "Events after the cursor {cursor} were deleted because of their age.",
        "Compare the payments of that time (GET /payments), then read on with --after {oldest}. "
        "`dasi listen` needs another --name.",
    ),
    "unknown_merchant": (
        "There is no merchant {code}.",
        "`dasi merchant list` shows all merchants; `dasi merchant add --code {code} …` adds it.",
    ),
    "merchant_code_taken": (
        "There is a merchant {code} already.",
        "Choose another --code, or add a key to it with `dasi key add --merchant {code}`.",
    ),
    "api_key_taken": (
        "The API key {api_key} is in use already.",
        "Choose another one with --api-key, or leave it out for a random one.",
    ),
    "customer_has_active_key": (
        "{of} has an active billing key: later charges would name the buyer again.",
        "Delete the key first (console, or DELETE /subscribe/customers/{of}).",
    ),
    "schedule_waits": (
        "A scheduled payment of {of} waits, and would name the buyer again.",
        "Revoke it first (console, or POST /subscribe/payments/unschedule).",
    ),
    "payment_under_way": (
        "A payment of {of} is under way: its result is not known yet.",
        "Run the command again when it has ended. `dasi payments unresolved` lists such payments.",
    ),
    "last_owner": (
        "{email} is the last owner of the console.",
        "Make another owner first: `dasi user role --email … --role owner`.",
    ),
    "unknown_invitation": (
        "There is no open invitation of {email}.",
        "`dasi user invitations --merchant …` lists them.",
    ),
    "unknown_user": (
        "The console has no user {email}.",
        "`dasi user list` shows all users; `dasi user add` adds one.",
    ),
    "email_taken": (
        "The console has a user {email} already.",
        "`dasi user reset --email {email}` makes a link for a new password.",
    ),
    "api_key_rotating": (
        "The API key {api_key} is being replaced.",
        "Rotate again once the old key has ended, or revoke the old key first.",
    ),
    "unknown_api_key": (
        "This merchant has no API key {api_key}.",
        "Check --merchant and --api-key. A revoked key cannot be restored.",
    ),
    "unknown_attempt": (
        "There is no unresolved attempt {attempt_id}.",
        "`dasi payments unresolved` lists them.",
    ),
    "not_escalated": (
        "{attempt_id} is still being looked up automatically.",
        "Wait until it is escalated, at {until} at the latest.",
    ),
    "key_cannot_be_resolved": (
        "A card registration cannot be resolved as approved: its billing key cannot be read.",
        "Resolve it with --not-approved and ask the payer to register again.",
    ),
    "unknown_channel": (
        "This merchant has no channel of MID {pg_merchant_id}.",
        "`dasi channel list` shows them.",
    ),
    "channel_is_default": (
        "{pg} is the default, and other channels are in use.",
        "Make another channel the default first: `dasi channel default`.",
    ),
    "channel_disabled": (
        "{pg} is disabled.",
        "`dasi channel enable` enables it again.",
    ),
    "customer_has_live_key": (
        "A real card of {customer_uid} is active, so a test card cannot be restored.",
        "Delete the real card first.",
    ),
    "default_must_be_live": (
        "{pg} is a test channel, and the default of a live merchant is a live channel.",
        "Leave out --default, or name a live channel.",
    ),
    "clock_is_advanced": (
        "The test clock of this merchant is ahead, so its payments would be charged too early.",
        "`dasi clock reset` sets it back. Then add the live channel again.",
    ),
    "public_url_on_loopback": (
        "No live channel can be used with the public URL {public_url}.",
        "Set DASI_PUBLIC_URL to the gateway's https address, for the gateway, too. If the gateway "
        "has it already, name its file of settings: `dasi --env-file FILE channel …`.",
    ),
    "public_url_not_https": (
        "No live channel can be used with the public URL {public_url}.",
        "Set DASI_PUBLIC_URL to the gateway's https address, for the gateway, too. If the gateway "
        "has it already, name its file of settings: `dasi --env-file FILE channel …`.",
    ),
    "channel_in_use": ("{pg} is in use already.", "There is nothing to do."),
    "clock_of_live_merchant": (
        "This merchant takes real money, so its clock cannot be advanced.",
        "Advance the clock of a merchant that has only test channels.",
    ),
    "clock_moment": (
        "The clock cannot be advanced to that time.",
        "The time must be {rule}. Run the command again with another --by.",
    ),
    "no_webhook_url": (
        "{code} has no webhook URL.",
        "Set one with `dasi merchant change --code {code} --webhook-url URL` first.",
    ),
    "unknown_endpoint": (
        "No endpoint {endpoint} of this merchant is failing or paused.",
        "`dasi webhooks endpoints --merchant CODE` lists the failing and paused endpoints.",
    ),
    "channel_exists": (
        "This merchant has a channel {pg} already.",
        "`dasi channel list` shows it. One MID is one channel.",
    ),
}


def print_facts(facts: Facts, *, as_json: bool, **tables: Sequence[Facts]) -> None:
    """Print one object, as a list of its facts or as JSON, and the tables that belong to it."""
    if as_json:
        lists = {name: [dict(row) for row in rows] for name, rows in tables.items()}
        _print_json({**facts, **lists})
        return
    console = Console(highlight=False)
    width = max(len(name) for name in facts)
    for name, value in facts.items():
        label = Text(f"{name.replace('_', ' '):{width}}  ", style="dim")
        console.print(label.append(_shown(value), style="bold"), soft_wrap=True)
    for rows in filter(None, tables.values()):
        print_list(rows, as_json=False, none="")


def print_list(rows: Sequence[Facts], *, as_json: bool, none: str) -> None:
    """Print objects, as a table or as one JSON array; an empty table prints `none` instead."""
    if as_json:
        _print_json([dict(row) for row in rows])
        return
    console = Console(highlight=False)
    if not rows:
        console.print(none, soft_wrap=True)
        return
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in rows[0]:
        table.add_column(name.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(value)) for value in row.values()))
    console.print(table)


def print_lines(lines: Sequence[str]) -> None:
    """Print text for the operator; a line without indent is the heading of the next ones."""
    console = Console(highlight=False)
    for line in lines:
        style = "" if line.startswith(" ") else "bold"
        console.print(Text(line, style=style), soft_wrap=True)


def print_note(text: str) -> None:
    """Print a hint for the operator to standard error, so that scripts need not skip it."""
    Console(stderr=True, highlight=False).print(Text(text, style="dim"), soft_wrap=True)


_CAUSES = {
    "public_url_on_loopback": "It leads to this machine only (the default, if DASI_PUBLIC_URL is "
    "not set). Payers' browsers and KICC would not reach the gateway.",
    "public_url_not_https": "It is not https. Others on the way could read and change the pages "
    "of payers.",
}


def print_operator_error(error: OperatorError) -> None:
    console = Console(stderr=True, highlight=False)
    for label, text, style in (
        ("What happened:  ", error.problem, "bold red"),
        ("Cause:          ", error.cause, ""),
        ("Fix:            ", error.hint, "bold"),
    ):
        console.print(Text(label, style="dim").append(text, style=style), soft_wrap=True)


def operator_error_of(refused: Refused | Unavailable) -> OperatorError:
    """Return the operator's error for a refusal of a domain package."""
    if isinstance(refused, Unavailable):
        cause = refused.__cause__
        return OperatorError(
            f"{refused.service.capitalize()} cannot be reached.",
            cause=f"{type(cause).__name__}: {cause}." if cause else "It did not answer.",
            hint="Check that it runs and that DASI_DATABASE_URL is right, then try again.",
        )
    if refused.reason == "invalid":
        field = str(refused.facts["field"]).replace("pg_merchant_id", "mid")
        return OperatorError(
            f"--{field.replace('_', '-')} cannot be used.",
            cause=f"It must be: {rule_text(refused, language='en')}.",
            hint="Correct it and run the command again. Nothing was changed.",
        )
    problem, hint = _REFUSALS.get(
        refused.reason, ("It was refused: {reason}.", "Check the options and run it again.")
    )
    facts = {**refused.facts, "reason": refused}
    if "rule" in refused.facts:
        facts["rule"] = rule_text(refused, language="en")
    return OperatorError(
        problem.format(**facts),
        cause=_CAUSES.get(
            refused.reason, "The data in the database does not allow it; nothing was changed."
        ),
        hint=hint.format(**facts),
    )


def kst(moment: datetime | None, *, time_format: str = "%m-%d %H:%M:%S KST") -> str | None:
    """Return a moment in Korean time, or None for None."""
    return moment.astimezone(KST).strftime(time_format) if moment else None


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False))  # noqa: T201  # this is the output


def _shown(value: str | int | bool | None) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
