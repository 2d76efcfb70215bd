"""Facts leave through an outbox: committed with the change, delivered afterwards, at least once.

The relay numbers each fact into the merchant's event log without gaps, calls handlers inside the
merchant's schema, and tells live sockets. Order holds within one schema.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any

from django.db import connection, transaction

from tenants.kernel import bell
from tenants.kernel.context import PUBLIC, backend, current_schema, merchant_context

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 8


@dataclass(frozen=True)
class Event:
    """A fact as handlers see it. `data` holds ids; read the current state, it may have moved on."""

    schema: str
    seq: int
    name: str
    key: str
    data: dict[str, Any] = field(default_factory=dict)
    at: datetime | None = None


OutboxEvent = Event
Handler = Callable[[Event], None]
_handlers: dict[str, list[Handler]] = {}
_listeners: list[Callable[[str, list[Event]], None]] = []


def on(*names: str) -> Callable[[Handler], Handler]:
    """Call the function after a fact, inside its merchant's schema. `"*"` is every fact."""

    def add(function: Handler) -> Handler:
        for name in names:
            _handlers.setdefault(name, []).append(function)
        return function

    return add


def listener(function: Callable[[str, list[Event]], None]) -> Callable[[str, list[Event]], None]:
    """Call the function with each numbered batch of a schema (live sockets)."""
    _listeners.append(function)
    return function


# What a fact is caused by, where that is not a person or a buyer: goes into its data.
_cause: ContextVar[Mapping[str, Any]] = ContextVar("outbox_cause", default=MappingProxyType({}))


@contextmanager
def because(**cause: Any) -> Iterator[None]:
    """Facts noted inside carry this in their data: `because(rule=3, depth=1)`."""
    token = _cause.set(cause)
    try:
        yield
    finally:
        _cause.reset(token)


def caused(data: dict[str, Any]) -> dict[str, Any]:
    """The data of a fact with its cause, for statements that write facts themselves."""
    return {**data, **_cause.get()}


def emit(name: str, *, key: str, data: dict[str, Any]) -> None:
    """Note a fact inside the transaction of the change. Ids only, no content."""
    emit_all([(name, data)], key=key)


def emit_all(facts: Sequence[tuple[str, dict[str, Any]]], *, key: str) -> None:
    """Several facts of one key in one statement, in their order."""
    schema = current_schema()
    if schema == PUBLIC:
        raise RuntimeError(f"{facts[0][0]}: a fact belongs to a merchant")
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO public.tenants_outboxevent (schema, name, key, data) "
            "SELECT %s, name, %s, data FROM unnest(%s::text[], %s::jsonb[]) AS f(name, data)",
            (
                schema,
                key,
                [name for name, _ in facts],
                [json.dumps(caused(data)) for _, data in facts],
            ),
        )
    tell_relay()


def tell_relay() -> None:
    """After facts were noted by a statement of the caller's own: one bell a transaction."""
    here = backend()
    if not here.outbox_told or not here.in_atomic_block:
        here.outbox_told = True
        transaction.on_commit(_tell)


def _tell() -> None:
    backend().outbox_told = False
    bell.publish_outbox()


_RESERVE = """
UPDATE public.tenants_outboxevent SET lease_until = now() + interval '10 seconds',
    attempts = attempts + 1
WHERE id IN (
    SELECT id FROM public.tenants_outboxevent
    WHERE schema = %s AND (lease_until IS NULL OR lease_until < now()) ORDER BY id LIMIT %s
    FOR UPDATE SKIP LOCKED)
RETURNING id, name, key, data, created_at, seq, attempts
"""


def relay(limit: int = 500) -> int:
    """Move waiting facts of every merchant on. Returns how many were moved."""
    with merchant_context(PUBLIC), connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT schema FROM (SELECT schema FROM public.tenants_outboxevent "
            "WHERE lease_until IS NULL OR lease_until < now() ORDER BY id LIMIT %s) waiting",
            (limit,),
        )
        schemas = [row[0] for row in cursor.fetchall()]
    moved = 0
    for schema in schemas:
        try:
            moved += _relay_schema(schema, limit)
        except Exception:  # one merchant's trouble is not the others'
            log.exception("facts of %s wait", schema)
    return moved


def _relay_schema(schema: str, limit: int) -> int:
    with merchant_context(schema):
        with transaction.atomic(), connection.cursor() as cursor:
            # One relay a merchant at a time: the order of the log is the order of the outbox.
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtext(%s))", (f"relay:{schema}",))
            if not cursor.fetchone()[0]:
                return 0
            cursor.execute(_RESERVE, (schema, limit))
            rows = sorted(cursor.fetchall())
            fresh = [row for row in rows if row[5] is None]
            numbers: dict[int, int] = {row[0]: row[5] for row in rows if row[5] is not None}
            if fresh:
                cursor.execute(
                    "INSERT INTO workspace_counter (name, value) VALUES ('events', %s) "
                    "ON CONFLICT (name) DO UPDATE SET value = workspace_counter.value + %s "
                    "RETURNING value",
                    (len(fresh), len(fresh)),
                )
                first = cursor.fetchone()[0] - len(fresh) + 1
                numbers |= {row[0]: first + n for n, row in enumerate(fresh)}
                cursor.execute(
                    "INSERT INTO workspace_event (seq, name, key, data, at) "
                    "SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::jsonb[], "
                    "%s::timestamptz[])",
                    (
                        [numbers[row[0]] for row in fresh],
                        [row[1] for row in fresh],
                        [row[2] for row in fresh],
                        [_text(row[3]) for row in fresh],
                        [row[4] for row in fresh],
                    ),
                )
                cursor.execute(
                    "UPDATE public.tenants_outboxevent o SET seq = n.seq "
                    "FROM unnest(%s::bigint[], %s::bigint[]) AS n(id, seq) WHERE o.id = n.id",
                    ([row[0] for row in fresh], [numbers[row[0]] for row in fresh]),
                )
        events = [
            (row[0], row[6], Event(schema, numbers[row[0]], row[1], row[2], _data(row[3]), row[4]))
            for row in rows
        ]
        for tell in _listeners:
            try:
                tell(schema, [event for _, _, event in events])
            except Exception:  # they find by number what they were not told
                log.exception("live sockets of %s were not told", schema)
        finished = [ident for ident, attempts, event in events if _handle(event, attempts)]
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM public.tenants_outboxevent WHERE id = ANY(%s)", (finished,))
    return len(finished)


def _handle(event: Event, attempts: int) -> bool:
    """Run the handlers; False leaves the fact for another try."""
    for handler in [*_handlers.get(event.name, ()), *_handlers.get("*", ())]:
        try:
            with transaction.atomic():
                handler(event)
        except Exception:  # the fact stays for another try
            log.exception("%s of %s failed on %s", handler.__name__, event.schema, event.name)
            if attempts < MAX_ATTEMPTS:
                return False
    return True


def _data(value: Any) -> dict[str, Any]:
    return json.loads(value) if isinstance(value, str) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
