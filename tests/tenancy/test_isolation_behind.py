"""Sockets, tasks and waiting work: what has no page is walked too."""

import logging

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.core.cache import cache

from bots.live import _routes, application
from config.celery import app as celery
from tenants.kernel import bell, due
from tenants.kernel.context import PUBLIC, group, group_of, merchant_context
from tenants.kernel.files import file_save
from tenants.kernel.logs import MerchantFilter
from tenants.kernel.tasks import TenantTask
from tests.fixtures.aside import run_aside
from tests.tenancy import canaries

# Work of the platform itself, about no merchant's rows: run in the public schema only.
OF_THE_PLATFORM = {"spares", "merchant.erase"}
# What a stranger says at each socket. A new socket has to be added here, with its close codes.
SOCKETS = {"/live/chat/": "by its own token", "/live/console/": {4401, 4403, 4404}}


def test_every_task_names_its_merchant():
    celery.loader.import_default_modules()
    ours = {name: task for name, task in celery.tasks.items() if not name.startswith("celery.")}
    assert bell.TASK in ours
    for name, task in ours.items():
        if name == bell.TASK:  # names it as its first argument
            continue
        assert isinstance(task, TenantTask), name
        for wrong in ({}, {"schema": ""}, {"schema": PUBLIC}):
            with pytest.raises((TypeError, ValueError)):
                task(**wrong)


def test_no_waiting_work_touches_another_merchants_rows(alpha, beta):
    """Every kind of work, done in alpha for every number of beta's."""
    with beta.inside():
        pks = canaries.plant("beta")
        before = canaries.snapshot(beta.schema)
    numbers = sorted({found[0] for found in pks.values() if found and isinstance(found[0], int)})
    kinds = due.kinds() - OF_THE_PLATFORM
    assert {"inbox", "turn", "deliver", "job"} <= kinds
    for kind in sorted(kinds):
        for number in numbers:
            with alpha.inside():
                due.schedule(kind, number)
            due.take(alpha.schema, kind, number)
    with beta.inside():
        assert canaries.snapshot(beta.schema) == before


def test_every_socket_is_known():
    assert {prefix for prefix, _ in _routes()} == set(SOCKETS)


@pytest.mark.django_db(transaction=True)
def test_a_session_opens_the_console_of_its_own_merchant_only(alpha, beta, client_of):
    cookie = client_of(alpha, "owner").cookies[settings.SESSION_COOKIE_NAME].value

    async def open_at(host: str) -> tuple[str, object]:
        cookies = f"{settings.SESSION_COOKIE_NAME}={cookie}".encode()
        socket = ApplicationCommunicator(
            application,
            {
                "type": "websocket",
                "path": "/live/console/",
                "query_string": b"",
                "headers": [(b"host", host.encode()), (b"cookie", cookies)],
                "subprotocols": [],
            },
        )
        await socket.send_input({"type": "websocket.connect"})
        said = await socket.receive_output(timeout=5)
        if said["type"] == "websocket.accept":
            said = await socket.receive_output(timeout=5)
        await socket.send_input({"type": "websocket.disconnect", "code": 1000})
        await socket.wait(timeout=5)
        return said["type"], said.get("code")

    assert run_aside(open_at(alpha.host)) == ("websocket.send", None)
    for host in (beta.host, "localhost", "partner.localhost", "nobody.example"):
        kind, code = run_aside(open_at(host))
        assert kind == "websocket.close", host
        assert code in SOCKETS["/live/console/"]


def test_names_in_redis_and_files_hold_the_merchant(alpha, beta):
    with alpha.inside():
        cache.set("one", "alpha", 60)
        assert group("conversation", 7) == group_of(alpha.schema, "conversation", 7)
        stored = file_save(b"x", name="a.txt", purpose="test")
        assert stored.path.startswith(f"{alpha.schema}/")
    with beta.inside():
        assert cache.get("one") is None
        assert group("conversation", 7) != group_of(alpha.schema, "conversation", 7)
        assert not type(stored).objects.filter(path=stored.path).exists()
    with pytest.raises(RuntimeError, match="belongs to a merchant"):
        file_save(b"x", name="a.txt", purpose="test")
    with pytest.raises(RuntimeError, match="needs a merchant"):
        group("conversation", 7)


def test_a_log_line_names_its_merchant(alpha):
    record = logging.LogRecord("x", logging.INFO, "", 0, "said", (), None)
    with merchant_context(alpha.schema):
        MerchantFilter().filter(record)
    assert record.schema == alpha.schema
