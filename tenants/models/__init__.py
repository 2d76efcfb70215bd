from tenants.models.merchant import Domain, Merchant, RouteKey, SchemaTemplate
from tenants.models.partner import Brand, KeyFault, MailServer, Partner, Plan
from tenants.models.policy import AdPolicy
from tenants.models.work import Due, OutboxEvent

__all__ = [
    "AdPolicy",
    "Brand",
    "Domain",
    "Due",
    "KeyFault",
    "MailServer",
    "Merchant",
    "OutboxEvent",
    "Partner",
    "Plan",
    "RouteKey",
    "SchemaTemplate",
]
