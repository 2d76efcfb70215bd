"""`ingest`: durable webhook accepts on one process, beside plain commits and a bare handler.

An accept is a real Telegram webhook call over HTTP: route key → merchant, secret checked, inbox
row and due row committed (`synchronous_commit` on), then the 200. `--channel NAME` (or `all`)
measures the signature and parsing of that channel instead (config/bench/hooks.py).
"""

from __future__ import annotations

import json
import time
from typing import Any

import psycopg
from django.conf import settings

from config.bench import hooks, stage

NUMBER = 2 * 10**15
SECONDS = {"small": 3, "default": 10, "full": 30}


def run(size: str = "default", channel: str = "") -> dict[str, Any]:
    if channel:
        known = hooks.examples()
        if channel != "all" and channel not in known:
            raise ValueError(f"There is no channel {channel} that is called: {', '.join(known)}.")
        return hooks.run_channels([*known] if channel == "all" else [channel], size)
    seconds = SECONDS[size]
    with stage.merchant() as merchant:
        figures, reference = _measure(stage.channel_for(merchant), seconds)
    ratio = figures["accepts_per_s_32"] / reference["pgbench_commits_per_s"]
    goals = [
        {"figure": "accepts_per_pgbench_commit", "op": ">=", "goal": 0.5},
        {"figure": "cpu_ms_a_message", "op": "<=", "goal": 0.5},
        {"figure": "p99_ms_8", "op": "<=", "goal": 25.0},
        {"figure": "refused", "op": "==", "goal": 0},
        {"figure": "stored_minus_accepted", "op": "==", "goal": 0},
    ]
    figures["accepts_per_pgbench_commit"] = round(ratio, 3)
    return {"figures": figures, "reference": reference, "goals": goals}


def _measure(channel: Any, seconds: int) -> tuple[dict[str, float], dict[str, float]]:
    figures: dict[str, float] = {"refused": 0}
    reference: dict[str, float] = {}
    accepted = 0
    postmaster = stage.postmaster()
    headers = {"x-telegram-bot-api-secret-token": channel.secrets["hook"]}
    path = f"/hooks/{channel.route_key}/"

    # Made by filling gaps: the generator must not be what is measured.
    example = update(NUMBER)
    template = (
        json.dumps(example, ensure_ascii=False)
        .replace(str(example["message"]["chat"]["id"]), "CHAT")
        .replace(str(NUMBER), "NUMBER")
    )

    def request(offset: int):
        def make(n: int) -> bytes:
            body = template.replace("NUMBER", str(NUMBER + offset + n))
            return stage.post(path, body.replace("CHAT", str(100_000 + n % 500)).encode(), headers)

        return make

    with stage.process("asgi", ASGI_ROLES="ingest,web") as server:
        port = server.port
        for warm in range(2):
            load = _load(port, request(10**8 * (90 + warm)), clients=8, seconds=1)
            accepted += len(load.ms)
        for clients in (1, 8, 32):
            watched = [server.pid, *([postmaster] if postmaster else [])]
            before = stage.cpu_s(*watched)
            load = _load(port, request(10**9 * clients), clients=clients, seconds=seconds)
            spent = stage.cpu_s(*watched) - before
            accepted += len(load.ms)
            figures["refused"] += load.refused
            figures[f"accepts_per_s_{clients}"] = load.per_second
            figures[f"p50_ms_{clients}"] = load.percentile(0.50)
            figures[f"p99_ms_{clients}"] = load.percentile(0.99)
            if clients == 32:
                figures["cpu_ms_a_message"] = round(spent / max(1, len(load.ms)) * 1000, 3)
                figures["cpu_includes_database"] = int(postmaster is not None)
                reference |= _plain(seconds)
    figures["stored_minus_accepted"] = _stored(channel) - accepted
    reference |= _bare(seconds)
    return figures, reference


def _load(port: int, make, *, clients: int, seconds: float) -> stage.Load:
    return stage.apart(
        lambda: stage.hammer("127.0.0.1", port, make, clients=clients, seconds=seconds)
    )


def update(number: int) -> dict[str, Any]:
    """A text message of 500 to 600 bytes as Telegram sends it."""
    chat = 777_555
    person = {"id": chat, "is_bot": False, "first_name": "Анна", "language_code": "ru"}
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": chat, "type": "private", "first_name": "Анна"},
            "from": person,
            "text": "Здравствуйте, подскажите, пожалуйста, есть ли куртка в 46 размере?",
        },
    }


def _stored(channel: Any) -> int:
    with psycopg.connect(settings.DATABASE_URL) as connection:
        schema = _schema_of(channel, connection)
        row = connection.execute(
            f'SELECT count(*) FROM "{schema}".bots_inbox WHERE channel_id = %s',  # noqa: S608
            (channel.pk,),
        ).fetchone()
        assert row is not None
        return row[0]


def _schema_of(channel: Any, connection: psycopg.Connection) -> str:
    row = connection.execute(
        "SELECT schema FROM tenants_routekey WHERE key = %s", (channel.route_key,)
    ).fetchone()
    assert row is not None
    return row[0]


TABLE = """
DROP TABLE IF EXISTS bench_rows;
CREATE TABLE bench_rows (id bigserial PRIMARY KEY, update_id bigint UNIQUE, payload jsonb)
"""
ROW = """
\\set n random(1, 9000000000000)
INSERT INTO bench_rows (update_id, payload) VALUES (:n, '{"text": "hello"}')
ON CONFLICT DO NOTHING;
"""


def _plain(seconds: int) -> dict[str, float]:
    """pgbench committing single rows, 32 clients and one."""
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        connection.execute(TABLE)
        try:
            return {
                "pgbench_commits_per_s": round(stage.pgbench(ROW, clients=32, seconds=seconds), 1),
                "pgbench_commits_per_s_1": round(
                    stage.pgbench(ROW, clients=1, seconds=max(2, seconds // 3)), 1
                ),
            }
        finally:
            connection.execute("DROP TABLE bench_rows")


def _bare(seconds: int) -> dict[str, float]:
    """A bare ASGI handler: one insert, one commit a request, nothing checked."""
    with psycopg.connect(settings.DATABASE_URL, autocommit=True) as connection:
        connection.execute(TABLE)
        try:
            port = stage.free_port()
            import os
            import subprocess

            child = subprocess.Popen(
                [
                    stage.python(),
                    *("-m", "uvicorn", "config.bench.bare:application", "--port", str(port)),
                    *("--loop", "uvloop", "--http", "httptools", "--no-access-log"),
                    *("--log-level", "critical"),
                ],
                cwd=stage.ROOT,
                env=os.environ | {"BARE_DATABASE_URL": settings.DATABASE_URL},
            )
            try:
                stage.wait_for(port)
                load = _load(
                    port,
                    lambda n: stage.post("/", json.dumps(update(n)).encode(), {}),
                    clients=32,
                    seconds=seconds,
                )
            finally:
                child.terminate()
                child.wait()
            return {"bare_accepts_per_s_32": load.per_second, "bare_p99_ms": load.percentile(0.99)}
        finally:
            connection.execute("DROP TABLE bench_rows")
