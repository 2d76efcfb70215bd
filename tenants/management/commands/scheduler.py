"""The `scheduler` role: recovery scan and relay of facts."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from tenants.kernel import scheduler


class Command(BaseCommand):
    help = "Rings for due work and relays facts into event logs."

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        scheduler.run(stop)
