"""What every test stands on: a database made from a template, and no network but loopback."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.counts import FULL
from tests.fixtures.renewal import Renewal

pytest_plugins = [
    "tests.fixtures.merchants",
    "tests.fixtures.certificates",
    "tests.fixtures.models",
]

ROOT = Path(__file__).resolve().parent
# A change in any of these makes the template anew.
TEMPLATE_INPUTS = (
    "*/migrations/*.py",
    "*/*/migrations/*.py",
    "*/management/commands/*.py",
    "tenants/services/*.py",
    "*/services/fill.py",
    "tenants/kernel/rights.py",
    "tests/fixtures/world.py",
    "config/settings/*.py",
    "requirements.txt",
)
TEMPLATE_STEPS = (
    ["manage.py", "prepare_database"],
    ["manage.py", "migrate_all", "--spares", "5"],
    ["-m", "tests.fixtures.world"],
)


# ── Network ──────────────────────────────────────────────────────────────────────────────────
def _is_here(address: Any) -> bool:
    host = address[0] if isinstance(address, tuple) else None
    if host is None:  # a unix socket
        return True
    if not isinstance(host, str) or host in ("", "localhost") or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.split("%")[0]).is_loopback
    except ValueError:
        return False


def _guard_network() -> None:
    """Fail the test that reaches out. `pytest.fail` is no Exception, so no code swallows it."""
    connect, connect_ex, resolve = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if not _is_here(address):
            pytest.fail(f"a test tried to reach {address!r}: only loopback is open")
        return connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if not _is_here(address):
            pytest.fail(f"a test tried to reach {address!r}: only loopback is open")
        return connect_ex(self, address)

    def guarded_resolve(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and name.endswith(".localhost"):
            name = "127.0.0.1"  # as browsers and curl do
        elif name is not None and not _is_here((name, 0)) and not _is_address(name):
            pytest.fail(f"a test tried to look up {name!r}: only loopback is open")
        return resolve(name, *args, **kwargs)

    socket.socket.connect = guarded_connect  # type: ignore[assignment, method-assign]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[assignment, method-assign]
    socket.getaddrinfo = guarded_resolve


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return True


def _choose_examples() -> None:
    """Properties: the same examples in every short run, many more and new ones in a full run."""
    hypothesis.settings.register_profile("short", max_examples=25, derandomize=True, deadline=None)
    hypothesis.settings.register_profile("full", max_examples=1000, deadline=None)
    hypothesis.settings.load_profile("full" if FULL else "short")


def pytest_configure(config: pytest.Config) -> None:
    _guard_network()
    _choose_examples()


LONG = {"slow", "browser", "faults"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with long tests first, so that no process is left alone with one at the end."""
    long = {item.path for item in items if LONG & {mark.name for mark in item.iter_markers()}}
    items.sort(key=lambda item: item.path not in long)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Any:
    """Walks pass the same lines thousands of times, and twice as slowly when each is counted.

    Not by pytest-cov's own mark: that also stops the count for good in threads that live on.
    """
    counting = sys.gettrace()
    if item.get_closest_marker("slow"):
        sys.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(counting)


# ── Database ─────────────────────────────────────────────────────────────────────────────────
def _template_name() -> str:
    digest = hashlib.sha256()
    for pattern in TEMPLATE_INPUTS:
        for path in sorted(ROOT.glob(pattern)):
            digest.update(str(path.relative_to(ROOT)).encode())
            digest.update(path.read_bytes())
    return f"tpl_{digest.hexdigest()[:16]}"


def _on_server(url: str, database: str) -> str:
    address, _, _ = url.rpartition("/")
    return f"{address}/{database}"


def _build_template(url: str) -> None:
    """In processes of their own: this one's settings are those of the test database."""
    for step in TEMPLATE_STEPS:
        made = subprocess.run(
            [sys.executable, *step],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": url,
                "DJANGO_SETTINGS_MODULE": "config.settings.local",
                "DB_ROLE": "owner",
                "DB_LOGIN_PREFIX": "prilavok_test",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode:
            pytest.exit(f"{' '.join(step)} failed:\n{made.stdout}{made.stderr}", 3)


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Any:
    """`CREATE DATABASE … TEMPLATE …`: a second or two, however many migrations there are."""
    import psycopg
    from django.conf import settings
    from django.test import TransactionTestCase

    url, name = settings.DATABASE_URL, str(settings.DATABASES["default"]["NAME"])
    template = _template_name()
    assert name.startswith("test_"), "config.settings.test names the database"
    with psycopg.connect(_on_server(url, "postgres"), autocommit=True) as server:
        # Parallel runs build it once; the lock goes with the connection.
        server.execute("SELECT pg_advisory_lock(727)")
        names = [
            row[0]
            for row in server.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE 'tpl_%' AND NOT datistemplate"
            )
        ]
        if template not in names:
            building = f"{template}_new"
            for old in names:
                server.execute(f'DROP DATABASE "{old}" WITH (FORCE)')
            server.execute(f'CREATE DATABASE "{building}"')
            _build_template(_on_server(url, building))
            server.execute(f'ALTER DATABASE "{building}" RENAME TO "{template}"')
        server.execute("SELECT pg_advisory_unlock(727)")

    def make() -> None:
        with psycopg.connect(_on_server(url, "postgres"), autocommit=True) as server:
            _drop(server, name)
            server.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')

    renewal = Renewal(_on_server(url, name), make)

    def renew(self: Any = None) -> None:
        """What a test committed goes."""
        _close_connections()
        renewal.renew()

    renewal.start()
    # Django would empty every table after a test of `transaction=True`, the merchants with them.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", renew)
        yield
    with django_db_blocker.unblock():
        _close_connections()
    with psycopg.connect(_on_server(url, "postgres"), autocommit=True) as server:
        _drop(server, name)


def _drop(server: Any, name: str) -> None:
    """Nobody may end PostgreSQL's own cleaner (autovacuum) that happens to be inside: it is left
    a moment to go."""
    import psycopg

    for tries in range(50):
        try:
            server.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            return
        except psycopg.errors.InsufficientPrivilege:
            if tries == 49:
                raise
            time.sleep(0.2)


def _close_connections() -> None:
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close()
        close_pool = getattr(connection, "close_pool", None)
        if close_pool:
            close_pool()
