from django.utils.translation import gettext_lazy as _

from bots.skills.base import Capability, Effect, SkillManifest

MANIFEST = SkillManifest(
    key="order_status",
    title=_("Order status"),
    tells_model=(
        "Status and expected date of the buyer's own order. Use when the buyer asks where their "
        "order is, when it arrives, or whether it can be collected. Needs the order number; ask "
        "for the phone of the order if the buyer is not known."
    ),
    needs=frozenset({Capability.ORDERS}),
    effect=Effect.READS,
    implementation="bots.skills.order_status.skill.OrderStatus",
)
