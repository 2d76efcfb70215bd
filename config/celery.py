"""Celery: rings the bell that wakes a worker. Waiting work itself is rows (tenants.kernel.due)."""

import os
import sys
import threading
import time

from celery import Celery
from celery.signals import worker_init, worker_ready, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")
# A worker that starts again is awaited by buyers: it does not load every page to check it. Whoever
# starts it has migrated before, which checks all.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["tenants", "integrations", "bots", "analytics"])


@worker_init.connect
def _take_turns(**_: object) -> None:
    """One thread that computes keeps the others, who wait for each answer of the database, for
    5 ms each time: a document being indexed was a second in every turn of a buyer."""
    sys.setswitchinterval(0.0005)


@worker_shutting_down.connect
def _stop(**_: object) -> None:
    """Long work leaves the rest to another worker."""
    from bots.services import broadcast_run

    broadcast_run.stopping.set()


@worker_ready.connect
def _beat(**_: object) -> None:
    """Say every few seconds that this worker is there; /readyz and the console ask."""

    def loop() -> None:
        while True:
            health.beat("worker")
            time.sleep(4)

    from tenants.kernel import health

    threading.Thread(target=loop, daemon=True, name="heartbeat").start()


def load() -> None:
    """Words and vendors' packages, which take seconds, for the first buyers not to wait for."""
    from bots import answerer
    from bots.llm import gateway
    from bots.services import channels

    for part in (answerer, channels, gateway):
        part.warm_up()


@worker_ready.connect
def _warm(**_: object) -> None:
    threading.Thread(target=load, daemon=True, name="warm-up").start()
