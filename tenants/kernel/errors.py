"""Errors by consequence: what the caller has to do next, not what broke.

VendorError
├── RetryLater       429, or a read that met a time-out or 5xx: the same call may work later
├── OutcomeUnknown   a write that met a time-out or 5xx: look before repeating it
├── NeedsMerchant    401/403, expired token, bad settings: a person has to act
└── Rejected         the vendor understood and said no: repeating changes nothing
    └── NotFound
"""

from __future__ import annotations

from typing import Any


class VendorError(Exception):
    """`detail` may be shown to a merchant: it holds no secret and no address with a token."""

    def __init__(
        self, detail: str = "", *, vendor: str = "", operation: str = "", status: int | None = None
    ) -> None:
        super().__init__(detail)
        self.detail, self.vendor, self.operation, self.status = detail, vendor, operation, status

    def __str__(self) -> str:
        where = " ".join(filter(None, [self.vendor, self.operation]))
        return f"{where}: {self.detail}" if where else self.detail


class RetryLater(VendorError):
    """`retry_after_s` is the vendor's own wish in seconds, None where it named none."""

    def __init__(
        self, detail: str = "", *, retry_after_s: float | None = None, **kwargs: Any
    ) -> None:
        super().__init__(detail, **kwargs)
        self.retry_after_s = retry_after_s


class OutcomeUnknown(VendorError):
    pass


class NeedsMerchant(VendorError):
    pass


class Rejected(VendorError):
    pass


class NotFound(Rejected):
    pass


class RuleBroken(Exception):
    """A rule of ours said no. `code` is stable; the message is for a person."""

    code = "rule_broken"
    status = 409

    def __init__(self, message: str = "", **data: object) -> None:
        super().__init__(message)
        self.data = data
