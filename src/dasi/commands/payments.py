"""Payments whose outcome is not known: list them, look them up, resolve one by hand."""

from datetime import datetime
from typing import Annotated

import typer

from dasi.commands.confirmation import Confirmed, confirm
from dasi.commands.context import operator_name, with_engine
from dasi.commands.options import DATA_DEFAULT, Data, Json, help_epilog
from dasi.commands.printing import Facts, kst, print_lines, print_list, print_note
from dasi.engine import Engine
from dasi.outcomes import resolve_due, resolve_manually
from dasi.reporting import UnresolvedAttempt, list_unresolved_any_merchant

app = typer.Typer(
    no_args_is_help=True,
    help="Payments whose outcome is not known: list them, look them up, resolve one by hand.",
)
_NO_ANSWER = "the process that asked ended before it had the answer"
_QUESTIONS = {
    "charge": "Was a card charged {won} won?",
    "approve": "Were {won} won paid in the window?",
    "issue_key": "Was a card registered?",
    "cancel": "Were {won} won cancelled?",
}


@app.command("unresolved", epilog=help_epilog("dasi payments unresolved"))
def unresolved(*, data: Data = DATA_DEFAULT, as_json: Json = False) -> None:
    """List the requests to the PG whose outcome is not known. Sends nothing."""

    async def act(engine: Engine) -> list[UnresolvedAttempt]:
        return await list_unresolved_any_merchant(engine)

    _print(with_engine(data, act), as_json=as_json)


@app.command(
    "resolve",
    epilog=help_epilog(
        "dasi payments resolve ch-01J6XA0000000000000000001 --not-approved "
        "--reason 'KICC support: no such order'"
    ),
)
def resolve(
    *,
    attempt: Annotated[
        str | None,
        typer.Argument(metavar="[ATTEMPT]", help="An escalated attempt to resolve by hand."),
    ] = None,
    approved: Annotated[
        str | None,
        typer.Option(metavar="PG_TID", help="The PG approved ATTEMPT under this number."),
    ] = None,
    not_approved: Annotated[
        bool, typer.Option("--not-approved", help="The PG has no approval of ATTEMPT.")
    ] = False,
    reason: Annotated[
        str | None,
        typer.Option(help="How you know. The payment's history shows it and cannot be changed."),
    ] = None,
    is_confirmed: Confirmed = False,
    data: Data = DATA_DEFAULT,
    as_json: Json = False,
) -> None:
    """Look up every attempt that is due now, or resolve ATTEMPT by hand. Then list the rest.

    A lookup only reads at the PG, so it is safe at any time. No card is charged again.
    """
    if attempt is None and (approved is not None or not_approved or reason is not None):
        raise typer.BadParameter(
            "--approved, --not-approved and --reason need an attempt", param_hint="ATTEMPT"
        )
    if attempt is not None and (not reason or not_approved == (approved is not None)):
        raise typer.BadParameter(
            "give --reason, and either --approved PG_TID or --not-approved", param_hint="ATTEMPT"
        )

    async def act(engine: Engine) -> tuple[int, list[UnresolvedAttempt]]:
        lookups = 0
        if attempt is not None:
            assert reason is not None, "checked above"
            _confirm(attempt, approved, is_confirmed=is_confirmed)
            operator = f"operator:{operator_name()}"
            await resolve_manually(engine, attempt, pg_tid=approved, actor=operator, reason=reason)
        else:
            while batch := await resolve_due(engine):
                lookups += batch
        return lookups, await list_unresolved_any_merchant(engine)

    lookups, remaining = with_engine(data, act)
    print_note(f"{attempt} is resolved" if attempt else f"{lookups} lookups made")
    _print(remaining, as_json=as_json)


def _confirm(attempt: str, approved: str | None, *, is_confirmed: bool) -> None:
    result = (
        "has no approval of it, so its order can be charged again"
        if approved is None
        else f"approved it under {approved}"
    )
    confirm(
        f"{attempt} is recorded for good: the PG {result}. An event and a webhook report it.",
        is_confirmed=is_confirmed,
    )


def _print(attempts: list[UnresolvedAttempt], *, as_json: bool) -> None:
    if as_json:
        print_list([_row(attempt) for attempt in attempts], as_json=True, none="")
        return
    print_lines(
        [line for attempt in attempts for line in (*_describe(attempt), "")]
        or ["No payment is unresolved."]
    )


def _row(attempt: "UnresolvedAttempt") -> Facts:
    return {
        "merchant": attempt.merchant_code,
        "payment": attempt.imp_uid,
        "order": attempt.merchant_uid,
        "kind": attempt.kind,
        "amount_krw": attempt.amount_krw,
        "sent_at": attempt.sent_at.isoformat(),
        "detail": attempt.detail or _NO_ANSWER,
        "attempt": attempt.attempt_id,
        "lookups": attempt.lookups,
        "handling": "manual" if attempt.is_manual else "automatic",
        "next_lookup_at": _iso(attempt.next_lookup_at),
        "deadline_at": _iso(attempt.deadline_at),
        "pg_merchant_id": attempt.pg_merchant_id,
        "pg_order_id": attempt.pg_order_id,
        "claimed_pg_tid": attempt.pg_tid,
        "request_id": attempt.request_id,
    }


def _describe(attempt: "UnresolvedAttempt") -> list[str]:
    """Return the same facts as lines for the operator."""
    question = _QUESTIONS[attempt.kind].format(won=f"{attempt.amount_krw:,}")
    times = "once" if attempt.lookups == 1 else f"{attempt.lookups} times"
    lines = [
        f"{question} The outcome is not known yet.",
        f"  Payment       {attempt.merchant_code}, order {attempt.merchant_uid}, {attempt.imp_uid}",
        f"  Sent          {kst(attempt.sent_at)}",
        f"  Cause         {attempt.detail or _NO_ANSWER}",
        f"  Meanwhile     dasi sends no second request for it; it looked it up {times}",
        f"  At the PG     MID {attempt.pg_merchant_id}, order {attempt.pg_order_id}",
    ]
    if attempt.request_id is not None:
        lines.append(f"  Request id    {attempt.request_id}, in the log lines of the request")
    if attempt.pg_tid is not None:
        lines.append(f"  PG number     {attempt.pg_tid}, from a reply that failed its checks")
    if not attempt.is_manual:
        return [
            *lines,
            f"  Next lookup   {kst(attempt.next_lookup_at)}, automatic",
            f"  Escalation    {kst(attempt.deadline_at)} at the latest, then resolve it by hand",
        ]
    command = f"dasi payments resolve {attempt.attempt_id}"
    return [
        *lines,
        "  To do         find it in the PG's admin pages, then run one of:",
        f'                {command} --approved PG_TID --reason "how you know"',
        f'                {command} --not-approved --reason "how you know"',
    ]


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
