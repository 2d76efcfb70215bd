"""A clock the tests move; timers that are due by it are done."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

TIMERS = ("sla", "silence", "deadline", "snooze", "rules")


class Clock:
    def __init__(self, shop: Any, start: datetime) -> None:
        self.shop, self.at = shop, start

    def now(self) -> datetime:
        return self.at

    def to(self, moment: datetime) -> None:
        """Pass to a moment, doing each timer at its own time."""
        from tenants.models import Due

        for _ in range(60):
            rows = Due.objects.filter(
                schema=self.shop.schema, kind__in=TIMERS, due_at__lte=moment
            ).order_by("due_at", "kind")
            row = rows.first()
            if row is None:
                break
            self.at = max(self.at, row.due_at)
            self._do(row)
        self.at = moment

    def forward(self, **by: float) -> None:
        self.to(self.at + timedelta(**by))

    def _do(self, row: Any) -> None:
        from tenants.kernel import due
        from tenants.models import Due

        real = _real_now() - timedelta(seconds=1)
        Due.objects.filter(pk=row.pk).update(due_at=real, attempts=0)
        assert due.take(row.schema, row.kind, row.object_id), row.kind


_real_now = timezone.now
