"""What outside systems and our own tables can do for a skill: capabilities, not vendors."""

from __future__ import annotations

from enum import StrEnum


class Capability(StrEnum):
    """A connector's manifest says which of these it offers; `native` stands in for the rest."""

    CATALOG = "catalog"
    STOCK = "stock"
    ORDERS = "orders"
    DELIVERY = "delivery"
    REVIEWS = "reviews"
    QUESTIONS = "questions"
    CHATS = "chats"
    PAYMENTS = "payments"
    RETURNS = "returns"
    CRM = "crm"
