"""Accepting a delivery: one statement writes the inbox row and the wish to work on it.

Ingest (async, its own database role), polling channels, the site widget and the demo use the same
statement. What is committed here is what our 200 promises.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from hashlib import blake2b

from django.db import connection, transaction

from bots.channels.base import Envelope
from tenants.kernel import bell
from tenants.kernel.context import current_schema
from tenants.kernel.text import storable_json

# Placeholders: schema as an identifier by `accept_sql`; then channel ids, keys, lanes, payloads
# (arrays of one length) and the schema's name. Rows of one lane keep their order. Lanes are
# locked in one order, so two processes cannot wait for each other. Returned: the lanes with new
# rows, and whether they were idle (only then a bell is needed: else one was rung, or whoever works
# on the lane looks again).
_ACCEPT = """
WITH fresh AS (
    INSERT INTO "{schema}".bots_inbox (channel_id, dedupe_key, lane, payload)
    SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::jsonb[])
    ON CONFLICT (channel_id, dedupe_key) DO NOTHING RETURNING lane)
INSERT INTO public.tenants_due AS d (schema, kind, object_id)
SELECT DISTINCT %s, 'inbox', lane FROM fresh ORDER BY lane
ON CONFLICT (schema, kind, object_id) DO UPDATE SET
    due_at = CASE WHEN d.lease_until > statement_timestamp() THEN excluded.due_at
                  ELSE least(d.due_at, excluded.due_at) END,
    attempts = 0, version = d.version + 1
RETURNING object_id, xmax = 0
"""


def accept_sql(schema: str) -> str:
    if '"' in schema:
        raise ValueError("not a schema")
    return _ACCEPT.format(schema=schema)


def lane_of(channel_id: int, chat: str) -> int:
    """Signed 64 bits of a hash: equal for one chat of one channel, else unequal in practice."""
    digest = blake2b(f"{channel_id}:{chat}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def accept(channel_id: int, envelopes: Sequence[Envelope], *, ring: bool = True) -> list[int]:
    """Store deliveries inside the current merchant. Returns the lanes that have new work.

    A delivery that was stored before changes nothing. `ring=False` leaves waking a worker to the
    caller (bulk loads, tests that work by hand).
    """
    if not envelopes:
        return []
    schema = current_schema()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            accept_sql(schema),
            (
                [channel_id] * len(envelopes),
                [envelope.dedupe_key for envelope in envelopes],
                [lane_of(channel_id, envelope.chat) for envelope in envelopes],
                [storable_json(envelope.payload) for envelope in envelopes],
                schema,
            ),
        )
        found = cursor.fetchall()
    lanes = [lane for lane, _ in found]
    if ring:
        for lane in [lane for lane, is_idle in found if is_idle]:
            transaction.on_commit(partial(bell.ring, schema, "inbox", lane))
    return lanes
