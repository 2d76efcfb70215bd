"""Celery: rings the bell that wakes a worker. Waiting work itself is rows (tenants.kernel.due)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

app = Celery("config")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks(["tenants", "integrations", "bots", "analytics"])
