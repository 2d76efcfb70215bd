"""What benches stand on: roles as processes, a merchant to load, CPU time, a load generator."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
from django.conf import settings
from django.db import connections

from config import roles
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.postgres.base import DatabaseWrapper

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass
class Load:
    """What a run of the load generator saw."""

    seconds: float
    ms: list[float] = field(default_factory=list)
    refused: int = 0

    @property
    def per_second(self) -> float:
        return round(len(self.ms) / self.seconds, 1)

    def percentile(self, share: float) -> float:
        ordered = sorted(self.ms)
        if not ordered:
            return 0.0
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 2)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process(subprocess.Popen[bytes]):
    """One role of the product; it serves on `port`."""

    port: int


@contextlib.contextmanager
def process(role: str, **environment: str) -> Iterator[Process]:
    """One role of the product in a process of its own, ended with the block."""
    port = environment.setdefault("PORT", str(free_port()))
    environment = {**os.environ, "DB_ROLE": "app", **environment}
    before = os.environ.get("PORT")
    os.environ["PORT"] = port
    try:
        command = roles.commands()[role]
    finally:
        if before is None:
            os.environ.pop("PORT")
        else:
            os.environ["PORT"] = before
    started = Process(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL if not os.environ.get("BENCH_LOGS") else None,
        stderr=subprocess.DEVNULL if not os.environ.get("BENCH_LOGS") else None,
    )
    started.port = int(port)
    try:
        if role == "asgi":
            wait_for(port)
        yield started
    finally:
        started.terminate()
        try:
            started.wait(10)
        except subprocess.TimeoutExpired:
            started.kill()
            started.wait()


def wait_for(port: str | int, seconds: float = 30) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=2, trust_env=False)
            return
        time.sleep(0.1)
    raise TimeoutError(f"nothing answers on port {port}")


@contextlib.contextmanager
def merchant(slug: str = "") -> Iterator[Any]:
    """A merchant for one run, gone afterwards."""
    from datetime import timedelta

    from tenants.models import Merchant, Plan
    from tenants.services import merchants

    slug = slug or f"bench-{secrets.token_hex(4)}"
    found = merchants.merchant_create(
        slug=slug,
        name="Bench",
        email=f"owner@{slug}.example",
        password=secrets.token_urlsafe(16),
    )
    # What is measured is no plan's limit.
    with merchant_context(PUBLIC):
        plan, _made = Plan.objects.get_or_create(
            name="Bench",
            defaults=dict.fromkeys(
                ("conversations_a_month", "products", "channels", "agents"), 2_000_000_000
            ),
        )
        Merchant.objects.filter(pk=found.pk).update(plan=plan)
    try:
        yield found
    finally:
        # A bench may have cut the connection we hold, or left a table of its own in the pool.
        connections.close_all()
        connection = connections["default"]
        if isinstance(connection, DatabaseWrapper):
            connection.close_pool()
        merchants.merchant_delete(found, confirm=slug, grace=timedelta(0))
        merchants.merchant_erase(found.pk)


def cpu_s(*processes: int) -> float:
    """User and system seconds of processes and everything below them."""
    total = 0.0
    for pid in processes:
        with contextlib.suppress(psutil.Error):
            root = psutil.Process(pid)
            for one in [root, *root.children(recursive=True)]:
                with contextlib.suppress(psutil.Error):
                    times = one.cpu_times()
                    # children_*: backends that ended meanwhile.
                    total += times.user + times.system
                    total += times.children_user + times.children_system
    return total


def postmaster() -> int | None:
    """Pid of the database's first process, where it runs on this machine."""
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        pid = connection.info.backend_pid
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        pid = connection.info.backend_pid
        with contextlib.suppress(psutil.Error):
            found = psutil.Process(pid)
            if "postgres" in found.name():
                return found.ppid()
    return None


def pg_tool(name: str) -> str:
    folder = os.environ.get("PG_BIN_DIR", "")
    return str(Path(folder) / name) if folder else name


def pgbench(script: str, *, clients: int, seconds: int) -> float:
    """Transactions a second of a script of statements."""
    import re
    import tempfile

    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(script)
        file.flush()
        done = subprocess.run(
            [
                pg_tool("pgbench"),
                *("-n", "-f", file.name, "-c", str(clients), "-j", "1", "-T", str(seconds)),
                settings.DATABASE_URL,
            ],
            capture_output=True,
            text=True,
            check=True,
        )
    found = re.search(r"tps = ([\d.]+)", done.stdout)
    if not found:
        raise RuntimeError(done.stdout + done.stderr)
    return float(found.group(1))


class _Client(asyncio.Protocol):
    """One keep-alive connection with one request in flight; as cheap as Python gets."""

    def __init__(self, load: Load, make: Callable[[int], bytes], numbers: Iterator[int]) -> None:
        self.load, self.make, self.numbers = load, make, numbers
        self.done = asyncio.get_running_loop().create_future()
        self.buffer = b""
        self.begun = 0.0
        self.is_over = False

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self._send()

    def _send(self) -> None:
        body = self.make(next(self.numbers))
        self.begun = time.perf_counter()
        self.transport.write(body)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(rest) < length:
            return
        self.buffer = b""
        if head[9:12] == b"200":
            self.load.ms.append((time.perf_counter() - self.begun) * 1000)
        else:
            self.load.refused += 1
        if self.is_over:
            self.transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)


async def hammer(
    host: str,
    port: int,
    make: Callable[[int], bytes],
    *,
    clients: int,
    seconds: float,
) -> Load:
    """Keep-alive connections, one request in flight each, for a bounded time. Loopback only."""
    load = Load(seconds)
    numbers = iter(range(1, 10**9))
    loop = asyncio.get_running_loop()
    begun = time.perf_counter()
    made = [
        (await loop.create_connection(lambda: _Client(load, make, numbers), host, port))[1]
        for _ in range(clients)
    ]
    await asyncio.sleep(seconds)
    for client in made:
        client.is_over = True
    await asyncio.wait([client.done for client in made], timeout=10)
    load.seconds = time.perf_counter() - begun
    return load


def apart(main: Callable[[], Coroutine[Any, Any, Load]]) -> Load:
    """Run a load from a process of its own, so that it does not share our interpreter."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    queue: Any = context.Queue()

    def work() -> None:
        import uvloop

        queue.put(uvloop.run(main()))

    child = context.Process(target=work)
    child.start()
    found = queue.get()
    child.join()
    return found


def post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """An HTTP/1.1 POST as bytes."""
    lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def cookies(shop: Any, count: int) -> list[str]:
    """Sessions of one owner, and of agents who see what their team has."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.sessions.backends.db import SessionStore

    from bots.models import TeamMember
    from bots.services.queues import default_team
    from tenants.workspace.models import User

    found = []
    with merchant_context(shop.schema_name):
        people = [User.objects.filter(role=User.Role.OWNER).earliest("pk")]
        team = default_team()
        for number in range(count - count // 5):
            user = User.objects.create(
                email=f"agent{number}@bench.example", role=User.Role.AGENT, is_active=True
            )
            TeamMember.objects.get_or_create(team=team, user=user)
            people.append(user)
        for number in range(count):
            user = people[number % len(people)]
            session = SessionStore()
            session[SESSION_KEY] = str(user.pk)
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            session.create()
            found.append(f"{settings.SESSION_COOKIE_NAME}={session.session_key}")
    return found


def channel_for(found: Any, *, base_url: str = "", **settings_: Any) -> Any:
    """A Telegram channel of the merchant, not called by anybody yet."""
    from bots.channels.telegram.simulator import TOKEN
    from bots.models import Bot, Channel
    from bots.services.channels import channel_create, route_sync

    with merchant_context(found.schema_name):
        channel = channel_create(
            kind="telegram",
            name="Bench",
            bot=Bot.objects.earliest("pk"),
            secrets={"token": TOKEN},
            base_url=base_url,
            settings=settings_,
        )
        channel.state = Channel.State.LIVE
        channel.save(update_fields=["state"])
        route_sync(channel)
    return channel


def python() -> str:
    return sys.executable
