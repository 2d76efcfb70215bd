"""The two services a process of ours needs, whoever runs them: ours in DATA_DIR or the user's."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from config.embedded import external
from config.embedded.postgres import Postgres
from config.embedded.redis import Redis
from config.embedded.trouble import Trouble

ROOT = Path(__file__).resolve().parent.parent.parent
# Below this a first start cannot end well: cluster, WAL, demo data, logs.
LEAST_FREE_BYTES = 1_000_000_000

Tell = Callable[[str], None]


def data_dir() -> Path:
    return Path(os.environ.get("DATA_DIR") or ROOT / ".data").absolute()


def open_data_dir(folder: Path, *, least_free: int = LEAST_FREE_BYTES) -> IO[str]:
    """Make and lock the folder. Keep the answer open: closing it gives the folder free.

    Raises Trouble when it cannot be written, is nearly full, or belongs to a running one.
    """
    try:
        # Others may pass through to what is theirs (PostgreSQL's user, when we are root).
        folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        (folder / "logs").mkdir(exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        if error.errno == errno.ENOSPC:
            raise _full(folder) from None
        raise Trouble(
            f"The data folder {folder} cannot be used: {error.strerror}.",
            "Give it to the user who starts this (sudo chown -R $USER), or set DATA_DIR.",
        ) from None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        holder = lock.read().strip()
        lock.close()
        raise Trouble(
            f"The data folder {folder} is in use by process {holder or 'unknown'}.",
            "Stop that one first (Ctrl-C in its terminal), or set another DATA_DIR and PORT.",
        ) from None
    if shutil.disk_usage(folder).free < least_free:
        lock.close()
        raise _full(folder)
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _full(folder: Path) -> Trouble:
    return Trouble(
        f"The disk of the data folder {folder} is full or nearly so "
        f"(less than {LEAST_FREE_BYTES // 1_000_000} MB free).",
        "Free some space (df -h shows where), or move DATA_DIR to another disk.",
    )


def secret_key(folder: Path) -> str:
    """Made once. Merchants' stored secrets are sealed with it: it belongs into the backup."""
    path = folder / "secret"
    if not path.exists():
        new = path.with_name("secret.new")
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(48))
        new.rename(path)  # whole or not at all
    if not (key := path.read_text().strip()):
        raise Trouble(
            f"{path} is empty, so merchants' stored secrets cannot be opened.",
            "Put the file back from the backup; without data in the folder, just delete it.",
        )
    return key


class Services:
    """PostgreSQL and Redis for one DATA_DIR, started or checked, and their addresses."""

    def __init__(self, folder: Path, *, forgetful: bool = False) -> None:
        self.folder = folder
        self.forgetful = forgetful
        self.postgres: Postgres | None = None
        self.redis: Redis | None = None
        self.environment: dict[str, str] = {}

    def start(self, tell: Tell = lambda line: None) -> None:
        """Raises Trouble; what was started before it is stopped."""
        try:
            self.environment = {
                "DATA_DIR": str(self.folder),
                "SECRET_KEY": os.environ.get("SECRET_KEY") or secret_key(self.folder),
                "DATABASE_URL": self._database(tell),
                "REDIS_URL": self._redis(tell),
            }
            if self.postgres:
                self.environment["PG_BIN_DIR"] = str(self.postgres.programs.folder)
        except BaseException:
            self.stop()
            raise

    def _database(self, tell: Tell) -> str:
        if url := os.environ.get("DATABASE_URL"):
            tell(f"PostgreSQL {external.check_postgres(url)} of DATABASE_URL")
            return url
        logs = self.folder / "logs"
        self.postgres = Postgres(
            self.folder / "postgres", logs / "postgres.log", forgetful=self.forgetful
        )
        made = self.postgres.prepare()
        self.postgres.start()
        state = "new database" if made else "existing database"
        tell(f"PostgreSQL {self.postgres.programs.major}, {state}")
        return self.postgres.url

    def _redis(self, tell: Tell) -> str:
        if url := os.environ.get("REDIS_URL"):
            tell(f"Redis {external.check_redis(url)} of REDIS_URL")
            return url
        self.redis = Redis(self.folder / "redis", self.folder / "logs" / "redis.log")
        self.redis.start()
        tell("Redis")
        return self.redis.url

    def stop(self) -> None:
        if self.redis:
            self.redis.stop()
        if self.postgres:
            self.postgres.stop()

    # ── Where others find them ───────────────────────────────────────────────────────────────
    @property
    def announcement(self) -> Path:
        return self.folder / "services.json"

    def announce(self) -> None:
        """Let `manage.py` in another terminal use the same services while they run."""
        self.announcement.touch(mode=0o600)
        self.announcement.write_text(json.dumps(self.environment))

    def withdraw(self) -> None:
        self.announcement.unlink(missing_ok=True)


def announced(folder: Path) -> dict[str, str] | None:
    """The addresses of the services that run on the folder now; None when none do."""
    try:
        with (folder / "lock").open() as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return dict(json.loads((folder / "services.json").read_text()))
    except (OSError, ValueError):
        pass
    return None


@contextlib.contextmanager
def borrowed(*, tell: Tell = lambda line: None) -> Iterator[None]:
    """For a command in a terminal: the services of a running `bin/up`, else our own meanwhile.

    Fills os.environ; what the user set there stays.
    """
    if {"DATABASE_URL", "REDIS_URL"} <= os.environ.keys():
        yield
        return
    folder = data_dir()
    if running := announced(folder):
        for name, value in running.items():
            os.environ.setdefault(name, value)
        yield
        return
    lock = open_data_dir(folder)
    services = Services(folder)
    try:
        services.start(tell)
        os.environ.update(services.environment)
        yield
    finally:
        services.stop()
        lock.close()
