"""How often a person's programs may call. A cache that is away forgives rather than refuses."""

from __future__ import annotations

import logging

from rest_framework.throttling import SimpleRateThrottle

from tenants.kernel.store import AWAY

log = logging.getLogger(__name__)

# A view names its kind of work as `throttle_scope`.
RATES: dict[str, str | None] = {"api": "6000/min", "answer": "3000/min", "import": "120/min"}


class PerPerson(SimpleRateThrottle):
    """Counted for each person (or address) and kind of work; keys are the merchant's own."""

    THROTTLE_RATES = RATES

    def __init__(self) -> None:
        self.scope = ""

    def allow_request(self, request, view) -> bool:
        self.scope = getattr(view, "throttle_scope", "api")
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        try:
            return super().allow_request(request, view)
        except AWAY:
            log.warning("the cache does not answer; calls are not counted")
            return True

    def get_cache_key(self, request, view) -> str:
        who = request.user.pk if request.user and request.user.is_authenticated else None
        return self.cache_format % {
            "scope": self.scope,
            "ident": who or self.get_ident(request),
        }
