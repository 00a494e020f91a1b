"""Starts a program that ends when its parent ends, as another account if it refuses root.

`wrap_command()` runs it as a script. It imports nothing else of dasi, so it costs some 20 ms. It
becomes the program (`exec`), so process id, signals and exit code are the program's own.

    die_with_parent.py AS PARENT SIGNAL program argument ...

AS is one of
    as-is                keep our account
    namespace:UID:GID    a user namespace in which we look like UID and files stay ours outside
    account:UID:GID      become that account for good, keeping only the right to reach files that
                         are root's (CAP_DAC_OVERRIDE), as a clone below /root is; needs root

SIGNAL is sent by the kernel when the parent's starting thread dies (Linux only), so start programs
from a thread that lives as long as they should.
"""

import contextlib
import ctypes
import os
import signal
import sys
from pathlib import Path

AS_IS = "as-is"
ENDED_TOO_EARLY = 125
_CLONE_NEWUSER = 0x10000000
_PR_SET_PDEATHSIG = 1
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE = 47, 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def wrap_command(*program: str, on_parent_death: signal.Signals, run_as: str = AS_IS) -> list[str]:
    """The command line that runs `program` so that it ends with this process."""
    wrapper = [sys.executable, "-I", "-S", __file__]
    return [*wrapper, run_as, str(os.getpid()), str(int(on_parent_death)), *program]


def main(run_as: str, parent: int, death_signal: int, program: list[str]) -> None:
    kind, _, account = run_as.partition(":")
    if kind != AS_IS:
        uid, gid = (int(number) for number in account.split(":"))
        if kind == "namespace":
            _enter_namespace(uid, gid)
        else:
            _become(uid, gid)
    if sys.platform == "linux":
        # After the change of account, which would clear it.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before the line above
        sys.exit(ENDED_TOO_EARLY)
    with contextlib.suppress(OSError):
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
    try:
        os.execv(program[0], program)  # noqa: S606  # no shell is wanted
    except OSError as refused:
        sys.exit(f"{program[0]} cannot be run: {refused.strerror}")


def _become(uid: int, gid: int) -> None:
    os.setgroups([])
    os.setgid(gid)
    if sys.platform != "linux":
        os.setuid(uid)
        return
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0)
    os.setuid(uid)
    # If the system refuses one of these calls, the program starts without the right and reports it.
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    bit = 1 << _CAP_DAC_OVERRIDE
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)  # effective, permitted, inheritable
    libc.capset(header, sets)
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0)


def _enter_namespace(uid: int, gid: int) -> None:
    outer_uid, outer_gid = os.geteuid(), os.getegid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWUSER) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "user namespace")
    Path("/proc/self/setgroups").write_text("deny", encoding="ascii")
    Path("/proc/self/uid_map").write_text(f"{uid} {outer_uid} 1", encoding="ascii")
    Path("/proc/self/gid_map").write_text(f"{gid} {outer_gid} 1", encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
