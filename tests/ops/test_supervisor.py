"""Roles under the supervisor: restarted when they fall, gone when it goes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.embedded import process, supervisor
from config.embedded.supervisor import Log, Role, Supervisor
from config.embedded.trouble import Trouble
from tests.ops.test_services import ROOT, alive, gone


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def running(said):
    process.adopt_orphans()
    found = Supervisor(said.append)
    yield found
    found.stop_roles()


def role(tmp_path: Path, said: list[str], *command: str, name: str = "worker") -> Role:
    return Role(name, command, Log(tmp_path / f"{name}.log"), said.append)


def until(condition, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_role_that_falls_is_started_again_with_a_line_that_says_so(
    running, tmp_path, said, monkeypatch
):
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.0, 0.1))
    running.add(role(tmp_path, said, "sleep", "600"))
    first = running.roles[0].process
    os.kill(first.pid, signal.SIGKILL)

    until(lambda: running.tend() or running.roles[0].process.pid != first.pid)

    assert alive(running.roles[0].process.pid)
    assert said == [
        "! worker ended by itself (SIGKILL); starting it again in 0 s",
        "! worker runs again",
    ]


def test_one_that_keeps_falling_waits_longer_each_time(running, tmp_path, said, monkeypatch):
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.0, 0.01, 0.02))
    running.add(role(tmp_path, said, "sh", "-c", "exit 3"))

    until(lambda: running.tend() or running.falls["worker"].count >= 4)

    assert [line for line in said if "ended" in line][:4] == [
        f"! worker ended by itself (exit code 3); starting it again in {wait} s"
        for wait in ("0", "0.01", "0.02", "0.02")
    ]


def test_lines_carry_the_name_of_their_role_and_are_kept(running, tmp_path, said):
    running.add(role(tmp_path, said, "sh", "-c", "echo один; echo two >&2; sleep 600"))

    until(lambda: len(said) == 2)

    assert said == ["   worker │ один", "   worker │ two"]
    assert (tmp_path / "worker.log").read_text() == "один\ntwo\n"


def test_a_log_keeps_its_latest_part_only(tmp_path, monkeypatch):
    monkeypatch.setattr(supervisor, "LOG_BYTES", 10)
    log = Log(tmp_path / "role.log")

    for line in (b"first line\n", b"second line\n", b"3\n"):
        log.write(line)

    assert (tmp_path / "role.log").read_bytes() == b"3\n"
    assert (tmp_path / "role.log.1").read_bytes() == b"second line\n"


def test_a_stop_ends_the_stubborn_and_their_children(running, tmp_path, said, monkeypatch):
    monkeypatch.setattr(supervisor, "GRACE_S", 0.3)
    # Ignores the polite signal, and leaves a child in a session of its own.
    script = "trap '' TERM; setsid sleep 600 & echo $!; while true; do sleep 0.1; done"
    running.add(role(tmp_path, said, "bash", "-c", script))
    until(lambda: said)
    child = int(said[0].split("│")[1])

    running.stop_roles()

    assert gone(running.roles[0].process.pid, child)
    assert said[-1] == "! worker did not stop in 0.3 s; ending it"


def test_a_server_that_does_not_come_back_is_tried_again(running, said, monkeypatch):
    monkeypatch.setattr(supervisor, "BACKOFF_S", (0.0,))

    class Broken:
        process = subprocess.Popen(["true"], start_new_session=True)
        starts = 0

        def start(self) -> None:
            self.starts += 1
            raise Trouble("no luck", "wait")

    broken = Broken()
    running.watch("postgres", broken)
    until(lambda: running.tend() or broken.starts >= 2)

    assert "! postgres did not start again: no luck\n  → wait" in said


PARENT = """
import sys, time
from pathlib import Path
from config.embedded import process
from config.embedded.supervisor import Log, Role, Supervisor
process.adopt_orphans()
supervisor = Supervisor(print)
supervisor.catch_signals()
for name in ("asgi", "worker", "scheduler"):
    supervisor.add(Role(name, ["sleep", "600"], Log(Path(sys.argv[1]) / name), print))
try:
    print(*[role.process.pid for role in supervisor.roles], flush=True)
    supervisor.run()
except KeyboardInterrupt:
    supervisor.stop_roles()
    print("stopped", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_end_of_the_supervisor_is_the_end_of_all(tmp_path, how):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert parent.stdout
    children = [int(pid) for pid in parent.stdout.readline().split()]
    assert all(alive(pid) for pid in children)

    parent.send_signal(how)

    assert gone(*children)
    assert parent.wait(5) == (-9 if how == signal.SIGKILL else 0)
    if how != signal.SIGKILL:
        assert parent.stdout.read() == b"stopped\n"


# ── bin/up itself ────────────────────────────────────────────────────────────────────────────
def up(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "config.embedded.up", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_a_busy_port_is_told_with_its_holder_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        answer = up("--check", PORT=str(port), DATA_DIR=str(tmp_path / "data"))

    assert answer.returncode == 1
    assert answer.stdout == ""
    assert f"Port {port} is taken by " in answer.stderr
    assert f"process {os.getpid()}" in answer.stderr
    assert f"PORT={port + 1} bin/up" in answer.stderr
    assert not (tmp_path / "data" / "postgres").exists()


@pytest.mark.parametrize("port", ["eighty", "0", "70000", "-1"])
def test_a_port_that_is_none_is_told(port, tmp_path):
    answer = up(PORT=port, DATA_DIR=str(tmp_path))

    assert answer.returncode == 1
    assert answer.stderr.strip().startswith(f"✗ PORT is '{port}'.")


def test_an_unknown_argument_is_told():
    assert (up("--chek").returncode, "--chek" in up("--chek").stderr) == (2, True)
