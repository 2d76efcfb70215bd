"""The shop's part of the desk: catalogue, import, orders."""

from integrations.admin import catalogue, imports, orders

__all__ = ["catalogue", "imports", "orders"]
