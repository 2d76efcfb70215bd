"""The gate: few begin at once, who comes back passes, nobody waits with a connection in hand."""

from __future__ import annotations

import threading
import time

import pytest
from django.db import connection

from tenants.kernel import due, gate
from tenants.kernel.context import release_connection
from tenants.workspace.models import User

pytestmark = pytest.mark.django_db(transaction=True)


def test_more_threads_than_connections_all_get_through_and_few_begin_at_once(alpha, monkeypatch):
    monkeypatch.setattr(gate, "_slots", threading.BoundedSemaphore(2))

    def left() -> list[tuple[str, str, int]]:
        return [row for row in due.overdue(grace_s=-1) if row[0] == alpha.schema]

    begun, most, waiting = [], [0], threading.Event()
    lock = threading.Lock()

    def work(object_id: int) -> None:
        with lock:
            begun.append(object_id)
            most[0] = max(most[0], len(begun))
        assert User.objects.exists()
        time.sleep(0.02)
        with lock:
            begun.remove(object_id)
        release_connection()  # as before a model's answer
        assert waiting.wait(20)
        assert User.objects.exists()

    monkeypatch.setitem(due._workers, "test", work)
    with alpha.inside():
        for number in range(30):
            due.schedule("test", number)

    def bell(number: int) -> None:
        with alpha.inside():
            if number % 2:
                assert User.objects.exists()  # a connection in hand before the gate
            due.take(alpha.schema, "test", number)
        connection.close()

    threads = [threading.Thread(target=bell, args=(number,)) for number in range(30)]
    for thread in threads:
        thread.start()
    until = time.monotonic() + 15
    while left() and time.monotonic() < until:
        time.sleep(0.05)
    waiting.set()
    for thread in threads:
        thread.join(20)

    assert not any(thread.is_alive() for thread in threads)
    assert 1 <= most[0] <= 2
    assert left() == []
