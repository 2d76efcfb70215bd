"""Starting programs so that none outlives us, and stopping them."""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import psutil

LAUNCHER = Path(__file__).with_name("launch.py")
PR_SET_CHILD_SUBREAPER = 36


def spawn(
    command: Sequence[str | Path],
    *,
    dies_by: signal.Signals = signal.SIGKILL,
    user: pwd.struct_passwd | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[Any] | int | None = subprocess.PIPE,
    in_terminal: bool = False,
) -> subprocess.Popen[bytes]:
    """Start a program in a process group of its own, or as a part of ours `in_terminal`.

    Call it from the main thread: the kernel watches the life of the starting *thread*.
    The terminal's Ctrl-C does not reach a group of its own; `dies_by` does, when we die.
    """
    environment = dict(os.environ if env is None else env)
    ids = ("-1", "-1")
    if user is not None:
        ids = (str(user.pw_uid), str(user.pw_gid))
        programs = [command[0], cwd] if cwd else [command[0]]
        if passage := passage_for(user, *programs):
            environment["LAUNCH_THROUGH_CLOSED_FOLDERS"] = passage
    return subprocess.Popen(
        [
            sys.executable,
            "-I",
            "-S",
            str(LAUNCHER),
            str(os.getpid()),
            str(int(dies_by)),
            *ids,
            *(str(part) for part in command),
        ],
        stdin=None if in_terminal else subprocess.DEVNULL,
        stdout=output,
        stderr=None if in_terminal else subprocess.STDOUT,
        env=environment,
        cwd=cwd,
        start_new_session=not in_terminal,
    )


def passage_for(user: pwd.struct_passwd, *paths: str | Path | None) -> str:
    """What the user lacks to reach the paths: nothing ("") or the right to enter ("search").

    "override" where the kernel withholds the narrower right from root too, as Docker does.
    """
    for path in filter(None, paths):
        reached = subprocess.run(
            ["/usr/bin/env", "test", "-x", str(path)],
            user=user.pw_uid,
            group=user.pw_gid,
            extra_groups=[],
            check=False,
        )
        if reached.returncode:
            return "search" if _may_read_everything() else "override"
    return ""


def _may_read_everything() -> bool:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            return bool(int(line.split()[1], 16) & 1 << 2)
    return False


def stop(process: subprocess.Popen[bytes], how: signal.Signals, *, grace_s: float) -> bool:
    """Ask the program to end, wait, then end its whole group. False when it had to be killed."""
    asked = True
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(grace_s)
        except subprocess.TimeoutExpired:
            asked = False
    kill_group(process)
    return asked


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever is left in the program's group. The group lives until its last member."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def adopt_orphans() -> None:
    """Become the parent of whatever our children leave behind, so that we can end it."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def descendants(process: subprocess.Popen[bytes] | None) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        if process:
            return psutil.Process(process.pid).children(recursive=True)
    return []


def kill_all(processes: Sequence[psutil.Process]) -> None:
    """Those that still live; a number given to another program meanwhile is left alone."""
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def end_descendants(*, spare: Sequence[subprocess.Popen[bytes] | None] = ()) -> None:
    """Kill every process below us but the spared ones and what is below those."""
    spared = {process.pid for process in spare if process}
    for child in psutil.Process().children():
        if child.pid not in spared:
            with contextlib.suppress(psutil.Error):
                kill_all([child, *child.children(recursive=True)])


def free_port(host: str = "127.0.0.1") -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        # A port still cooling down after the last run is free for us.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def owner_of_port(port: int) -> str:
    """Name and id of the process that listens on the port, where we may know; else ''."""
    try:
        for found in psutil.net_connections("tcp"):
            listens = found.status == psutil.CONN_LISTEN and found.laddr.port == port
            if listens and found.pid:
                return f"{psutil.Process(found.pid).name()}, process {found.pid}"
    except (psutil.Error, OSError):
        pass
    return ""
