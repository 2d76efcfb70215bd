"""The shop's part of the desk: catalogue, import, orders."""

from integrations.admin import catalogue, imports, order_requests, orders

__all__ = ["catalogue", "imports", "order_requests", "orders"]
