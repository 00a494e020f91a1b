"""The account under which PostgreSQL runs, which refuses root."""

import asyncio
import os
import pwd
import signal
import sys
from asyncio.subprocess import DEVNULL
from contextlib import suppress

from dasi.foundation.errors import OperatorError
from dasi.runtime import die_with_parent


async def whom_to_run_as() -> str:
    """Return the server's account: ours, or for root another one, in a namespace if allowed."""
    if os.geteuid() != 0:
        return die_with_parent.AS_IS
    account = _account("nobody")
    namespace = f"namespace:{account.pw_uid}:{account.pw_gid}"
    if sys.platform == "linux":
        probe = die_with_parent.wrap_command(
            "/bin/true", on_parent_death=signal.SIGKILL, run_as=namespace
        )
        process = await asyncio.create_subprocess_exec(*probe, stderr=DEVNULL)
        if await process.wait() == 0:
            return namespace
    account = _account("postgres", "nobody")
    return f"account:{account.pw_uid}:{account.pw_gid}"


def _account(*preferred: str) -> pwd.struct_passwd:
    for name in preferred:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    others = [account for account in pwd.getpwall() if account.pw_uid != 0]
    if others:
        return others[0]
    raise OperatorError(
        "PostgreSQL cannot be started here.",
        cause="It refuses to run as root, and this machine has no other account.",
        hint="Add one (useradd postgres), or set DASI_DATABASE_URL.",
    )
