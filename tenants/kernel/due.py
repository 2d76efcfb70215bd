"""Waiting work and timers: rows in `due`. Celery only rings; recovery reads this table alone.

A row is (schema, kind, object). Wishing it again while it waits moves it to the earlier time;
wishing it while somebody works on it makes it run once more afterwards. Leases are short and
renewed by the process that holds them, so a killed worker's work goes on within seconds.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection, connections, transaction
from django.utils import timezone

from tenants.kernel import bell, gate
from tenants.kernel.context import PUBLIC, current_schema, merchant_context, release_connection
from tenants.kernel.errors import RetryLater

log = logging.getLogger(__name__)

LEASE_S = 6.0
RENEW_EVERY_S = 1.5
MAX_ATTEMPTS = 12
PAUSE_AT_MOST_S = 60.0

Work = Callable[[int], datetime | None]
_workers: dict[str, Work] = {}
_after = threading.local()


def worker(kind: str) -> Callable[[Work], Work]:
    """Register the function that does work of `kind`. It runs inside the merchant's schema.

    Returns the time to run again, or None when the work is done. RetryLater and unforeseen
    errors are tried again with growing pauses; the row stays until the work succeeds or
    MAX_ATTEMPTS have failed (then it is kept with its attempts, for the operator to see).
    """

    def add(function: Work) -> Work:
        _workers[kind] = function
        return function

    return add


def kinds() -> frozenset[str]:
    return frozenset(_workers)


# statement_timestamp: a long transaction must not see the past as the present. `attempts` above 0
# in a row nobody holds means it waits on purpose (a vendor's limit, a growing pause): a new wish
# does not cut that short.
_UPSERT = """
INSERT INTO public.tenants_due AS d (schema, kind, object_id, due_at)
VALUES (%s, %s, %s, coalesce(%s, statement_timestamp()))
ON CONFLICT (schema, kind, object_id) DO UPDATE SET
    due_at = CASE WHEN d.lease_until > statement_timestamp() THEN excluded.due_at
                  WHEN d.attempts > 0 THEN d.due_at
                  ELSE least(d.due_at, excluded.due_at) END,
    version = d.version + 1
"""
_MOVE = """
INSERT INTO public.tenants_due AS d (schema, kind, object_id, due_at)
VALUES (%s, %s, %s, %s)
ON CONFLICT (schema, kind, object_id) DO UPDATE SET
    due_at = excluded.due_at, attempts = 0, version = d.version + 1
"""


def schedule(kind: str, object_id: int, *, due_at: datetime | None = None) -> None:
    """Wish work for now or for `due_at`, inside the transaction of the change that needs it."""
    schema = current_schema()
    with connection.cursor() as cursor:
        cursor.execute(_UPSERT, (schema, kind, object_id, due_at))
    if due_at is None or due_at <= timezone.now():
        transaction.on_commit(lambda: bell.ring(schema, kind, object_id))


_BUSY = (
    "d.lease_until > statement_timestamp() OR (d.attempts > 0 AND d.due_at > statement_timestamp())"
)
_HOLD = f"""
INSERT INTO public.tenants_due AS d
    (schema, kind, object_id, due_at, lease_until, token, attempts)
VALUES (%(schema)s, %(kind)s, %(id)s, statement_timestamp(),
        statement_timestamp() + %(lease)s * interval '1 second', %(token)s, 1)
ON CONFLICT (schema, kind, object_id) DO UPDATE SET
    version = d.version + 1,
    due_at = CASE WHEN d.lease_until > statement_timestamp() THEN excluded.due_at
                  WHEN d.attempts > 0 THEN d.due_at
                  ELSE least(d.due_at, excluded.due_at) END,
    token = CASE WHEN {_BUSY} THEN d.token ELSE excluded.token END,
    attempts = CASE WHEN {_BUSY} THEN d.attempts ELSE 1 END,
    lease_until = CASE WHEN {_BUSY} THEN d.lease_until ELSE excluded.lease_until END
RETURNING token, version, attempts
"""  # noqa: S608
# A timer moves, or ends, in the statement that holds the work it watches over.
_HOLD_WITH_TIMER = f"""
WITH timer AS (
    INSERT INTO public.tenants_due AS t (schema, kind, object_id, due_at)
    VALUES (%(schema)s, %(timer)s, %(id)s, %(timer_at)s)
    ON CONFLICT (schema, kind, object_id) DO UPDATE SET
        due_at = excluded.due_at, attempts = 0, version = t.version + 1)
{_HOLD}"""  # noqa: S608
_HOLD_WITHOUT_TIMER = f"""
WITH timer AS (
    DELETE FROM public.tenants_due
    WHERE schema = %(schema)s AND kind = %(timer)s AND object_id = %(id)s)
{_HOLD}"""  # noqa: S608


def follow(
    kind: str, object_id: int, *, timer: tuple[str, datetime] | None = None, ends: str = ""
) -> None:
    """Wish work for now and keep it for this thread: it is done right after the current piece.

    Part of the caller's transaction. Where another process holds the row already, that one does
    the work once more; if this process dies, the lease ends and the scan finds the row. Outside
    of due work it is the same as `schedule`. In the same statement `timer` moves a timer of the
    object to a time, and `ends` forgets one.
    """
    waiting: list[Lease] | None = _after.__dict__.get("work")
    if waiting is None:
        schedule(kind, object_id)
        if timer is not None:
            reschedule(timer[0], object_id, due_at=timer[1])
        if ends:
            cancel(ends, object_id)
        return
    schema, token = current_schema(), uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            _HOLD_WITH_TIMER if timer else _HOLD_WITHOUT_TIMER if ends else _HOLD,
            {
                "schema": schema,
                "kind": kind,
                "id": object_id,
                "lease": LEASE_S,
                "token": token,
                "timer": timer[0] if timer else ends,
                "timer_at": timer[1] if timer else None,
            },
        )
        holder, version, attempts = cursor.fetchone()
    if holder == token:
        waiting.append(Lease(schema, kind, object_id, token, version, attempts))


def reschedule(kind: str, object_id: int, *, due_at: datetime) -> None:
    """Move a timer to another time, later included; a pause after a failure ends."""
    schema = current_schema()
    with connection.cursor() as cursor:
        cursor.execute(_MOVE, (schema, kind, object_id, due_at))
    if due_at <= timezone.now():
        transaction.on_commit(lambda: bell.ring(schema, kind, object_id))


def cancel(kind: str, object_id: int) -> None:
    """Forget a timer. Work that is running goes on."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM public.tenants_due WHERE schema = %s AND kind = %s AND object_id = %s",
            (current_schema(), kind, object_id),
        )


@dataclass(frozen=True)
class Lease:
    schema: str
    kind: str
    object_id: int
    token: uuid.UUID
    version: int
    attempts: int


_CLAIM = """
UPDATE public.tenants_due
SET lease_until = statement_timestamp() + %s * interval '1 second', token = %s,
    attempts = attempts + 1
WHERE schema = %s AND kind = %s AND object_id = %s
  AND due_at <= statement_timestamp() + interval '5 milliseconds'
  AND (lease_until IS NULL OR lease_until < statement_timestamp())
RETURNING version, attempts
"""


def claim(schema: str, kind: str, object_id: int) -> Lease | None:
    """Take the work if it is due and nobody holds it."""
    token = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, (LEASE_S, token, schema, kind, object_id))
        row = cursor.fetchone()
    if row is None:
        return None
    return Lease(schema, kind, object_id, token, *row)


def release(lease: Lease, *, again_at: datetime | None = None, failed: bool = False) -> bool:
    """Give the work back. True when it was wished again meanwhile and is due now.

    A time to come again that is over already, because this machine's clock is behind the
    database's, is left to the scan: nobody spins.
    """
    _renewer.drop(lease)
    with connection.cursor() as cursor:
        if again_at is None:
            cursor.execute(
                "DELETE FROM public.tenants_due WHERE token = %s AND version = %s",
                (lease.token, lease.version),
            )
            if cursor.rowcount:
                return False
        cursor.execute(
            """
            UPDATE public.tenants_due
            SET lease_until = NULL, token = NULL,
                attempts = CASE WHEN %s THEN attempts
                                WHEN %s::timestamptz IS NULL THEN 0 ELSE 1 END,
                due_at = CASE WHEN %s::timestamptz IS NULL OR version <> %s THEN due_at
                              ELSE %s::timestamptz END
            WHERE token = %s RETURNING version <> %s AND due_at <= statement_timestamp()
            """,
            (failed, again_at, again_at, lease.version, again_at, lease.token, lease.version),
        )
        row = cursor.fetchone()
    return bool(row and row[0])


def take(schema: str, kind: str, object_id: int) -> bool:
    """Do one piece of work if it is due and free. True when something was done.

    Called by a bell (Celery), by the recovery scan, and directly by tests.
    """
    gate.enter(release_connection)
    try:
        with merchant_context(schema):
            lease = claim(schema, kind, object_id)
            done = lease is not None
            waiting = [lease] if lease else []
            outer, _after.work = _after.__dict__.get("work"), waiting
            try:
                while waiting:
                    _do(waiting.pop(0))
            finally:
                _after.work = outer
    finally:
        gate.leave()
    return done


def _do(lease: Lease) -> None:
    """Run held work, and run it again while it is wished again meanwhile."""
    held: Lease | None = lease
    while held is not None:
        _renewer.hold(held)
        again_at, failed = _run(held)
        ready = release(held, again_at=again_at, failed=failed)
        held = claim(held.schema, held.kind, held.object_id) if ready and not failed else None


def _run(lease: Lease) -> tuple[datetime | None, bool]:
    function = _workers.get(lease.kind)
    if function is None:
        log.error("nobody does work of kind %s", lease.kind)
        return timezone.now() + timedelta(minutes=10), True
    try:
        return function(lease.object_id), False
    except RetryLater as exc:
        wait = exc.retry_after_s or min(2.0**lease.attempts, PAUSE_AT_MOST_S)
        return timezone.now() + timedelta(seconds=wait), True
    except Exception:  # any work of any kind; its row says when it is tried again
        if connection.in_atomic_block and not connection.needs_rollback:
            log.exception("%s %s failed inside a transaction", lease.kind, lease.object_id)
        log.exception("%s %s failed (attempt %s)", lease.kind, lease.object_id, lease.attempts)
        if lease.attempts >= MAX_ATTEMPTS:
            return timezone.now() + timedelta(days=1), True
        return timezone.now() + timedelta(seconds=min(2.0**lease.attempts, PAUSE_AT_MOST_S)), True


def overdue(limit: int = 200, *, grace_s: float = 0.3) -> list[tuple[str, str, int]]:
    """Work that is due and that nobody holds: what a lost bell or a killed worker left behind."""
    return [row[:3] for row in overdue_since(limit, grace_s=grace_s)]


def overdue_since(
    limit: int = 200, *, grace_s: float = 0.3
) -> list[tuple[str, str, int, datetime]]:
    """The same, with the time since when."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT schema, kind, object_id, due_at FROM public.tenants_due
            WHERE due_at <= statement_timestamp() - %s * interval '1 second'
              AND (lease_until IS NULL OR lease_until < statement_timestamp())
            ORDER BY due_at LIMIT %s
            """,
            (grace_s, limit),
        )
        return cursor.fetchall()


class _Renewer:
    """One thread a process keeps the leases of everything this process is doing alive."""

    def __init__(self) -> None:
        self._held: set[uuid.UUID] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def hold(self, lease: Lease) -> None:
        with self._lock:
            self._held.add(lease.token)
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._loop, daemon=True, name="leases")
                self._thread.start()

    def drop(self, lease: Lease) -> None:
        with self._lock:
            self._held.discard(lease.token)

    def _loop(self) -> None:
        while True:
            time.sleep(RENEW_EVERY_S)
            with self._lock:
                tokens = list(self._held)
            if tokens:
                try:
                    self._renew(tokens)
                except Exception:  # the next round renews them
                    log.exception("leases could not be renewed")
                finally:
                    connections["default"].close()

    @staticmethod
    def _renew(tokens: list[uuid.UUID]) -> None:
        with merchant_context(PUBLIC), connection.cursor() as cursor:
            cursor.execute(
                "UPDATE public.tenants_due "
                "SET lease_until = statement_timestamp() + %s * interval '1 second' "
                "WHERE token = ANY(%s)",
                (LEASE_S, tokens),
            )


_renewer = _Renewer()


def give_way(worked_s: float) -> None:
    """Long computing says now and then how long it was at it: while other work is under way in this
    process, it rests as long. Outside transactions only.
    """
    if len(_renewer._held) > 1:
        time.sleep(min(worked_s, 0.25))
