"""What people see under /admin/: the merchant's desk and the platform's (docs/architecture.md)."""

from tenants.admin import (
    ad_policies,
    brand,
    limits,
    mail,
    merchants,
    partners,
    password,
    people,
    platform,
    sites,
    staff,
)

__all__ = [
    "ad_policies",
    "brand",
    "limits",
    "mail",
    "merchants",
    "partners",
    "password",
    "people",
    "platform",
    "sites",
    "staff",
]
