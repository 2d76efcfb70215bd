"""What a merchant leaves outside its schema, and how it goes: files and entries in Redis.

Routes, hosts, due work and facts go with the schema (provision.schema_drop); keys of secrets are
derived from the schema's name and open nothing once the rows are gone.
"""

from __future__ import annotations

import logging

import redis

from tenants.kernel import registry
from tenants.kernel.files import folder_delete
from tenants.kernel.store import store
from tenants.models import Merchant

log = logging.getLogger(__name__)


@registry.erase.register("files")
def files_erase(merchant: Merchant) -> None:
    """Everything below the merchant's own folder, whether a row knows it or not."""
    folder_delete(merchant.schema_name)


@registry.erase.register("redis")
def redis_erase(merchant: Merchant) -> None:
    """Cache entries, paces and sockets' groups: whatever key holds the schema's random name."""
    client = store()
    try:
        for key in client.scan_iter(match=f"*{merchant.schema_name}*", count=1000):
            client.unlink(key)
    except redis.RedisError:
        log.warning("Redis is away; what %s left there expires by itself", merchant.schema_name)


# These need no schema: they run before it is dropped and once more after it.
OUTSIDE = (files_erase, redis_erase)
