"""What a merchant leaves outside its schema, and how it goes: files and entries in Redis.

Routes, hosts, due work and facts go with the schema (provision.schema_drop); keys of secrets are
derived from the schema's name and open nothing once the rows are gone.
"""

from __future__ import annotations

import logging

import redis
from django.core.files.storage import Storage, default_storage

from tenants.kernel import bell, registry
from tenants.models import Merchant

log = logging.getLogger(__name__)


@registry.erase.register("files")
def files_erase(merchant: Merchant) -> None:
    """Everything below the merchant's own folder, whether a row knows it or not."""
    _empty(default_storage, merchant.schema_name)


def _empty(storage: Storage, folder: str) -> None:
    try:
        folders, names = storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        storage.delete(f"{folder}/{name}")
    for name in folders:
        _empty(storage, f"{folder}/{name}")
    storage.delete(folder)


@registry.erase.register("redis")
def redis_erase(merchant: Merchant) -> None:
    """Cache entries, paces and sockets' groups: whatever key holds the schema's random name."""
    client = bell._redis()
    try:
        for key in client.scan_iter(match=f"*{merchant.schema_name}*", count=1000):
            client.unlink(key)
    except redis.RedisError:
        log.warning("Redis is away; what %s left there expires by itself", merchant.schema_name)
