"""Become the program named on the command line, tied to the life of whoever started it.

    launch.py PARENT SIGNAL UID GID PROGRAM [ARGUMENT …]

The kernel sends SIGNAL when the parent dies, even by kill -9, so no child is ever left behind.
UID and GID of -1 keep the present user. This is a program of its own rather than a `preexec_fn`,
which is not safe in a process with threads. Standard library only; it runs with `-I -S`.
"""

from __future__ import annotations

import ctypes
import os
import sys

PR_SET_PDEATHSIG, PR_SET_SECUREBITS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 1, 28, 47, 2
# Capabilities survive setuid, and count in access(2) too: initdb asks that way for its programs.
NO_SETUID_FIXUP = 1 << 2
# Lets a user of no rights enter folders root keeps closed, such as a checkout under /root.
CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH = 1, 2
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


class Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


class Sets(ctypes.Structure):
    _fields_ = [
        ("effective", ctypes.c_uint32),
        ("permitted", ctypes.c_uint32),
        ("inheritable", ctypes.c_uint32),
    ]


def keep(*capabilities: int) -> None:
    """Carry these, where we have them, through the coming exec; drop all others."""
    header, now = Header(CAPABILITY_VERSION_3, 0), (Sets * 2)()
    libc.capget(ctypes.byref(header), ctypes.byref(now))
    mask = sum(1 << capability for capability in capabilities) & now[0].permitted
    wanted = (Sets * 2)(Sets(mask, mask, mask), Sets(0, 0, 0))
    libc.capset(ctypes.byref(header), ctypes.byref(wanted))
    for capability in capabilities:
        if mask & 1 << capability:
            libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability, 0, 0)


def main() -> None:
    parent, signal, uid, gid = (int(argument) for argument in sys.argv[1:5])
    program = sys.argv[5:]
    if uid >= 0:
        closed = os.environ.pop("LAUNCH_THROUGH_CLOSED_FOLDERS", "")
        os.setgroups([])
        os.setgid(gid)
        if closed:
            libc.prctl(PR_SET_SECUREBITS, NO_SETUID_FIXUP, 0, 0, 0)
        os.setuid(uid)
        if closed:
            keep(CAP_DAC_READ_SEARCH, *([CAP_DAC_OVERRIDE] if closed == "override" else []))
    # After setuid, which clears it.
    libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0)
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(1)
    try:
        os.execvp(program[0], program)  # noqa: S606 - becoming another program is the purpose
    except OSError as error:
        sys.exit(f"cannot start {program[0]}: {error.strerror}")


main()
