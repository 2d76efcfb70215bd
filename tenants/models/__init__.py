from tenants.models.merchant import Domain, Merchant, RouteKey, SchemaTemplate
from tenants.models.partner import Brand, Partner, Plan
from tenants.models.work import Due, OutboxEvent

__all__ = [
    "Brand",
    "Domain",
    "Due",
    "Merchant",
    "OutboxEvent",
    "Partner",
    "Plan",
    "RouteKey",
    "SchemaTemplate",
]
