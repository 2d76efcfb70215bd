"""What is known of who a buyer is, and how well it is proven."""

from __future__ import annotations

from collections.abc import Iterable

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


def identities_only(contact: Contact, known: Iterable[tuple[str, str, str]]) -> None:
    """What was proven by a code and is not among these is proven no more."""
    gone = Identity.objects.filter(contact=contact, proof=Identity.Proof.CODE)
    for kind, value, _proof in known:
        gone = gone.exclude(kind=kind, value=value[:120])
    gone.delete()
