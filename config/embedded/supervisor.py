"""Runs the roles and the servers below them: prefixes their lines, restarts what falls, stops
all in order. One loop in the main thread; a thread for each child only carries its lines."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Protocol

from config.embedded import process
from config.embedded.trouble import Trouble

LOG_BYTES = 10_000_000
BACKOFF_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
# A child that lived this long has recovered: its next fall counts as the first.
STEADY_AFTER_S = 60.0
GRACE_S = 15.0


class Service(Protocol):
    """A server that `services` started: Postgres and Redis."""

    process: subprocess.Popen[bytes] | None

    def start(self) -> None: ...


class Log:
    """A file that keeps its last 10 to 20 MB."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: IO[bytes] = path.open("ab")

    def write(self, line: bytes) -> None:
        try:
            self.file.write(line)
            self.file.flush()
            if self.file.tell() > LOG_BYTES:
                self.file.close()
                self.path.replace(self.path.with_suffix(".log.1"))
                self.file = self.path.open("ab")
        except OSError:
            pass  # a full disk must not stop the roles


@dataclass
class Role:
    name: str
    command: Sequence[str]
    log: Log
    say: Callable[[str], None]
    quiet: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    pump: threading.Thread | None = field(default=None, init=False)

    def start(self) -> None:
        self.process = process.spawn(self.command)
        self.pump = threading.Thread(target=self._carry, args=(self.process.stdout,), daemon=True)
        self.pump.start()

    def _carry(self, lines: IO[bytes]) -> None:
        for line in lines:
            self.log.write(line)
            if not self.quiet:
                self.say(f"{self.name:>9} │ {line.decode(errors='replace').rstrip()}")


@dataclass
class Fall:
    """How often a child has fallen lately, and when it may try again."""

    count: int = 0
    started_at: float = 0.0
    retry_at: float | None = None


class Supervisor:
    def __init__(self, say: Callable[[str], None]) -> None:
        self.say = say
        self.roles: list[Role] = []
        self.servers: dict[str, Service] = {}
        self.falls: dict[str, Fall] = {}
        self.stopping = False

    def catch_signals(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: object) -> None:
        if not self.stopping:
            self.stopping = True
            raise KeyboardInterrupt
        for role in self.roles:  # asked twice: at once
            if role.process:
                with contextlib.suppress(OSError):
                    os.kill(role.process.pid, signal.SIGKILL)

    def add(self, role: Role) -> None:
        self.roles.append(role)
        role.start()
        self.falls[role.name] = Fall(started_at=time.monotonic())

    def watch(self, name: str, server: Service | None) -> None:
        if server:
            self.servers[name] = server
            self.falls[name] = Fall(started_at=time.monotonic())

    def run(self) -> None:
        """Until somebody asks us to stop: that arrives as KeyboardInterrupt."""
        while True:
            self.tend()
            time.sleep(0.2)

    def tend(self) -> None:
        """Start again what has fallen; servers first, since the roles need them."""
        for name, child in [*self.servers.items(), *((role.name, role) for role in self.roles)]:
            fall, now = self.falls[name], time.monotonic()
            if child.process is None or child.process.poll() is None:
                continue
            if fall.retry_at is None:
                process.kill_group(child.process)
                if now - fall.started_at > STEADY_AFTER_S:
                    fall.count = 0
                wait = BACKOFF_S[min(fall.count, len(BACKOFF_S) - 1)]
                fall.count += 1
                fall.retry_at = now + wait
                self.say(
                    f"! {name} ended by itself ({_how(child.process.returncode)}); "
                    f"starting it again in {wait:g} s"
                )
            elif now >= fall.retry_at:
                fall.retry_at = None
                fall.started_at = now
                try:
                    child.start()
                    self.say(f"! {name} runs again")
                except Trouble as trouble:
                    self.say(f"! {name} did not start again: {trouble}")

    def stop_roles(self) -> None:
        """All at once, so the stop takes as long as the slowest; then whatever they left."""
        running = [role for role in self.roles if role.process and role.process.poll() is None]
        below = [pid for role in running for pid in process.descendants(role.process)]
        for role in running:
            assert role.process
            role.process.terminate()
        deadline = time.monotonic() + GRACE_S
        for role in running:
            assert role.process
            try:
                role.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.say(f"! {role.name} did not stop in {GRACE_S:g} s; ending it")
            process.kill_group(role.process)
            if role.pump:
                role.pump.join(1)
        process.kill_all(below)


def _how(code: int) -> str:
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit code {code}"


def say(line: str) -> None:
    """A line for the person at the terminal; a closed terminal must not end the services."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
