"""The `scheduler` role: recovery scan, relay of facts, and the clock of periodic work."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from tenants.kernel import scheduler


class Command(BaseCommand):
    help = "Rings for due work, relays facts into event logs, runs periodic work."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        scheduler.run(stop)
