"""/healthz and /readyz: on any host, 503 only for what a role needs."""

from __future__ import annotations

import pytest
import redis

from tenants.kernel import health
from tenants.kernel.store import store


@pytest.fixture
def beating(db):
    health.beat("worker")
    health.beat("scheduler")
    yield
    store().delete("heartbeat:worker", "heartbeat:scheduler")


@pytest.mark.parametrize("host", ["10.0.0.7", "alpha.localhost", "localhost"])
def test_everything_there(visitor, beating, host):
    client = visitor(host)
    assert client.get("/healthz").content == b"ok"
    answer = client.get("/readyz")
    assert answer.status_code == 200
    body = answer.json()
    assert body["ready"] is True
    assert {"database", "redis", "worker", "scheduler"} <= set(body["checks"])
    assert all(set(check) == {"ok", "detail", "ms"} for check in body["checks"].values())


def test_a_silent_worker_stops_nobody_but_workers(visitor, db):
    store().delete("heartbeat:worker", "heartbeat:scheduler")
    client = visitor("localhost")
    assert client.get("/readyz").status_code == 503
    assert client.get("/readyz?role=worker").status_code == 503
    for role in ("web", "ingest", "live"):
        assert client.get(f"/readyz?role={role}").status_code == 200, role
    assert client.get("/readyz?role=web").json()["checks"]["worker"]["ok"] is False


def test_without_redis_web_still_serves(visitor, db, monkeypatch):
    class Deaf:
        def ping(self):
            raise redis.ConnectionError("redis://:password@10.1.1.1")

        get = ping

    monkeypatch.setattr(health, "store", Deaf)
    client = visitor("localhost")
    web = client.get("/readyz?role=web")
    assert web.status_code == 200
    assert web.json()["checks"]["redis"]["ok"] is False
    assert "password" not in web.content.decode()
    assert client.get("/readyz?role=live").status_code == 503


def test_an_unknown_role_is_told(visitor, db):
    assert visitor("localhost").get("/readyz?role=nothing").status_code == 400
