"""What people see under /admin/: the merchant's desk and the platform's (docs/architecture.md)."""

from tenants.admin import brand, people, platform, sites

__all__ = ["brand", "people", "platform", "sites"]
