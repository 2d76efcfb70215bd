"""What is known of who a buyer is, and how well it is proven."""

from __future__ import annotations

from django.utils import timezone

from bots.models import Contact, Identity


def identity_keep(contact: Contact, kind: str, value: str, proof: str) -> bool:
    """Whether that is news. A weaker proof takes nothing from a stronger one."""
    row, made = Identity.objects.get_or_create(
        contact=contact,
        kind=kind,
        value=value[:120],
        defaults={"proof": proof, "proven_at": timezone.now()},
    )
    if made:
        return True
    if proof not in Identity.PROVEN and row.proof in Identity.PROVEN:
        return False
    is_news = row.proof != proof
    row.proof, row.proven_at = proof, timezone.now()
    row.save(update_fields=["proof", "proven_at"])
    return is_news
