from integrations.models.catalogue import Category, Listing, Product, Variant
from integrations.models.connection import Connection
from integrations.models.orders import Order, OrderLine, Parcel, Return

__all__ = [
    "Category",
    "Connection",
    "Listing",
    "Order",
    "OrderLine",
    "Parcel",
    "Product",
    "Return",
    "Variant",
]
