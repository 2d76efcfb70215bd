"""Waiting work: run again where it was wished, and no more often."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from tenants.kernel import bell, due, scheduler

pytestmark = pytest.mark.django_db


def test_a_time_that_is_over_already_spins_nobody(alpha, beta, monkeypatch):
    """A machine whose clock is behind the database's says "again" for what is past there."""
    done: list[int] = []

    def work(number):
        done.append(number)
        return timezone.now() - timedelta(minutes=1)

    monkeypatch.setitem(due._workers, "test", work)
    with alpha.inside():
        due.schedule("test", 7)

    assert due.take(alpha.schema, "test", 7)
    assert done == [7]
    assert (alpha.schema, "test", 7) in due.overdue(grace_s=-0.01)  # the scan's
    assert not due.take(beta.schema, "test", 7)


def test_what_is_wished_while_it_runs_runs_once_more(alpha, monkeypatch):
    done: list[int] = []

    def work(number):
        done.append(number)
        if len(done) == 1:
            due.schedule("test", number)
            due.schedule("test", number)

    monkeypatch.setitem(due._workers, "test", work)
    with alpha.inside():
        due.schedule("test", 7)

    assert due.take(alpha.schema, "test", 7)
    assert done == [7, 7]
    assert (alpha.schema, "test", 7) not in due.overdue(grace_s=-0.01)


@pytest.mark.django_db(transaction=True)
def test_a_crowd_that_nobody_takes_hides_no_later_deadline(alpha, beta, monkeypatch):
    rung: list[tuple[str, str, int]] = []
    monkeypatch.setattr(bell, "ring", lambda *row: rung.append(row))
    monkeypatch.setattr(bell, "waiting", lambda: 0)
    monkeypatch.setattr(scheduler, "_rung", {})
    monkeypatch.setattr(scheduler, "SCAN_EVERY_S", 0)
    hour_ago = timezone.now() - timedelta(hours=1)
    with beta.inside():
        for number in range(scheduler.ROWS + 1):
            due.schedule("test", number, due_at=hour_ago)
    with alpha.inside():
        due.schedule("deadline", 7, due_at=timezone.now() - timedelta(seconds=5))

    rung.clear()

    scheduler._scan(threading.Event())
    assert (alpha.schema, "deadline", 7) not in rung
    scheduler._scan(threading.Event())

    assert rung.count((alpha.schema, "deadline", 7)) == 1
    assert len(rung) == len(set(rung))
