"""What people see under /admin/: the merchant's desk and the platform's (docs/architecture.md)."""

from tenants.admin import sites

__all__ = ["sites"]
