from integrations.models.catalogue import Category, Listing, Product, Variant
from integrations.models.connection import Connection
from integrations.models.orders import Order, OrderLine, OrderRequest, Parcel

__all__ = [
    "Category",
    "Connection",
    "Listing",
    "Order",
    "OrderLine",
    "OrderRequest",
    "Parcel",
    "Product",
    "Variant",
]
