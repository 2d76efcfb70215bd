"""What people see under /admin/: the merchant's desk and the platform's (docs/architecture.md)."""

from tenants.admin import brand, limits, mail, password, people, platform, sites

__all__ = ["brand", "limits", "mail", "password", "people", "platform", "sites"]
