"""Orders from the merchant's own tables, whatever brought them there."""

from integrations.native.orders.selectors import order_by_number, orders_by_owner

__all__ = ["order_by_number", "orders_by_owner"]
